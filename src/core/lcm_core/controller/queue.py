"""The work queue: which key is reconciled next, and when.

Nouns: a key *waits* (in a lane by priority), is *delayed* (a timer will make it wait), *runs* (one worker has it), is
*dirty* (it was added while it runs and will wait again when that run is finished) or is *held* (paused by a person).
Only keys travel through the queue; what happened to them is looked up when they run.

Guarantees: a key waiting twice is one item; a key is never handed to two workers; a key added while it runs runs once
more afterwards; failures of a key grow its own delay and nobody else's.
"""

import asyncio
import random
from collections import OrderedDict, deque
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from lcm_core.clock import Clock, SystemClock, Timer
from lcm_core.observability import metrics


class Priority(IntEnum):
    """Lanes of the queue; a lower number goes first."""

    URGENT = 0
    FRESH = 1
    RESYNC = 2


class KeyPhase(StrEnum):
    """Where a key is."""

    ABSENT = "absent"
    WAITING = "waiting"
    DELAYED = "delayed"
    RUNNING = "running"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delay after the n-th failure in a row: ``first`` doubled each time up to ``longest`` seconds.

    Each delay is shortened by up to ``jitter`` of itself so that keys that failed together do not return together.
    """

    first: float = 0.5
    longest: float = 120.0
    jitter: float = 0.3

    def delay(self, failures: int, rng: random.Random) -> float:
        """Seconds to wait after ``failures`` failures in a row (at least 1)."""
        full = min(self.longest, self.first * 2.0 ** min(failures - 1, 40))
        return full * (1 - self.jitter * rng.random())


@dataclass(frozen=True, slots=True)
class Item:
    """A key handed to a worker: how long it waited in seconds and how often it failed in a row before."""

    key: str
    priority: Priority
    waited: float
    failures: int


@dataclass(frozen=True, slots=True)
class KeyState:
    """What the queue knows of a key; ``due_in`` is in seconds for a delayed key."""

    phase: KeyPhase
    paused: bool
    failures: int
    dirty: bool
    due_in: float | None


class QueueStopped(Exception):
    """The queue hands out nothing any more."""


@dataclass(slots=True)
class _Delay:
    due: float
    priority: Priority
    timer: Timer


class WorkQueue:
    """See the module's text.

    Args:
        name: label of the metrics.
        clock: real time; timers and ages are measured with it.
        backoff: see ``Backoff``. Defaults to 0.5 s doubling up to 2 minutes.
        resync_patience: seconds after which a waiting resync key goes before fresh ones, so that it cannot starve.
        rng: source of jitter.
    """

    def __init__(
        self,
        name: str,
        *,
        clock: Clock | None = None,
        backoff: Backoff = Backoff(),
        resync_patience: float = 30.0,
        rng: random.Random | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._backoff = backoff
        self._patience = resync_patience
        self._rng = rng or random.Random()
        self._lanes: dict[Priority, OrderedDict[str, float]] = {lane: OrderedDict() for lane in Priority}
        self._waiting: dict[str, Priority] = {}
        self._delayed: dict[str, _Delay] = {}
        self._running: set[str] = set()
        self._dirty: dict[str, Priority] = {}
        self._paused: set[str] = set()
        self._held: dict[str, Priority] = {}
        self._failures: dict[str, int] = {}
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._stopped = False
        self._depth_gauge = metrics.QUEUE_DEPTH.labels(name)
        self._delayed_gauge = metrics.QUEUE_DELAYED.labels(name)
        self._wait_histogram = metrics.QUEUE_WAIT.labels(name)
        metrics.watch_age(name, self.oldest_age)

    @property
    def depth(self) -> int:
        """Keys that wait for a worker."""
        return len(self._waiting)

    @property
    def delayed(self) -> int:
        """Keys that wait for a timer."""
        return len(self._delayed)

    @property
    def running(self) -> frozenset[str]:
        """Keys handed out and not finished."""
        return frozenset(self._running)

    def oldest_age(self) -> float:
        """Seconds the longest-waiting key has waited; 0 when none waits."""
        heads = [next(iter(lane.values())) for lane in self._lanes.values() if lane]
        return max(0.0, self._clock.monotonic() - min(heads)) if heads else 0.0

    def add(self, key: str, priority: Priority = Priority.FRESH, *, keep_backoff: bool = False) -> None:
        """Reconcile the key as soon as a worker is free; a timer it had is dropped.

        ``keep_backoff`` leaves a key alone that failed and waits for its retry: used for echoes of our own writes,
        which would otherwise turn every recorded failure into an immediate retry.
        """
        if self._stopped:
            return
        if keep_backoff and key in self._failures and key in self._delayed:
            return
        if key in self._running:
            self._dirty[key] = min(priority, self._dirty.get(key, priority))
        elif key in self._paused:
            self._held[key] = min(priority, self._held.get(key, priority))
            self._drop_timer(key)
        else:
            self._drop_timer(key)
            self._push(key, priority, self._clock.monotonic())

    def add_after(self, key: str, seconds: float, priority: Priority = Priority.FRESH) -> None:
        """Add the key after so many real seconds; an earlier timer of the key, or a place in the queue, stands."""
        if self._stopped:
            return
        if seconds <= 0:
            self.add(key, priority)
            return
        if key in self._waiting or key in self._held:
            return
        due = self._clock.monotonic() + seconds
        present = self._delayed.get(key)
        if present is not None and present.due <= due:
            return
        self._drop_timer(key)
        timer = self._clock.call_later(seconds, lambda: self._timer_fired(key))
        self._delayed[key] = _Delay(due=due, priority=priority, timer=timer)
        self._delayed_gauge.set(len(self._delayed))

    async def get(self) -> Item:
        """The next key, which runs until ``finish`` or ``hand_back``. Raises ``QueueStopped``."""
        while not self._stopped:
            item = self._pop()
            if item is not None:
                return item
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled():
                    self._wake_one()  # the wake-up meant for us must not be lost
                raise
        raise QueueStopped

    def finish(self, key: str, *, failed: bool = False, after: float | None = None) -> None:
        """The run of the key is over.

        Args:
            failed: retry after a back-off that grows with each failure in a row; otherwise the count is reset.
            after: real seconds until the next run; together with ``failed`` it replaces the computed back-off.
        """
        self._running.remove(key)
        if failed:
            self._failures[key] = self._failures.get(key, 0) + 1
            after = self._backoff.delay(self._failures[key], self._rng) if after is None else after
        else:
            self._failures.pop(key, None)
        dirty = self._dirty.pop(key, None)
        if dirty is not None:
            self.add(key, dirty)
        elif after is not None:
            self.add_after(key, after)

    def hand_back(self, key: str) -> None:
        """The run was broken off without a result: the key waits again and no failure is counted."""
        self._running.remove(key)
        self.add(key, self._dirty.pop(key, Priority.FRESH))

    def pause(self, key: str) -> None:
        """Do not hand out the key until ``resume``; a run in progress is not interrupted."""
        self._paused.add(key)
        priority = self._waiting.pop(key, None)
        if priority is not None:
            del self._lanes[priority][key]
            self._held[key] = priority
            self._depth_gauge.set(len(self._waiting))

    def resume(self, key: str) -> None:
        """End the pause; the key waits now if anything asked for it meanwhile."""
        self._paused.discard(key)
        priority = self._held.pop(key, None)
        if priority is not None:
            self.add(key, priority)

    def inspect(self, key: str) -> KeyState:
        """Where the key is."""
        delay = self._delayed.get(key)
        return KeyState(
            phase=self._phase(key),
            paused=key in self._paused,
            failures=self._failures.get(key, 0),
            dirty=key in self._dirty,
            due_in=None if delay is None else max(0.0, delay.due - self._clock.monotonic()),
        )

    def stop(self) -> None:
        """Hand out nothing any more, drop every timer, wake every waiting worker. Running keys may still finish."""
        self._stopped = True
        for key in list(self._delayed):
            self._drop_timer(key)
        while self._waiters:
            self._wake_one()

    def _phase(self, key: str) -> KeyPhase:
        if key in self._running:
            return KeyPhase.RUNNING
        if key in self._waiting:
            return KeyPhase.WAITING
        if key in self._held:
            return KeyPhase.HELD
        return KeyPhase.DELAYED if key in self._delayed else KeyPhase.ABSENT

    def _push(self, key: str, priority: Priority, since: float) -> None:
        present = self._waiting.get(key)
        if present is not None:
            if present <= priority:
                return
            since = self._lanes[present].pop(key)
        self._waiting[key] = priority
        self._lanes[priority][key] = since
        self._depth_gauge.set(len(self._waiting))
        if present is None:
            self._wake_one()

    def _pop(self) -> Item | None:
        lane = self._next_lane()
        if lane is None:
            return None
        key, since = self._lanes[lane].popitem(last=False)
        del self._waiting[key]
        self._running.add(key)
        waited = max(0.0, self._clock.monotonic() - since)
        self._depth_gauge.set(len(self._waiting))
        self._wait_histogram.observe(waited)
        return Item(key=key, priority=lane, waited=waited, failures=self._failures.get(key, 0))

    def _next_lane(self) -> Priority | None:
        resync = self._lanes[Priority.RESYNC]
        if resync and self._clock.monotonic() - next(iter(resync.values())) > self._patience:
            return Priority.RESYNC
        return next((lane for lane in Priority if self._lanes[lane]), None)

    def _timer_fired(self, key: str) -> None:
        delay = self._delayed.pop(key, None)
        self._delayed_gauge.set(len(self._delayed))
        if delay is not None:
            self.add(key, delay.priority)

    def _drop_timer(self, key: str) -> None:
        delay = self._delayed.pop(key, None)
        if delay is not None:
            delay.timer.cancel()
            self._delayed_gauge.set(len(self._delayed))

    def _wake_one(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
