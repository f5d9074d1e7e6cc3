"""Reservations at the delivery system: the REST API as the platform uses it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from event_world import unique_id
from lds_world import ROUTER, SESSIONS, Lds, delivery_system, reservation

from lcm_simulators.lds.app import create_app
from lcm_simulators.lds.settings import LdsSettings


@pytest.fixture(scope="module")
def lds(tmp_path_factory: pytest.TempPathFactory, moto_endpoint: str) -> Iterator[Lds]:
    """One delivery system for the tests that leave its process alone."""
    with delivery_system(tmp_path_factory.mktemp("lds"), moto_endpoint) as running:
        yield running


@pytest.mark.parametrize(
    "auth",
    [None, httpx.BasicAuth("lcm", "guess"), httpx.BasicAuth("other", "password of lcm")],
    ids=["nobody", "wrong password", "another user"],
)
def test_nobody_reserves_without_the_password(lds: Lds, auth: httpx.Auth | None) -> None:
    answer = httpx.post(f"{lds.server.url}{SESSIONS}", json=reservation("s"), auth=auth)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert answer.json()["error"] == "unauthorized"


def test_two_creations_make_two_sessions_that_are_found_by_their_auth_id(lds: Lds) -> None:
    auth_id = unique_id()
    first, second = lds.create(auth_id), lds.create(auth_id)
    assert first["id"] != second["id"]
    found = lds.server.json("GET", SESSIONS, params={"auth_id": auth_id})["items"]
    assert [session["id"] for session in found] == [first["id"], second["id"]]
    assert lds.server.json("GET", SESSIONS, params={"auth_id": unique_id()})["items"] == []


def test_a_session_is_pending_until_each_part_has_its_devices(lds: Lds) -> None:
    parts = [{"repository_type": "minio", "form_qualified_name": f"Exam CCNP X LAB 1.0 {part}"} for part in "ab"]
    session = lds.create(unique_id(), session_parts=parts)
    assert session["state"] == "PENDING"
    assert [part["part"] for part in session["session_parts"]] == [1, 2]
    assert lds.set_devices(session["id"], ROUTER)["state"] == "PENDING"
    ready = lds.set_devices(session["id"], {**ROUTER, "device_label": "R2"}, part=2)
    assert ready["state"] == "PRELAUNCH"
    assert ready["devices"] == ["R1", "R2"]


def test_a_session_without_parts_is_empty_and_cannot_be_launched(lds: Lds) -> None:
    session = lds.create(unique_id(), session_parts=[])
    assert session["state"] == "EMPTY"
    assert lds.server.call("GET", f"{SESSIONS}/{session['id']}/lablet_launch_url").status_code == 409


def test_devices_can_be_handed_over_again(lds: Lds) -> None:
    session = lds.ready("", ROUTER)
    assert lds.set_devices(session["id"], {**ROUTER, "device_label": "SW1"})["devices"] == ["SW1"]


def test_device_labels_are_unique(lds: Lds) -> None:
    session = lds.create(unique_id())
    answer = lds.server.call(
        "PUT", f"{SESSIONS}/{session['id']}/part/1/devices", json=[ROUTER, {**ROUTER, "port": 2002}]
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "device_label_not_unique")
    assert "R1" in answer.json()["message"]
    assert lds.session(session["id"])["devices"] == []


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("", reservation("s", session_parts=[{"repository_type": "minio"}]), "session_parts.0.form_qualified_name"),
        ("", reservation(""), "auth_id"),
        ("", reservation("s", scheduled_date="tomorrow"), "scheduled_date"),
        ("", reservation("s", candidat_id="typo"), "candidat_id"),
        ("/{id}/part/1/devices", [{**ROUTER, "port": 0}], "0.port"),
        ("/{id}/part/1/devices", [{**ROUTER, "protocol": "smoke"}], "0.protocol"),
        ("/{id}/part/1/devices", {"device_label": "R1"}, "valid array"),
    ],
)
def test_a_wrong_body_is_refused_with_the_field(lds: Lds, path: str, body: Any, field: str) -> None:
    session = lds.create(unique_id())
    answer = lds.server.call("PUT" if path else "POST", f"{SESSIONS}{path.format(id=session['id'])}", json=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_body")
    assert field in answer.json()["message"]


@pytest.mark.parametrize(
    "options",
    [{}, {"content": b"{}"}, {"content": b"", "headers": {"Content-Type": "application/json"}}],
    ids=["no body", "no type", "empty body"],
)
def test_a_release_needs_a_json_body(lds: Lds, options: dict[str, Any]) -> None:
    session = lds.ready()
    answer = lds.server.call("POST", f"{SESSIONS}/{session['id']}/release", **options)
    assert answer.status_code == 415
    assert lds.session(session["id"])["state"] == "PRELAUNCH"


def test_a_released_session_is_archived_for_good_and_tells_nobody(lds: Lds) -> None:
    session = lds.ready()
    assert lds.release(session["id"])["state"] == "ARCHIVED"
    assert lds.release(session["id"])["state"] == "ARCHIVED"
    assert lds.server.call("GET", f"{SESSIONS}/{session['id']}/lablet_launch_url").status_code == 409
    assert lds.server.call("PUT", f"{SESSIONS}/{session['id']}/part/1/devices", json=[ROUTER]).status_code == 409
    events = lds.server.admin("GET", "/events")["events"]
    assert [event for event in events if event["subject"] == session["auth_id"]] == []


def test_what_does_not_exist_is_not_found(lds: Lds) -> None:
    session = lds.create(unique_id())
    for method, path in (
        ("GET", "/nothing"),
        ("POST", "/nothing/release"),
        ("PUT", f"/{session['id']}/part/2/devices"),
    ):
        body = None if method == "GET" else [] if method == "PUT" else {}
        answer = lds.server.call(method, f"{SESSIONS}{path}", json=body)
        assert answer.status_code == 404, path
        assert set(answer.json()) == {"error", "message"}


def test_passwords_of_devices_stay_inside(lds: Lds) -> None:
    session = lds.ready("", {**ROUTER, "username": "ada", "password": "analytical-engine"})
    assert "analytical-engine" not in lds.server.call("GET", f"{SESSIONS}/{session['id']}").text
    assert "analytical-engine" not in str(lds.server.admin("GET", "/sessions"))


def test_faults_strike_the_operation_they_name(lds: Lds) -> None:
    auth_id = unique_id()
    fault = {"match": {"operation": "create_session"}, "kind": "drop_after_success", "count": 1}
    lds.server.admin("PUT", "/faults", [fault])
    with pytest.raises(httpx.TransportError):
        lds.create(auth_id)
    assert len(lds.server.json("GET", SESSIONS, params={"auth_id": auth_id})["items"]) == 1
    entries = lds.server.admin("GET", "/journal")["entries"]
    assert any(entry["operation"] == "create_session" and "drop" in entry["note"] for entry in entries)


def test_everything_is_there_after_the_process_was_killed(tmp_path: Path, moto_endpoint: str) -> None:
    with delivery_system(tmp_path, moto_endpoint) as lds:
        waiting, running = lds.create(unique_id()), lds.ready()
        link = lds.link(running["id"])
        lds.server.admin("POST", f"/sessions/{running['id']}/start")
        before = [lds.session(one["id"]) for one in (waiting, running)]
        lds.server.kill()
        lds.server.begin()
        assert [lds.session(one["id"]) for one in (waiting, running)] == before
        assert [one["state"] for one in before] == ["PENDING", "RUNNING"]
        assert httpx.get(link).status_code == 200


def test_a_data_folder_that_cannot_be_read_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "lds.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(ValueError, match=r"lds\.db cannot be used"):
        create_app(LdsSettings(data_dir=tmp_path))
