"""The life of a lab and its states, sessions, sharing, and the errors of what does not exist."""

import json
from collections.abc import Iterator

import pytest
from cml_world import Cml, CmlProcess, cml_process, topology

UNKNOWN = "00000000-0000-4000-a000-00000000dead"


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CmlProcess]:
    with cml_process(tmp_path_factory.mktemp("cml")) as running:
        yield running


@pytest.fixture(scope="module")
def cml(process: CmlProcess) -> Cml:
    return process.controller("lifecycle")


def test_states_follow_the_life_of_a_lab(cml: Cml) -> None:
    lab = cml.load(topology({"r1": "iosv", "r2": "iosv"}, (("r1", "r2"),)))
    link = cml.get(f"labs/{lab}/links")[0]
    assert (cml.get(f"labs/{lab}/state"), cml.get(f"labs/{lab}/links/{link}")["state"]) == ("DEFINED_ON_CORE",) * 2
    assert cml.get(f"labs/{lab}/check_if_converged") is True
    cml.boot(lab)
    assert (cml.get(f"labs/{lab}/state"), cml.get(f"labs/{lab}/links/{link}")["state"]) == ("STARTED", "STARTED")
    stats = cml.get(f"labs/{lab}/simulation_stats")
    assert set(stats["nodes"]) == set(cml.get(f"labs/{lab}/nodes"))
    for action in ("wipe", "delete"):
        method, path = ("PUT", f"labs/{lab}/wipe") if action == "wipe" else ("DELETE", f"labs/{lab}")
        assert "stopped" in cml.refused(method, path, 400)
    cml.call("PUT", f"labs/{lab}/start")
    cml.call("PUT", f"labs/{lab}/stop")
    assert set(cml.states(lab).values()) == {"STOPPED"}
    assert "wiped" in cml.refused("DELETE", f"labs/{lab}", 400)
    cml.call("PUT", f"labs/{lab}/wipe")
    assert cml.http.delete(f"labs/{lab}").status_code == 204
    assert cml.refused("GET", f"labs/{lab}", 404) == f"Lab not found: {lab}"


def test_errors_have_a_code_and_a_description(cml: Cml) -> None:
    assert cml.refused("GET", f"labs/{UNKNOWN}", 404) == f"Lab not found: {UNKNOWN}"
    lab = cml.load(topology({"r1": "iosv"}))
    assert cml.refused("GET", f"labs/{lab}/nodes/{UNKNOWN}", 404) == f"Node not found: {UNKNOWN}"
    assert cml.refused("GET", f"labs/{lab}/links/{UNKNOWN}", 404) == f"Link not found: {UNKNOWN}"
    assert cml.refused("GET", f"users/{UNKNOWN}", 404) == f"User does not exist: {UNKNOWN}."
    assert cml.refused("GET", "no/such/route", 404) == "Not Found"
    failed = json.loads(cml.refused("POST", "labs", 400, json={"title": "x", "color": "red"}))[
        "Input validation failed"
    ]
    assert failed[0]["location"] == ["body", "color"]
    assert "Input validation failed" in cml.refused("GET", "labs/not-a-uuid", 400)
    assert "topology" in cml.refused("POST", "import", 400, content="nodes: [").lower()
    assert "used twice" in cml.refused("POST", "import", 400, content=_two_nodes_of_one_id())


def _two_nodes_of_one_id() -> str:
    document = json.loads(topology({"a": "iosv", "b": "iosv"}))
    document["nodes"][1]["id"] = document["nodes"][0]["id"]
    return json.dumps(document)


def test_tokens_are_asked_for_expire_and_end_with_a_logout(cml: Cml) -> None:
    stranger = Cml(cml.process, cml.instance_id, cml.url)
    stranger.refused("GET", "labs", 401)
    stranger.refused("POST", "authenticate", 403, json={"username": "admin", "password": "wrong"})
    stranger.sign_in()
    stranger.get("labs")
    stranger.call("DELETE", "logout")
    stranger.refused("GET", "labs", 401)
    cml.process.manage("DELETE", f"/controllers/{cml.instance_id}/tokens")
    cml.refused("GET", "labs", 401)
    cml.sign_in()
    assert cml.get("authok") == "OK"


def test_a_user_sees_only_what_was_shared(cml: Cml) -> None:
    cml.call("POST", "users", json={"username": "learner", "password": "secret"})
    learner = Cml(cml.process, cml.instance_id, cml.url)
    learner.sign_in("learner", "secret")
    lab = cml.load(topology({"r1": "iosv"}))
    learner.refused("GET", f"labs/{lab}", 404)
    identity = cml.get("users/learner/id")
    shared = {"users": [{"id": identity, "permissions": ["lab_view"]}], "groups": []}
    cml.call("PATCH", f"labs/{lab}/associations", json=shared)
    assert learner.get(f"labs/{lab}")["effective_permissions"] == ["lab_view"]
    learner.refused("PUT", f"labs/{lab}/start", 403)
    learner.refused("POST", "users", 403, json={"username": "other", "password": "secret"})
    learner.refused("PUT", "licensing/product_license", 403, json="CML_Personal")
    grab = {"associations": [{"id": lab, "permissions": ["lab_admin"]}]}
    learner.refused("PATCH", f"users/{identity}", 403, json=grab)
