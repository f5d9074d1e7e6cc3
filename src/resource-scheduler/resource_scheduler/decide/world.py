"""What a decision is made from: one consistent picture of sessions, workers, templates and claims."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from lcm_core.contracts.workers import TemplateView, WorkerView
from lcm_core.placement import Demand, Fleet


@dataclass(frozen=True, slots=True)
class ScheduledSession:
    """A session that has a place but has not begun to use it."""

    session_id: str
    worker_id: str
    demand: Demand | None = None
    """What it would ask for if it had to be placed again; None where its definition is not known here."""


@dataclass(slots=True)
class World:
    """The picture. ``fleet`` is changed while deciding: places that are found are held in it.

    ``places_held`` counts live sessions by owner, ``attempts`` the placements each waiting session had before.
    ``last_busy`` is when a worker last held a live claim, ``quiet_since`` when workers were last launched or woken.
    """

    now: datetime
    fleet: Fleet
    waiting: Sequence[Demand] = ()
    scheduled: Sequence[ScheduledSession] = ()
    workers: Mapping[str, WorkerView] = field(default_factory=dict)
    templates: Sequence[TemplateView] = ()
    places_held: Mapping[str, int] = field(default_factory=dict)
    attempts: Mapping[str, int] = field(default_factory=dict)
    last_busy: Mapping[str, datetime] = field(default_factory=dict)
    quiet_since: datetime | None = None
    stopped_at: Sequence[datetime] = ()
    """When workers were stopped within the last cool-down."""
    room_freed: bool = False
    """Whether something may fit that did not at the last pass."""
    may_consolidate: bool = False
    """Whether enough time has passed since workers were last consolidated."""
