"""What placement knows of workers and sessions: frozen facts without wire models, so that deciding stays fast and pure.

Instants and lengths are microseconds, amounts are packed integers (``amounts``), sets of ports are integers with one
bit per port.
"""

from dataclasses import dataclass, field

from lcm_core.contracts.common import Resources
from lcm_core.domain.vocabulary import LicenseType, WorkerPhase
from lcm_core.placement.versions import VersionRange


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """One worker, or one that could be launched.

    ``ready_at`` is when a worker that is on its way is expected to be usable; a stopped or not yet launched one needs
    ``boot`` from the moment it is woken. ``refusal`` says why it takes no session at all, empty when it does.
    ``declared`` keeps the unpacked capacity for sentences.
    """

    worker_id: str
    name: str
    region: str
    phase: WorkerPhase
    capacity: int
    declared: Resources
    port_low: int
    port_high: int
    ready_at: int = 0
    boot: int = 0
    asleep: bool = False
    refusal: str = ""
    refusal_filter: str = "phase"
    taken_ports: int = 0
    template_id: str = ""
    license_type: LicenseType = LicenseType.ENTERPRISE
    cml_version: str = ""
    ami_name: str = ""
    node_definitions: frozenset[str] = frozenset()
    nested_virtualization: bool = False
    hourly_cost: float = 0.0
    created: int = 0

    def ready(self, now: int) -> int:
        """When it can be used at the earliest, if it is woken now where it sleeps."""
        return now + self.boot if self.asleep else max(now, self.ready_at)

    @property
    def port_mask(self) -> int:
        """Ports that sessions may be given at all."""
        return ((1 << (self.port_high + 1)) - (1 << self.port_low)) & ~self.taken_ports


@dataclass(frozen=True, slots=True)
class Rules:
    """What every session of one definition version asks of a worker, besides amounts and time.

    ``key`` identifies the rules, so that answers can be remembered per definition version.
    """

    key: str
    license_affinity: frozenset[LicenseType] = frozenset()
    regions: frozenset[str] = frozenset()
    cml_versions: VersionRange | None = None
    ami_versions: VersionRange | None = None
    unreadable: str = ""
    node_definitions: frozenset[str] = frozenset()
    nested_virtualization: bool = False
    port_names: tuple[str, ...] = ()


ANYWHERE = Rules("anywhere")
"""Rules that every worker satisfies."""


@dataclass(frozen=True, slots=True)
class Demand:
    """A session that wants a place.

    A booked one wants exactly ``[start, end)``. One that runs as soon as possible wants ``duration`` inside that
    window, as early as it fits. The worker is held from ``lead`` before the start until ``cleanup`` after the end.
    """

    session_id: str
    rules: Rules
    wanted: int
    start: int
    end: int
    lead: int
    cleanup: int
    soon: bool = False
    duration: int = 0
    owner: str = ""
    priority: int = 0
    created: int = 0
    avoid_worker: str = ""
    deadline: int | None = None

    @property
    def kind(self) -> tuple[str, int]:
        """Demands of one kind are accepted and refused by the same workers, time apart."""
        return (self.rules.key, self.wanted)


@dataclass(frozen=True, slots=True)
class Refused:
    """Why one worker cannot take a session: the name of the filter and one sentence with the numbers."""

    worker_id: str
    worker_name: str
    filter: str
    message: str


@dataclass(frozen=True, slots=True)
class Placed:
    """A place: the effective slot, what is held around it, and the ports by name."""

    demand: Demand
    facts: WorkerFacts
    start: int
    end: int
    held_from: int
    held_until: int
    ports: dict[str, int]
    port_bits: int
    late: bool
    scores: dict[str, float] = field(default_factory=dict)
    refused: tuple[Refused, ...] = ()
    refused_total: int = 0


@dataclass(frozen=True, slots=True)
class Unplaced:
    """No worker can take the session inside its window."""

    demand: Demand
