"""The facts that invariants are checked against. All times are aware UTC on the domain clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lcm_core.contracts.common import Resources
from lcm_core.domain.vocabulary import LabPhase, LabSource, SessionOutcome, SessionPhase, WorkerFinalizer, WorkerPhase


@dataclass(frozen=True, slots=True)
class Place:
    """Where a session is placed, and from when to when it may run there."""

    worker_id: str
    claim_id: str
    start: datetime
    end: datetime
    resources: Resources = field(default_factory=Resources)
    ports: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SessionFact:
    """A session. ``history`` is the bounded list of its phases, oldest first; ``signals`` are event ids in order."""

    id: str
    phase: SessionPhase
    slot_end: datetime
    outcome: SessionOutcome | None = None
    place: Place | None = None
    history: tuple[SessionPhase, ...] = ()
    signals: tuple[str, ...] = ()
    cml_lab_id: str = ""
    user_session_id: str = ""


@dataclass(frozen=True, slots=True)
class WorkerFact:
    """A worker with what it declares to offer."""

    id: str
    phase: WorkerPhase
    capacity: Resources = field(default_factory=Resources)
    lowest_port: int = 2000
    highest_port: int = 7999
    history: tuple[WorkerPhase, ...] = ()
    instance_id: str = ""
    need_id: str = ""
    finalizers: tuple[WorkerFinalizer, ...] = ()


@dataclass(frozen=True, slots=True)
class ClaimFact:
    """Capacity and ports held on a worker for ``[start, end)``."""

    id: str
    worker_id: str
    session_id: str
    start: datetime
    end: datetime
    resources: Resources = field(default_factory=Resources)
    ports: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LabFact:
    """The record of a CML lab."""

    id: str
    worker_id: str
    cml_lab_id: str
    phase: LabPhase
    source: LabSource = LabSource.SESSION
    session_id: str = ""


@dataclass(frozen=True, slots=True)
class Projection:
    """One value of a projected key: the version of its aggregate, and the other fields as text."""

    version: int
    body: str = ""


@dataclass(frozen=True, slots=True)
class KeyFact:
    """A key below ``/lcm/``: what the database wants there, and what etcd shows.

    ``stored`` is None for a key without a document, ``shown`` None for a key that etcd lacks or cannot be read;
    ``fields`` and ``size`` (bytes) describe what etcd shows.
    """

    key: str
    stored: Projection | None
    shown: Projection | None
    fields: frozenset[str] = frozenset()
    size: int = 0


@dataclass(frozen=True, slots=True)
class Picture:
    """What the database and etcd hold, read within a short time.

    Reads are not one snapshot, so a change that is under way may look like a violation once; see ``catalog``.
    ``claims`` holds those that end after ``at``. ``counted`` are (quota, session id); ``waiting_events`` are stored
    inbound events that no session has been told about, ``unreadable`` documents that are no aggregates.
    """

    at: datetime
    sessions: Mapping[str, SessionFact] = field(default_factory=dict)
    workers: Mapping[str, WorkerFact] = field(default_factory=dict)
    claims: tuple[ClaimFact, ...] = ()
    labs: tuple[LabFact, ...] = ()
    keys: tuple[KeyFact, ...] = ()
    counted: tuple[tuple[str, str], ...] = ()
    waiting_events: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Violation:
    """A counter-example. The same ``subject`` in a later picture is the same violation still standing."""

    invariant: str
    subject: str
    sentence: str
