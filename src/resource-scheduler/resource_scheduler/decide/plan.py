"""What a decision comes to: every write it asks for, each with its reason code and one sentence."""

from dataclasses import dataclass, field
from datetime import datetime

from lcm_core.domain.vocabulary import WorkerDesired
from lcm_core.placement import Demand, Placed, Refused


@dataclass(frozen=True, slots=True)
class Placement:
    """Put a session where ``placed`` says, under a claim id that a retry repeats."""

    placed: Placed
    claim_id: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A session stays in the queue, and why."""

    demand: Demand
    reason: str
    message: str
    expected_start: int | None = None
    refused: tuple[Refused, ...] = ()
    refused_total: int = 0


@dataclass(frozen=True, slots=True)
class LaunchOrder:
    """Create one worker. The need id follows from what is known, so that a retry is the same need."""

    need_id: str
    template_id: str
    region: str
    reason: str
    message: str
    session_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkerOrder:
    """Change what is wanted of a worker."""

    worker_id: str
    desired: WorkerDesired
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class ReturnOrder:
    """Take a session's place away, so that it queues again."""

    session_id: str
    worker_id: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class ExpireOrder:
    """End a session that waited too long."""

    session_id: str
    reason: str
    message: str


@dataclass(slots=True)
class Plan:
    """Everything one pass wants done. ``next_at`` is when time alone changes the answer."""

    placements: list[Placement] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    launches: list[LaunchOrder] = field(default_factory=list)
    wakes: list[WorkerOrder] = field(default_factory=list)
    stops: list[WorkerOrder] = field(default_factory=list)
    returns: list[ReturnOrder] = field(default_factory=list)
    expired: list[ExpireOrder] = field(default_factory=list)
    next_at: datetime | None = None
    kept: list[tuple[str, str]] = field(default_factory=list)
    """Worker and claim id of room that is kept in the fleet until the end of the pass."""

    def look_again(self, moment: datetime) -> None:
        """Decide again at an instant, or earlier if something asked for that already."""
        if self.next_at is None or moment < self.next_at:
            self.next_at = moment

    @property
    def sentence(self) -> str:
        """The pass in one sentence."""
        parts = [
            (len(self.placements), "placed"),
            (len(self.waiting), "waiting"),
            (len(self.returns), "sent back to the queue"),
            (len(self.expired), "expired"),
        ]
        sessions = ", ".join(f"{count} {what}" for count, what in parts if count) or "none waiting"
        scaling = [
            (len(self.launches), "launched"),
            (len(self.wakes), "woken"),
            (len(self.stops), "switched off"),
        ]
        workers = ", ".join(f"{count} {what}" for count, what in scaling if count)
        return f"Sessions: {sessions}." + (f" Workers: {workers}." if workers else "")
