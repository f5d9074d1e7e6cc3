"""`make security` tells what it found from what it could not look at."""

import json
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))

from security import Finding, Verdict, hook_exclusions, judge_audit, judge_npm, verdict_of  # noqa: E402

GOOD = {"name": "httpx", "version": "0.28.1", "vulns": []}
WEAK = {"name": "old", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}
UNKNOWN = {"name": "odd", "skip_reason": "Dependency not found"}


@pytest.mark.parametrize(
    ("packages", "verdict", "words"),
    [
        ([GOOD], Verdict.CLEAN, "1 packages"),
        ([GOOD, WEAK], Verdict.FOUND, "1 known weaknesses"),
        ([GOOD, UNKNOWN], Verdict.UNCHECKED, "1 of 2 packages are unknown"),
        ([WEAK, UNKNOWN], Verdict.FOUND, "1 known weaknesses"),
    ],
)
def test_a_package_the_service_does_not_know_is_not_called_clean(
    packages: list[object], verdict: Verdict, words: str
) -> None:
    finding = judge_audit(json.dumps({"dependencies": packages}), "")
    assert finding.verdict is verdict
    assert words in finding.sentence


def test_a_service_that_does_not_answer_is_not_called_clean() -> None:
    finding = judge_audit("", "Traceback\nConnectionError: no route to the service")
    assert (finding.verdict, finding.lines) == (Verdict.UNCHECKED, ["ConnectionError: no route to the service"])
    assert judge_npm('{"message": "request failed"}').verdict is Verdict.UNCHECKED
    assert judge_npm('{"metadata": {"vulnerabilities": {"low": 3}}}').verdict is Verdict.CLEAN
    assert judge_npm('{"metadata": {"vulnerabilities": {"high": 1}}}').verdict is Verdict.FOUND


@pytest.mark.parametrize(
    ("verdicts", "strict", "words", "status"),
    [
        ((Verdict.CLEAN, Verdict.CLEAN), True, "clean, all 2 checks", 0),
        ((Verdict.CLEAN, Verdict.UNCHECKED), False, "1 of 2 checks could not be made", 0),
        ((Verdict.CLEAN, Verdict.UNCHECKED), True, "1 of 2 checks could not be made", 1),
        ((Verdict.FOUND, Verdict.UNCHECKED), False, "1 of 2 checks found something", 1),
    ],
)
def test_the_last_line_says_how_much_was_checked(
    verdicts: tuple[Verdict, ...], strict: bool, words: str, status: int
) -> None:
    sentence, code = verdict_of([Finding(verdict, "") for verdict in verdicts], strict=strict)
    assert words in sentence
    assert code == status


def test_the_scan_leaves_out_what_the_commit_hook_leaves_out() -> None:
    assert len(hook_exclusions()) == 2
    assert any("poetry" in pattern for pattern in hook_exclusions())
