"""What is known of a machine at one instant."""

from dataclasses import dataclass
from datetime import datetime

from lcm_core.spi.cml_system import License, Readiness, SystemStats
from lcm_core.spi.ec2 import Instance, InstanceState


@dataclass(frozen=True, slots=True)
class Bookings:
    """Claims on a worker: those that hold now and those that begin soon."""

    live: int = 0
    imminent: int = 0

    @property
    def any(self) -> bool:
        """Whether stopping the worker now would harm a session."""
        return bool(self.live or self.imminent)


@dataclass(frozen=True, slots=True)
class CmlFacts:
    """How far CML answered; statistics and license only once it is ready and accepts the sign-in."""

    readiness: Readiness
    stats: SystemStats | None = None
    license: License | None = None
    node_definitions: tuple[str, ...] | None = None

    @property
    def ready(self) -> bool:
        """Whether every layer up to the sign-in works."""
        return self.readiness.failing is None and self.stats is not None and self.license is not None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a decision rests on.

    ``ec2_known`` is False while EC2 gives no answer; ``instance`` then means nothing. ``cml`` is None when nobody
    looked. ``bookings`` is None while the claims are unknown; decisions then harm nothing. ``twins`` are further live
    instances with this worker's tag. ``blocked_until`` is set while the template rests in the region after failures,
    ``license_retry_at`` while a failed registration waits for its next try, ``license_refusal``
    holds CML's words when it took no registration at all, ``growth_refused`` when CML did not accept
    the wanted expansion nodes. ``license_settles_in`` is for how many real seconds a registration that nobody hears of
    any more may yet have its effect on a worker that terminates. ``license_silent_since`` is when the CML of such a
    worker was first seen silent.
    """

    ec2_known: bool = True
    instance: Instance | None = None
    twins: tuple[str, ...] = ()
    cml: CmlFacts | None = None
    bookings: Bookings | None = None
    has_license_token: bool = True
    blocked_until: datetime | None = None
    license_retry_at: datetime | None = None
    license_refusal: str = ""
    growth_refused: bool = False
    license_settles_in: float = 0.0
    license_silent_since: datetime | None = None

    @property
    def state(self) -> InstanceState | None:
        """State of the instance; None when there is none or nobody knows."""
        return self.instance.state if self.ec2_known and self.instance is not None else None

    @property
    def gone(self) -> bool:
        """Whether EC2 is known to hold no instance that could still run."""
        return self.ec2_known and (self.instance is None or not self.instance.state.live)

    @property
    def busy(self) -> bool:
        """Whether sessions would be harmed, unknown bookings counted as such."""
        return self.bookings is None or self.bookings.any
