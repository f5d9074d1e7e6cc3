"""What a session may be decided to need; each decision is data, carried out by ``act``."""

from dataclasses import dataclass
from datetime import datetime

from lcm_core.domain.vocabulary import SessionOutcome, SessionPhase


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing to do before an instant of domain time, or before something changes."""

    reason: str
    sentence: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """Go to another phase; ``consume`` are the events that this answers."""

    to: SessionPhase
    reason: str
    message: str
    outcome: SessionOutcome | None = None
    consume: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Build:
    """Run the instantiate pipeline on."""


@dataclass(frozen=True, slots=True)
class Compensate:
    """Undo what the pipeline made, then queue again (``again``) or end as failed."""

    reason: str
    message: str
    again: bool


@dataclass(frozen=True, slots=True)
class Retry:
    """Undo what a step and those after it made, so that the build goes on from there."""

    step: str
    asked: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep a failed build as it is until an instant, so that a person can look at it and retry."""

    reason: str
    sentence: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Watch:
    """Look after a ready or running lab."""


@dataclass(frozen=True, slots=True)
class Consume:
    """Take note of events that change nothing here."""

    events: tuple[str, ...]
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Restart:
    """Stop and start the lab in place."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Stop the lab and keep everything."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Start a paused lab again."""


@dataclass(frozen=True, slots=True)
class Collect:
    """Read and store the evidence."""


@dataclass(frozen=True, slots=True)
class Grade:
    """Submit the evidence or ask how far the engine is. With ``stop_lab`` the lab must not run any longer."""

    stop_lab: bool


@dataclass(frozen=True, slots=True)
class StopLab:
    """Stop the lab for good. ``late`` opens an operator task."""

    late: bool


@dataclass(frozen=True, slots=True)
class CleanUp:
    """Release the delivery session and remove the lab. ``late`` opens an operator task.

    For ``settles_in`` real seconds a delivery session may still come to be that nobody heard of: it is looked for again
    then.
    """

    late: bool
    settles_in: float = 0.0


Decision = (
    Rest
    | Move
    | Build
    | Retry
    | Hold
    | Compensate
    | Watch
    | Consume
    | Restart
    | Pause
    | Resume
    | Collect
    | Grade
    | StopLab
    | CleanUp
)
