"""Simulated time of the world: it survives a restart and tells who waits when its speed changes."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from lcm_core.clock import ClockAnchor
from lcm_simulators.common import SimulatedClock


class WorldClock(SimulatedClock):
    """A simulated clock that starts at a given instant and calls `on_change` after a change of its factor."""

    def __init__(self, factor: float, start: float | None = None) -> None:
        super().__init__(factor)
        if start is not None:
            self._anchor = start
        self.on_change: Callable[[], None] | None = None

    def set_factor(self, factor: float) -> None:
        """Change the speed from now on."""
        super().set_factor(factor)
        if self.on_change is not None:
            self.on_change()

    def instant(self, simulated: float) -> datetime:
        """An instant of this clock, given in seconds, as aware UTC."""
        return datetime.fromtimestamp(simulated, UTC)


def start_clock(factor: float, clock_file: Path | None, latest_known: float) -> WorldClock:
    """The clock at start: the platform's domain time if its file exists, else wall time.

    It never begins before `latest_known`, the last instant that the stored state speaks of.
    """
    start = datetime.now(UTC).timestamp()
    if clock_file is not None and clock_file.exists():
        anchor = ClockAnchor.read(clock_file)
        factor, start = anchor.factor, anchor.at(datetime.now(UTC)).timestamp()
    return WorldClock(factor, max(start, latest_known))
