"""From a rubric and evidence to a score report: pure, but for the searches in between, which others make.

``plan`` says what is to be searched, ``judge`` makes the report of what was found.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lcm_core.content.rubric import EvidenceSource, Rubric, RubricCheck
from lcm_simulators.grading.matching import Found, Search, Verdict
from lcm_simulators.grading.model import CheckReport, Report, SectionReport

Evidence = Mapping[tuple[str, EvidenceSource], str]
"""Text by device label and kind."""
_WORDS = {EvidenceSource.CONFIGURATION: "configuration", EvidenceSource.CONSOLE: "console log"}
_DIGITS = 6
"""Sums of weights such as 0.1 are rounded here, so that full marks are full marks."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The searches of a rubric; texts are numbered in the order of ``texts``."""

    texts: tuple[str, ...]
    searches: tuple[Search, ...]


def missing_devices(rubric: Rubric, evidence: Evidence) -> list[str]:
    """Devices that the rubric looks at and that left no evidence of any kind."""
    return sorted(rubric.devices - {device for device, _ in evidence})


def plan(rubric: Rubric, evidence: Evidence) -> Plan:
    """What has to be searched, in the order of the checks, ``must_match`` before ``must_not_match``."""
    numbers = {key: number for number, key in enumerate(evidence)}
    searches: list[Search] = []
    for check in _checks(rubric):
        number = numbers.get((check.device, check.source))
        if number is not None:
            searches.extend(Search(pattern, number) for pattern in _patterns(check))
    return Plan(tuple(evidence.values()), tuple(searches))


def judge(rubric: Rubric, evidence: Evidence, found: Sequence[Found], report_url: str) -> Report:
    """The report; ``found`` are the results of the plan of the same rubric and evidence."""
    results = iter(found)
    sections: list[SectionReport] = []
    for section in rubric.sections:
        checks = [_check(check, (check.device, check.source) in evidence, results) for check in section.checks]
        earned = sum(check.weight for check, report in zip(section.checks, checks, strict=True) if report.passed)
        sections.append(
            SectionReport(
                name=section.name,
                score=round(earned, _DIGITS),
                max_score=round(section.max_score, _DIGITS),
                passed=all(check.passed for check in checks),
                checks=checks,
            )
        )
    score, best = round(sum(section.score for section in sections), _DIGITS), round(rubric.max_score, _DIGITS)
    return Report(
        score=score,
        max_score=best,
        cut_score=rubric.cut_score,
        passed=score >= round(rubric.cut_score / 100 * best, _DIGITS),
        sections=sections,
        report_url=report_url,
    )


def _checks(rubric: Rubric) -> Iterator[RubricCheck]:
    for section in rubric.sections:
        yield from section.checks


def _patterns(check: RubricCheck) -> list[str]:
    return [pattern for pattern in (check.must_match, check.must_not_match) if pattern is not None]


def _check(check: RubricCheck, present: bool, results: Iterator[Found]) -> CheckReport:
    """The verdict on one check. Its message names the place, never the pattern, which would give the answer away."""
    where = f"the {_WORDS[check.source]} of {check.device}"
    if not present:
        return _report(check, False, f"{where} was not collected")
    wanted = next(results) if check.must_match is not None else None
    unwanted = next(results) if check.must_not_match is not None else None
    for result in (wanted, unwanted):
        if result is not None and result.verdict is Verdict.TIMEOUT:
            return _report(check, False, f"the pattern took too long on {where}; its author has to simplify it")
        if result is not None and result.verdict is Verdict.ERROR:
            return _report(check, False, f"the pattern failed on {where}: {result.note}")
    if wanted is not None and wanted.verdict is Verdict.MISSING:
        return _report(check, False, f"not found in {where}")
    if unwanted is not None and unwanted.verdict is Verdict.FOUND:
        return _report(check, False, f"line {unwanted.line} of {where} must not be there")
    return _report(check, True, f"line {wanted.line} of {where}" if wanted is not None else f"nothing of it in {where}")


def _report(check: RubricCheck, passed: bool, reason: str) -> CheckReport:
    what = check.description.rstrip(". ")
    sentence = f"{what}: {reason}." if what else f"{reason[:1].upper()}{reason[1:]}."
    return CheckReport(id=check.id, passed=passed, message=sentence)
