"""What the engine makes of rubric and evidence: scores, messages, limits of patterns, the page of a report."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from grading_world import COLLECTED, GRADED, RUBRIC, SOLVED, UNTOUCHED, Grading, grading_engine

from lcm_core.content.rubric import EvidenceSource, parse_rubric
from lcm_simulators.grading import matching
from lcm_simulators.grading.evaluate import judge, plan
from lcm_simulators.grading.matching import Found, Search, TimeLimits, Verdict, search_all


@pytest.fixture(scope="module")
def grading(tmp_path_factory: pytest.TempPathFactory, moto_endpoint: str) -> Iterator[Grading]:
    """One engine for all tests here; a slow pattern is given up after little time."""
    folder = tmp_path_factory.mktemp("grading")
    with grading_engine(folder, moto_endpoint, LCM_GRADING_PATTERN_SECONDS="0.3") as running:
        yield running


def failed(report: dict[str, object]) -> dict[str, str]:
    """Messages of the checks that failed."""
    sections = report["sections"]
    assert isinstance(sections, list)
    return {check["id"]: check["message"] for part in sections for check in part["checks"] if not check["passed"]}


def test_a_solved_lab_scores_full_marks_and_an_untouched_one_fails(grading: Grading) -> None:
    solved, untouched = grading.graded(SOLVED), grading.graded(UNTOUCHED)
    assert (solved["score"], solved["max_score"], solved["passed"]) == (6, 6, True)
    assert [section["passed"] for section in solved["sections"]] == [True, True]
    assert failed(solved) == {}
    assert (untouched["score"], untouched["cut_score"], untouched["passed"]) == (0, 60, False)
    assert set(failed(untouched)) == {"vlan-10", "no-telnet", "default-route", "came-up"}


def test_a_half_solved_lab_lies_between_and_says_what_is_missing(grading: Grading) -> None:
    half = {**SOLVED, ("R1", "configuration"): UNTOUCHED["R1", "configuration"]}
    report = grading.graded(half)
    assert (report["score"], report["passed"]) == (4, True)
    assert [(section["name"], section["score"], section["passed"]) for section in report["sections"]] == [
        ("SW1", 3, True),
        ("R1", 1, False),
    ]
    assert failed(report) == {"default-route": "Not found in the configuration of R1."}


def test_messages_name_the_line_and_never_the_pattern(grading: Grading) -> None:
    messages = failed(grading.graded(UNTOUCHED))
    assert messages["no-telnet"] == "Line 4 of the configuration of SW1 must not be there."
    assert messages["vlan-10"] == "SW1 has VLAN 10: not found in the configuration of SW1."
    assert "192" not in messages["default-route"]


def test_the_event_carries_the_report(grading: Grading) -> None:
    request = grading.request(SOLVED)
    job_id = grading.submit(request)
    report = grading.ended(job_id)["report"]
    session_id = request["lablet_session_id"]
    collected, graded = grading.receiver.wait(session_id, COLLECTED, GRADED)
    assert collected["source"] == graded["source"] == "/grading/engine"
    assert collected["data"]["lablet_session_id"] == session_id
    assert graded["data"] == {"lablet_session_id": session_id, "grading_session_id": job_id, "report": report}


def test_a_pattern_without_end_fails_its_check_and_holds_nobody_up(grading: Grading) -> None:
    rubric = (
        "version: 1\nsections:\n  - name: A\n    checks:\n"
        "      - {id: endless, device: R1, must_match: '^(a+)+$'}\n"
        "      - {id: never-there, device: R1, must_not_match: '^(a|aa)+$'}\n"
        "      - {id: fine, device: R1, must_match: '^hostname R1$'}\n"
    )
    job_id = grading.submit(grading.request({("R1", "configuration"): f"hostname R1\n{'a' * 60}b\n"}, rubric))
    answers = 0
    while grading.job(job_id)["state"] != "completed":
        httpx.get(f"{grading.server.url}/health", timeout=10).raise_for_status()
        answers += 1
        time.sleep(0.02)
    assert answers > 1
    report = grading.job(job_id)["report"]
    assert (report["score"], set(failed(report))) == (1, {"endless", "never-there"})
    assert "took too long" in failed(report)["endless"]


def test_several_files_of_a_device_are_one_text(grading: Grading) -> None:
    request = grading.request({("SW1", "configuration"): "vlan 10\n", ("R1", "configuration"): ""})
    more = grading.put(f"evidence/{request['lablet_session_id']}/more", "ip route 0.0.0.0 0.0.0.0 192.0.2.1\n")
    files = [
        {"device": "SW1", "kind": "configuration", "key": request["evidence"]["keys"][0]},
        {"device": "R1", "kind": "configuration", "key": request["evidence"]["keys"][1]},
        {"device": "R1", "kind": "configuration", "key": more},
        {"device": "R1", "kind": "pcap", "key": "evidence/not/read"},
    ]
    request["evidence"] = grading.evidence(request["lablet_session_id"], {}, files=files)
    report = grading.ended(grading.submit(request))["report"]
    assert report["score"] == 5
    assert failed(report) == {"came-up": "The console log of R1 was not collected."}


def test_the_report_has_a_page_that_says_everything_in_words(grading: Grading) -> None:
    half = {**SOLVED, ("R1", "configuration"): "hostname <b>R1</b>\n"}
    report = grading.graded(half, RUBRIC.replace("SW1 has VLAN 10.", "<script>alert(1)</script>"))
    answer = httpx.get(report["report_url"])
    assert answer.status_code == 200
    words = re.sub(r"<[^>]*>", " ", answer.text)
    for text in ("VLANs and a default route", "4 of 6 points", "passed", "60 % are needed", "not met", "default-route"):
        assert text in words
    assert "<script>" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_there_is_no_page_without_a_report(grading: Grading) -> None:
    assert httpx.get(f"{grading.server.url}/reports/guessed").status_code == 404


def test_sums_of_small_weights_are_exact() -> None:
    checks = "".join(f"{{id: c{number}, device: R1, must_match: a, weight: 0.1}}, " for number in range(30))
    rubric = parse_rubric(f"version: 1\ncut_score: 100\nsections:\n  - {{name: A, checks: [{checks}]}}\n")
    evidence = {("R1", EvidenceSource.CONFIGURATION): "a"}
    found = [Found(Verdict.FOUND, 1)] * len(plan(rubric, evidence).searches)
    report = judge(rubric, evidence, found, "")
    assert (report.score, report.max_score, report.passed) == (3.0, 3.0, True)


async def test_one_job_cannot_take_the_processor_for_long() -> None:
    endless = [Search("^(a+)+$", 0)] * 200
    found = await search_all([f"{'a' * 60}b"], endless, TimeLimits(each=0.1, all=0.4))
    assert {result.verdict for result in found} == {Verdict.TIMEOUT}


async def test_searches_behave_as_pythons_own_expressions() -> None:
    text = "one\ntwo {e}\nthree"
    searches = [Search(pattern, 0) for pattern in (r"^t\w+ \{e\}$", "two {e}", r"(?i)THREE\Z", "^o.*e$", "four")]
    found = await search_all([text], searches, TimeLimits(each=1, all=5))
    assert [(result.verdict, result.line) for result in found] == [
        (Verdict.FOUND, 2),
        (Verdict.FOUND, 2),
        (Verdict.FOUND, 3),
        (Verdict.FOUND, 1),
        (Verdict.MISSING, 0),
    ]


async def test_a_search_process_that_dies_is_an_error_of_its_own_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "dies.py"
    program.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    monkeypatch.setattr(matching, "_PROGRAM", program)
    found = await search_all(["a"], [Search("a", 0)], TimeLimits(each=1, all=1))
    assert [result.verdict for result in found] == [Verdict.ERROR]
