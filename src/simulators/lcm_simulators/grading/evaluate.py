"""Evaluation of a rubric on evidence: pure, with a limit on the time of each pattern."""

from collections.abc import Mapping

import regex

from lcm_core.content.rubric import EvidenceSource, Rubric, RubricCheck, RubricSection
from lcm_simulators.grading.model import CheckReport, Report, SectionReport

Evidence = Mapping[tuple[str, EvidenceSource], str]
"""Text by device label and kind."""


def evaluate(rubric: Rubric, evidence: Evidence, *, pattern_seconds: float, report_url: str) -> Report:
    """The report of a rubric on the evidence."""
    sections = [_section(section, evidence, pattern_seconds) for section in rubric.sections]
    score = sum(section.score for section in sections)
    passed = score >= rubric.cut_score / 100 * rubric.max_score
    return Report(
        score=score,
        max_score=rubric.max_score,
        cut_score=rubric.cut_score,
        passed=passed,
        sections=sections,
        report_url=report_url,
    )


def _section(section: RubricSection, evidence: Evidence, pattern_seconds: float) -> SectionReport:
    checks = [_check(check, evidence, pattern_seconds) for check in section.checks]
    weights = {check.id: check.weight for check in section.checks}
    score = sum(weights[check.id] for check in checks if check.passed)
    passed = all(check.passed for check in checks)
    return SectionReport(name=section.name, score=score, max_score=section.max_score, passed=passed, checks=checks)


def _check(check: RubricCheck, evidence: Evidence, pattern_seconds: float) -> CheckReport:
    text = evidence.get((check.device, check.source))
    what = check.description or check.id
    if text is None:
        return CheckReport(id=check.id, passed=False, message=f"{what} (no {check.source} of {check.device})")
    try:
        found = _matches(check.must_match, text, pattern_seconds)
        unwanted = _matches(check.must_not_match, text, pattern_seconds)
    except TimeoutError:
        return CheckReport(id=check.id, passed=False, message=f"{what} (the pattern took too long)")
    passed = found is not False and not unwanted
    return CheckReport(id=check.id, passed=passed, message=what)


def _matches(pattern: str | None, text: str, seconds: float) -> bool | None:
    """Whether a pattern is found; None for no pattern. Raises ``TimeoutError``."""
    if pattern is None:
        return None
    return regex.search(pattern, text, flags=regex.MULTILINE, timeout=seconds) is not None
