"""Jobs of the grading engine: who may submit, what fails and how it is told, cancellation, restarts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from event_world import flaky_proxy, unique_id, wait_for
from grading_world import (
    BUCKET,
    COLLECTED,
    GRADED,
    JOBS,
    NOT_COLLECTED,
    NOT_GRADED,
    SOLVED,
    Grading,
    grading_engine,
)


@pytest.fixture(scope="module")
def grading(tmp_path_factory: pytest.TempPathFactory, moto_endpoint: str) -> Iterator[Grading]:
    """One engine for the tests that leave its process alone."""
    with grading_engine(tmp_path_factory.mktemp("grading"), moto_endpoint) as running:
        yield running


@pytest.mark.parametrize("header", [None, "Bearer guess", "Basic dG9rZW46"], ids=str)
def test_nobody_submits_without_the_token(grading: Grading, header: str | None) -> None:
    headers = {"Authorization": header} if header else {}
    answer = httpx.post(f"{grading.server.url}{JOBS}", json=grading.request(), headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_the_same_key_is_the_same_job_before_and_after_its_end(grading: Grading) -> None:
    request = grading.request()
    first = grading.submit(request)
    assert grading.submit(request) == first
    grading.ended(first)
    answer = grading.server.call("POST", JOBS, json=request)
    assert (answer.status_code, answer.json()) == (202, {"id": first, "state": "completed"})
    grading.receiver.wait(request["lablet_session_id"], COLLECTED, GRADED)


def test_a_key_belongs_to_one_session(grading: Grading) -> None:
    request = grading.request()
    grading.submit(request)
    other = {**request, "lablet_session_id": unique_id()}
    answer = grading.server.call("POST", JOBS, json=other)
    assert (answer.status_code, answer.json()["error"]) == (409, "idempotency_key_taken")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"rubric": {"bucket": BUCKET}}, "rubric.key"),
        ({"evidence": {"bucket": BUCKET, "manifest_key": "m", "keys": "all"}}, "evidence.keys"),
        ({"pods": {}}, "pods"),
    ],
)
def test_a_wrong_body_is_refused_with_the_field(grading: Grading, change: dict[str, Any], field: str) -> None:
    answer = grading.server.call("POST", JOBS, json={**grading.request(), **change})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_body")
    assert field in answer.json()["message"]


def test_a_body_that_is_no_json_is_refused(grading: Grading) -> None:
    assert grading.server.call("POST", JOBS, content=b"x=1").status_code == 415
    broken = grading.server.call("POST", JOBS, content=b"{", headers={"Content-Type": "application/json"})
    assert broken.status_code == 400


def test_a_rubric_that_cannot_be_used_fails_the_job_with_its_line(grading: Grading) -> None:
    request = grading.request(rubric="version: 1\nsections:\n  - name: A\n    checks:\n      - {id: a, device: R1}\n")
    job = grading.ended(grading.submit(request))
    assert (job["state"], job["report"]) == ("failed", None)
    assert "rubric.yaml:5" in job["error"]
    assert "give must_match, must_not_match or both" in job["error"]
    events = grading.receiver.wait(request["lablet_session_id"], COLLECTED, NOT_GRADED)
    assert events[-1]["data"]["error"] == job["error"]


def test_a_missing_rubric_fails_the_job(grading: Grading) -> None:
    request = grading.request()
    request["rubric"]["key"] = "packages/none/rubric.yaml"
    assert "packages/none/rubric.yaml" in grading.ended(grading.submit(request))["error"]


def _no_manifest(grading: Grading, request: dict[str, Any]) -> str:
    request["evidence"]["manifest_key"] = "evidence/none/manifest.json"
    return "evidence/none/manifest.json"


def _no_file(grading: Grading, request: dict[str, Any]) -> str:
    key = request["evidence"]["keys"][0]
    grading.s3.delete_object(Bucket=BUCKET, Key=key)
    return str(key)


def _other_file(grading: Grading, request: dict[str, Any]) -> str:
    grading.put(request["evidence"]["keys"][0], "vlan 10\n")
    return "its hash differs"


def _other_session(grading: Grading, request: dict[str, Any]) -> str:
    request["evidence"] = grading.evidence("s-of-somebody-else", SOLVED)
    return "s-of-somebody-else"


def _broken_manifest(grading: Grading, request: dict[str, Any]) -> str:
    grading.put(request["evidence"]["manifest_key"], '{"files": [{"device": "R1"}]}')
    return "files.0.kind"


def _empty_manifest(grading: Grading, request: dict[str, Any]) -> str:
    request["evidence"] = grading.evidence(request["lablet_session_id"], {})
    return "names no configuration and no console log"


@pytest.mark.parametrize(
    "spoil", [_no_manifest, _no_file, _other_file, _other_session, _broken_manifest, _empty_manifest]
)
def test_evidence_that_is_missing_or_changed_fails_the_collection_with_the_reason(grading: Grading, spoil: Any) -> None:
    request = grading.request()
    reason = spoil(grading, request)
    job = grading.ended(grading.submit(request))
    assert job["state"] == "failed"
    assert reason in job["error"]
    events = grading.receiver.wait(request["lablet_session_id"], NOT_COLLECTED, NOT_GRADED)
    assert {event["data"]["error"] for event in events} == {job["error"]}


def test_a_device_without_any_evidence_fails_the_job_by_name(grading: Grading) -> None:
    request = grading.request({key: text for key, text in SOLVED.items() if key[0] == "SW1"})
    job = grading.ended(grading.submit(request))
    assert (job["state"], job["error"]) == ("failed", "there is no evidence of R1: the manifest names SW1")


def test_a_canceled_job_ends_at_once_and_tells_nobody(grading: Grading) -> None:
    grading.server.admin("PUT", "/job-faults", [{"kind": "stall"}])
    request = grading.request()
    job_id = grading.submit(request)
    grading.reach(job_id, "grading")
    wait_for(lambda: grading.server.admin("GET", "/job-faults") == [], "the job to stall")
    assert grading.server.call("DELETE", f"{JOBS}/{job_id}").status_code == 204
    assert grading.job(job_id)["state"] == "canceled"
    other = grading.request()
    grading.ended(grading.submit(other))
    grading.receiver.wait(other["lablet_session_id"], COLLECTED, GRADED)
    grading.receiver.wait(request["lablet_session_id"], COLLECTED)


def test_canceling_what_has_ended_changes_nothing(grading: Grading) -> None:
    job_id = grading.submit(grading.request())
    before = grading.ended(job_id)
    assert grading.server.call("DELETE", f"{JOBS}/{job_id}").status_code == 204
    assert grading.job(job_id) == before
    assert grading.server.call("DELETE", f"{JOBS}/none").status_code == 404


def test_the_engine_can_be_told_to_break_down(grading: Grading) -> None:
    request = grading.request()
    fault = {"kind": "fail", "lablet_session_id": request["lablet_session_id"], "message": "out of paper"}
    grading.server.admin("PUT", "/job-faults", [fault])
    assert grading.ended(grading.submit(request))["error"] == "out of paper"
    again = {**request, "idempotency_key": f"{request['idempotency_key']}-again"}
    assert grading.ended(grading.submit(again))["state"] == "completed"


def test_jobs_that_were_waiting_or_being_collected_when_the_engine_was_killed_are_finished(
    tmp_path: Path, moto_endpoint: str
) -> None:
    slow = {"LCM_SIM_BOOT_SCALE": "1", "LCM_GRADING_SECONDS": "3600", "LCM_GRADING_JOBS": "1"}
    with grading_engine(tmp_path, moto_endpoint, **slow) as grading:
        requests = [grading.request(), grading.request()]
        jobs = [grading.submit(request) for request in requests]
        grading.reach(jobs[0], "collecting")
        assert grading.job(jobs[1])["state"] == "queued"
        grading.server.kill()
        grading.server.set(LCM_SIM_BOOT_SCALE="0")
        grading.server.begin()
        for request, job in zip(requests, jobs, strict=True):
            assert grading.ended(job)["state"] == "completed"
            grading.receiver.wait(request["lablet_session_id"], COLLECTED, GRADED)


def test_a_job_killed_while_it_is_graded_does_not_tell_of_its_evidence_again(
    tmp_path: Path, moto_endpoint: str
) -> None:
    with grading_engine(tmp_path, moto_endpoint) as grading:
        grading.server.admin("PUT", "/job-faults", [{"kind": "stall"}])
        request = grading.request()
        job = grading.submit(request)
        grading.reach(job, "grading")
        grading.receiver.wait(request["lablet_session_id"], COLLECTED)
        grading.server.kill()
        grading.server.begin()
        assert grading.ended(job)["state"] == "completed"
        grading.receiver.wait(request["lablet_session_id"], COLLECTED, GRADED)
        assert grading.submit(request) == job


def test_a_job_waits_for_an_object_store_that_does_not_answer(tmp_path: Path, moto_endpoint: str) -> None:
    with flaky_proxy(moto_endpoint, failures=4) as store, grading_engine(tmp_path, moto_endpoint, store.url) as grading:
        request = grading.request()
        store.failing = True
        job = grading.ended(grading.submit(request))
        assert (job["state"], job["error"]) == ("completed", None)
        assert store.refused == 4
        grading.receiver.wait(request["lablet_session_id"], COLLECTED, GRADED)
