"""How often something is looked at: domain seconds, turned into real ones at the clock's present speed."""

from enum import StrEnum

from lcm_core.clock import DomainClock
from worker_controller.settings import WorkerSettings


class Pace(StrEnum):
    """How soon a worker is looked at again when nothing changes by itself."""

    READINESS = "readiness"
    INSTANCE = "instance"
    STEADY = "steady"
    SLOW = "slow"


_FLOORS = {Pace.READINESS: 0.1, Pace.INSTANCE: 0.25, Pace.STEADY: 2.0, Pace.SLOW: 5.0}
"""Real seconds that no speed of the clock goes below, so that a fast demonstration does not flood anybody."""


class Pacer:
    """Real seconds of each pace."""

    def __init__(self, clock: DomainClock, settings: WorkerSettings) -> None:
        self._clock = clock
        self._seconds = {
            Pace.INSTANCE: settings.instance_seconds,
            Pace.STEADY: settings.steady_seconds,
            Pace.SLOW: settings.slow_seconds,
        }
        self._readiness = settings.readiness_seconds

    def real_seconds(self, pace: Pace) -> float:
        """Real seconds until the next look."""
        if pace is Pace.READINESS:
            return max(_FLOORS[pace], min(self._readiness, 10.0 * self._readiness / self._clock.factor))
        return max(_FLOORS[pace], self._seconds[pace] / self._clock.factor)

    def scaled(self, domain_seconds: float, floor: float) -> float:
        """Real seconds of a domain duration, at least ``floor``."""
        return max(floor, domain_seconds / self._clock.factor)
