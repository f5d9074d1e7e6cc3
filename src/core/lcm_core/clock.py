"""Time, injected.

Two kinds of time exist. *Platform time* drives leases, tokens, time-outs and back-off: ``SystemClock``. *Domain time*
drives time slots, deadlines, boot times and cost, and may run faster than real time: ``DomainClock``. Instants are
always aware UTC; durations are float seconds.
"""

import asyncio
import heapq
import itertools
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

MAX_LIVE_FACTOR = 60.0
"""Above this the platform's own delays dominate and deadlines become meaningless; only simulations go faster."""


class Timer(Protocol):
    """A pending call of ``Clock.call_later``."""

    def cancel(self) -> None:
        """Do not call; harmless after the call."""


class Clock(Protocol):
    """A source of time and timers."""

    def now(self) -> datetime:
        """The current instant, aware UTC."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never goes back, also counts while the machine sleeps."""

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back once, from the event loop, after so many seconds of this clock."""

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds of this clock."""


def _boot_seconds() -> float:
    """Monotonic seconds that include suspend where the system offers it: a lease expires while a laptop sleeps."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boottime is None else time.clock_gettime(boottime)


class SystemClock:
    """Real time on the running event loop."""

    def now(self) -> datetime:
        """See ``Clock``."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """See ``Clock``."""
        return _boot_seconds()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """See ``Clock``."""
        return asyncio.get_running_loop().call_later(seconds, callback)

    async def sleep(self, seconds: float) -> None:
        """See ``Clock``."""
        await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class ClockAnchor:
    """Domain time is ``domain_anchor`` at ``real_anchor`` and runs ``factor`` times as fast as real time."""

    real_anchor: datetime
    domain_anchor: datetime
    factor: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.factor) or self.factor <= 0:
            raise ValueError(f"the clock's factor must be a positive number, not {self.factor}")
        if self.real_anchor.tzinfo is None or self.domain_anchor.tzinfo is None:
            raise ValueError("the clock's anchors must carry a time zone")

    def at(self, real: datetime) -> datetime:
        """Domain instant at a real instant."""
        return self.domain_anchor + (real - self.real_anchor) * self.factor

    @classmethod
    def read(cls, path: Path) -> "ClockAnchor":
        """The anchor stored in a JSON file. Raises ``ValueError`` that names the file and the fault."""
        try:
            body = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                real_anchor=datetime.fromisoformat(body["real_anchor"]),
                domain_anchor=datetime.fromisoformat(body["domain_anchor"]),
                factor=float(body["factor"]),
            )
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"clock file {path} cannot be used: {error}") from error

    def write(self, path: Path) -> None:
        """Store the anchor for every process that shares the file, replacing the file at once."""
        body = {
            "real_anchor": self.real_anchor.isoformat(),
            "domain_anchor": self.domain_anchor.isoformat(),
            "factor": self.factor,
        }
        partial = path.with_name(path.name + ".new")
        partial.write_text(json.dumps(body), encoding="utf-8")
        partial.replace(path)


_REAL_TIME = ClockAnchor(
    real_anchor=datetime(2000, 1, 1, tzinfo=UTC), domain_anchor=datetime(2000, 1, 1, tzinfo=UTC), factor=1.0
)


class DomainClock:
    """Domain time: anchor + elapsed real time × factor, never backwards.

    Args:
        path: file with the anchor, re-read within a second after it changed; None means domain time is real time.
        simulation: allow a factor above ``MAX_LIVE_FACTOR``.
        base: real time.

    When the machine's wall clock is set back, domain time goes on at half speed until the wall clock has caught up:
    it neither repeats an instant nor stands still.
    """

    def __init__(self, path: Path | None = None, *, simulation: bool = False, base: Clock | None = None) -> None:
        self._path = path
        self._simulation = simulation
        self._base: Clock = base or SystemClock()
        self._stamp: int | None = None
        self._checked = -math.inf
        self._anchor = _REAL_TIME
        self._refresh()
        self._last = self._anchor.at(self._base.now())
        self._last_monotonic = self._base.monotonic()

    @property
    def factor(self) -> float:
        """Domain seconds per real second."""
        return self._anchor.factor

    def now(self) -> datetime:
        """See ``Clock``."""
        self._refresh()
        monotonic = self._base.monotonic()
        target = self._anchor.at(self._base.now())
        if target < self._last:
            slewed = self._last + timedelta(seconds=(monotonic - self._last_monotonic) * self.factor / 2)
            target = max(target, slewed)
        self._last, self._last_monotonic = target, monotonic
        return target

    def monotonic(self) -> float:
        """Domain seconds since an arbitrary start."""
        return (self.now() - _REAL_TIME.domain_anchor).total_seconds()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back after so many *domain* seconds at the current factor."""
        return self._base.call_later(seconds / self.factor, callback)

    async def sleep(self, seconds: float) -> None:
        """Wait for so many *domain* seconds at the current factor."""
        await self._base.sleep(seconds / self.factor)

    def real_seconds_until(self, instant: datetime) -> float:
        """Real seconds from now until a domain instant; 0 when it has passed."""
        return max(0.0, (instant - self.now()).total_seconds() / self.factor)

    def _refresh(self) -> None:
        """Load the anchor when its file changed, looking at most once per real second."""
        if self._path is None or self._base.monotonic() - self._checked < 1.0:
            return
        self._checked = self._base.monotonic()
        stamp = self._path.stat().st_mtime_ns if self._path.exists() else None
        if stamp == self._stamp or stamp is None:
            return
        anchor = ClockAnchor.read(self._path)
        if anchor.factor > MAX_LIVE_FACTOR and not self._simulation:
            raise ValueError(f"clock file {self._path}: factor {anchor.factor:g} is above {MAX_LIVE_FACTOR:g}")
        self._stamp, self._anchor = stamp, anchor


@dataclass(order=True)
class _ManualTimer:
    due: float
    order: int
    callback: Callable[[], None] = field(compare=False)
    canceled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.canceled = True


class ManualClock:
    """Time that moves only when told to; for tests and simulations."""

    def __init__(self, start: datetime | None = None) -> None:
        self._start = start or datetime(2030, 1, 1, tzinfo=UTC)
        self._elapsed = 0.0
        self._timers: list[_ManualTimer] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        """See ``Clock``."""
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """See ``Clock``."""
        return self._elapsed

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """See ``Clock``; called from ``advance``."""
        timer = _ManualTimer(self._elapsed + max(0.0, seconds), next(self._order), callback)
        heapq.heappush(self._timers, timer)
        return timer

    async def sleep(self, seconds: float) -> None:
        """See ``Clock``."""
        done = asyncio.get_running_loop().create_future()
        timer = self.call_later(seconds, lambda: None if done.done() else done.set_result(None))
        try:
            await done
        finally:
            timer.cancel()

    def advance(self, seconds: float) -> None:
        """Move on and run the timers that fall due, in order, each at its own instant."""
        end = self._elapsed + seconds
        while self._timers and self._timers[0].due <= end:
            timer = heapq.heappop(self._timers)
            self._elapsed = max(self._elapsed, timer.due)
            if not timer.canceled:
                timer.callback()
        self._elapsed = end

    def next_due(self) -> float | None:
        """Seconds until the next timer, or None."""
        while self._timers and self._timers[0].canceled:
            heapq.heappop(self._timers)
        return self._timers[0].due - self._elapsed if self._timers else None
