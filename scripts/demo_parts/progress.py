"""Lines that tell how far a demo is: one per phase, with its duration and reason."""

import sys
import time
from dataclasses import dataclass, field

from lcm_core.contracts.sessions import ScoreReportView, SessionView
from lcm_core.domain.vocabulary import SessionPhase, StepState


@dataclass
class Progress:
    """Prints a line when a phase ends; on a terminal, also the running one with its seconds."""

    begun: float = field(default_factory=time.monotonic)
    _since: float = field(default_factory=time.monotonic)
    _title: str = ""
    _note: str = ""

    @property
    def seconds(self) -> float:
        """Seconds since the demo began."""
        return time.monotonic() - self.begun

    def show(self, title: str, note: str = "") -> None:
        """Say what happens now; a new title closes the line of the one before."""
        if title != self._title:
            self.close()
            self._title, self._since = title, time.monotonic()
        self._note = note or self._note
        if sys.stdout.isatty():
            print(f"\r\x1b[K{self._line('...')}", end="", flush=True)

    def close(self) -> None:
        """End the line of the present phase."""
        if self._title:
            start = "\r\x1b[K" if sys.stdout.isatty() else ""
            print(f"{start}{self._line('')}", flush=True)
        self._title, self._note = "", ""

    def _line(self, more: str) -> str:
        return f"{self._title:<16}{time.monotonic() - self._since:>6.1f} s  {self._note[:140]}{more}"


def session_note(session: SessionView) -> str:
    """Why a session is where it is, in one line."""
    status = session.status
    if status.pipeline is not None and status.pipeline.steps:
        done = sum(1 for step in status.pipeline.steps if step.state in {StepState.DONE, StepState.SKIPPED})
        current = next((step for step in status.pipeline.steps if step.state is StepState.RUNNING), None)
        step = f"step {done + 1} of {len(status.pipeline.steps)} {current.name}: " if current else ""
        return f"{step}{(current.message if current else '') or status.message}"
    if status.phase is SessionPhase.PENDING and status.explanation is not None:
        return status.explanation.message
    return status.message


def print_report(report: ScoreReportView) -> None:
    """The score, section by section, check by check."""
    verdict = "passed" if report.passed else "not passed"
    print(f"\nScore {report.score:g} of {report.max_score:g}: {verdict} (cut score {report.cut_score:g} %)")
    for section in report.sections:
        print(f"  {section.name}: {section.score:g} of {section.max_score:g}")
        for check in section.checks:
            print(f"    {'+' if check.passed else '-'} {check.id}: {check.message}")
    if report.report_url:
        print(f"  {report.report_url}")
