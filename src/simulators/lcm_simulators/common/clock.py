"""The clock of a simulated world: wall time times a factor."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from lcm_core.clock import ClockAnchor


class SimulatedClock:
    """Simulated seconds since the epoch; `factor` simulated seconds pass per real one.

    A change of the factor re-anchors the clock, so simulated time never jumps; `on_change` is called after it. Without
    `start` (simulated seconds since the epoch) the clock begins at wall time.
    """

    def __init__(self, factor: float = 1.0, start: float | None = None) -> None:
        self._check(factor)
        self._factor = factor
        self._real_anchor = time.monotonic()
        self._anchor = time.time() if start is None else start
        self.on_change: Callable[[], None] | None = None

    @staticmethod
    def _check(factor: float) -> None:
        if not 0 < factor <= 100_000:
            raise ValueError("the clock factor must be above 0 and at most 100000")

    @property
    def factor(self) -> float:
        """Simulated seconds per real second."""
        return self._factor

    def set_factor(self, factor: float) -> None:
        """Change the speed from now on."""
        self._check(factor)
        self._anchor = self.time()
        self._real_anchor = time.monotonic()
        self._factor = factor
        if self.on_change is not None:
            self.on_change()

    def time(self) -> float:
        """Simulated seconds since the epoch."""
        return self._anchor + (time.monotonic() - self._real_anchor) * self._factor

    def now(self) -> datetime:
        """The simulated instant, aware UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def real_seconds(self, simulated_seconds: float) -> float:
        """How many real seconds a simulated duration takes at the present speed."""
        return max(0.0, simulated_seconds) / self._factor

    async def sleep(self, simulated_seconds: float) -> None:
        """Wait a simulated duration (at the speed in force when the wait began)."""
        await asyncio.sleep(self.real_seconds(simulated_seconds))


def platform_time(factor: float, clock_file: Path | None) -> tuple[float, float]:
    """Speed and instant to start a clock with: those of the platform's domain time if its file exists, else wall time.

    Raises ``ValueError`` for a file that cannot be used.
    """
    now = datetime.now(UTC)
    if clock_file is None or not clock_file.exists():
        return factor, now.timestamp()
    anchor = ClockAnchor.read(clock_file)
    return anchor.factor, anchor.at(now).timestamp()
