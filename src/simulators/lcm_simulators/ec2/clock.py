"""Simulated time of the world: it survives a restart."""

from datetime import UTC, datetime
from pathlib import Path

from lcm_simulators.common import SimulatedClock, platform_time


class WorldClock(SimulatedClock):
    """A simulated clock that also turns stored seconds into instants."""

    def instant(self, simulated: float) -> datetime:
        """An instant of this clock, given in seconds, as aware UTC."""
        return datetime.fromtimestamp(simulated, UTC)


def start_clock(factor: float, clock_file: Path | None, latest_known: float) -> WorldClock:
    """The clock at start: the platform's domain time if its file exists, else wall time.

    It never begins before `latest_known`, the last instant that the stored state speaks of.
    """
    speed, start = platform_time(factor, clock_file)
    return WorldClock(speed, max(start, latest_known))
