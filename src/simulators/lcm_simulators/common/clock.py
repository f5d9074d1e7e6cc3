"""The clock of a simulated world: wall time times a factor."""

import asyncio
import time
from datetime import UTC, datetime


class SimulatedClock:
    """Simulated seconds since the epoch; `factor` simulated seconds pass per real one.

    A change of the factor re-anchors the clock, so simulated time never jumps.
    """

    def __init__(self, factor: float = 1.0) -> None:
        self._check(factor)
        self._factor = factor
        self._real_anchor = time.monotonic()
        self._anchor = time.time()

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
