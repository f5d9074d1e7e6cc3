"""The timeline that an exam morning prints, and what it finds at the end."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lcm_core.contracts.sessions import SessionView
from lcm_core.contracts.workers import WorkerView
from lcm_core.domain.vocabulary import SessionOutcome, SessionPhase, WorkerPhase

OFF = frozenset({WorkerPhase.STOPPED, WorkerPhase.TERMINATED})
BILLED = frozenset(
    {WorkerPhase.PROVISIONING, WorkerPhase.STARTING, WorkerPhase.RUNNING, WorkerPhase.DRAINING, WorkerPhase.STOPPING}
)


@dataclass(slots=True)
class Timeline:
    """Prints a line whenever the picture changed."""

    begun: datetime
    shown: str = ""
    most_workers: int = 0

    def show(self, now: datetime, sessions: Sequence[SessionView], workers: Sequence[WorkerView]) -> None:
        """One line: the time since the bookings, sessions and workers by phase, and what the machines cost."""
        running = [worker for worker in workers if worker.status.phase in BILLED]
        self.most_workers = max(self.most_workers, len(running))
        hourly = sum(worker.spec.hourly_cost_usd for worker in running)
        spent = spent_by(workers, now)
        picture = (
            f"sessions {_counted(session.status.phase for session in sessions)}"
            f" | workers {_counted(worker.status.phase for worker in workers) or 'none'}"
        )
        if picture != self.shown:
            self.shown = picture
            print(f"+{_minutes(now - self.begun)}  {picture} | ${hourly:.2f}/h, ${spent:.2f} spent", flush=True)


@dataclass(slots=True)
class Verdict:
    """What a morning came to."""

    sessions: int
    complaints: list[str] = field(default_factory=list)
    earliest: timedelta = timedelta.max
    workers: int = 0
    spent: float = 0.0

    @property
    def sentence(self) -> str:
        """The last line."""
        if self.complaints:
            return f"FAILED: {len(self.complaints)} complaints, the first: {self.complaints[0]}"
        return (
            f"OK: {self.sessions} sessions READY in time (the closest {_minutes(self.earliest)} before its slot), all "
            f"scored, on {self.workers} workers that are off again; ${self.spent:.2f} spent."
        )


def spent_by(workers: Sequence[WorkerView], now: datetime) -> float:
    """US dollars so far: what is booked on the workers, and the present phase of those that are on."""
    booked = sum(worker.status.cost_usd for worker in workers)
    present = sum(
        worker.spec.hourly_cost_usd * (now - worker.status.phase_since) / timedelta(hours=1)
        for worker in workers
        if worker.status.phase in BILLED
    )
    return booked + present


def judge(
    now: datetime, sessions: Sequence[SessionView], workers: Sequence[WorkerView], most_workers: int, limit: int
) -> Verdict:
    """Every way in which a morning can disappoint."""
    verdict = Verdict(len(sessions), workers=most_workers, spent=spent_by(workers, now))
    for session in sessions:
        status, start = session.status, session.spec.slot.start
        if status.ready_at is None:
            verdict.complaints.append(f"session {session.id} never became READY: {status.phase}, {status.message}")
        elif status.ready_at > start:
            verdict.complaints.append(f"session {session.id} was READY {_minutes(status.ready_at - start)} late")
        else:
            verdict.earliest = min(verdict.earliest, start - status.ready_at)
        if status.phase is not SessionPhase.TERMINATED or status.outcome is not SessionOutcome.COMPLETED:
            verdict.complaints.append(f"session {session.id} is {status.phase} ({status.outcome}): {status.message}")
        elif status.score is None:
            verdict.complaints.append(f"session {session.id} has no score")
    for worker in workers:
        if worker.status.phase not in OFF:
            verdict.complaints.append(f"worker {worker.spec.name} is still {worker.status.phase}")
    if len(workers) > limit:
        verdict.complaints.append(f"{len(workers)} workers were launched, {limit} are allowed")
    return verdict


def _counted(phases: Iterable[str]) -> str:
    counts = Counter(str(phase) for phase in phases)
    return ", ".join(f"{count} {phase}" for phase, count in sorted(counts.items()))


def _minutes(duration: timedelta) -> str:
    seconds = int(duration.total_seconds())
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
