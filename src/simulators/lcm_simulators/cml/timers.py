"""Simulated-time timers: one heap and one real timer for the whole process, so that idle nodes cost nothing."""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from lcm_simulators.common import SimulatedClock


@dataclass(slots=True, order=True)
class Timer:
    """A callback due at a simulated instant; `cancel` makes it a no-op."""

    due: float
    order: int
    action: Callable[[], None] | None = field(compare=False)

    def cancel(self) -> None:
        """Forget the callback."""
        self.action = None


class Timers:
    """Runs callbacks at simulated instants. Call `rearm` after the clock's factor changed."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self._heap: list[Timer] = []
        self._order = itertools.count()
        self._handle: asyncio.TimerHandle | None = None

    def at(self, due: float, action: Callable[[], None]) -> Timer:
        """Run `action` on the event loop once the simulated time reaches `due`."""
        timer = Timer(due, next(self._order), action)
        heapq.heappush(self._heap, timer)
        if self._heap[0] is timer:
            self.rearm()
        return timer

    def after(self, simulated_seconds: float, action: Callable[[], None]) -> Timer:
        """Run `action` after a simulated duration."""
        return self.at(self._clock.time() + simulated_seconds, action)

    def rearm(self) -> None:
        """Set the one real timer for the earliest callback."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if self._heap:
            delay = self._clock.real_seconds(self._heap[0].due - self._clock.time())
            self._handle = asyncio.get_running_loop().call_later(delay, self._fire)

    def close(self) -> None:
        """Drop every pending callback."""
        self._heap.clear()
        self.rearm()

    def _fire(self) -> None:
        self._handle = None
        # A microsecond of tolerance: real and simulated time are rounded differently.
        limit = self._clock.time() + 1e-6 * self._clock.factor
        while self._heap and self._heap[0].due <= limit:
            action = heapq.heappop(self._heap).action
            if action is not None:
                action()
        self.rearm()
