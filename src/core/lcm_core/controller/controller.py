"""The controller: informers feed a queue of keys, a bounded number of workers reconcile them.

A reconcile is level-triggered: it decides from what it observes now, never from the event that woke it. The loop
survives whatever a reconcile raises; each outcome is one sentence that is logged, counted and kept for inspection.
"""

import asyncio
import logging
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from lcm_core.clients.errors import ApiError, Forbidden, Invalid, StaleTerm, TransientApiError
from lcm_core.clock import Clock, DomainClock, SystemClock
from lcm_core.controller.barrier import ConsistencyBarrier, Place
from lcm_core.controller.informer import Change, ChangeKind, Informer
from lcm_core.controller.leadership import Leadership, LeadershipLost, reconcile_context
from lcm_core.controller.outcome import Outcome, OutcomeKind, RetryableError, TerminalError
from lcm_core.controller.queue import Backoff, Item, KeyState, Priority, QueueStopped, WorkQueue
from lcm_core.controller.shards import shard_of
from lcm_core.observability import metrics
from lcm_core.observability.tracing import continued_span, mark_failed

log = logging.getLogger(__name__)

KeysOf = Callable[[Change[Any]], Iterable[str]]
KEPT_REPORTS = 200
TRACE_SECONDS = 120.0
"""How long the reconciles that a change leads to belong to its trace; one that polls for hours would never end it."""


class Reconciler(Protocol):
    """Makes one key so."""

    async def reconcile(self, key: str) -> Outcome:
        """Observe, decide, act. May raise ``RetryableError``, ``TerminalError`` and any ``ApiError``."""


def own_key(change: Change[Any]) -> Iterable[str]:
    """The object's id as the key: the usual mapping of a controller's main source."""
    return (change.object_id,)


@dataclass(frozen=True, slots=True)
class Source:
    """Changes of one informer and the keys they concern."""

    informer: Informer[Any]
    keys_of: KeysOf = own_key


@dataclass(frozen=True, slots=True)
class ControllerSpec:
    """A controller as a service declares it.

    ``seeds`` are keys that exist always ("plan"); ``workers`` bounds concurrency; ``reconcile_timeout`` and
    ``barrier_timeout`` are in real seconds.
    """

    name: str
    reconciler: Reconciler
    sources: Sequence[Source]
    seeds: Sequence[str] = ()
    workers: int = 8
    reconcile_timeout: float = 300.0
    barrier_timeout: float = 5.0
    backoff: Backoff = field(default_factory=Backoff)


@dataclass(frozen=True, slots=True)
class _Cause:
    """The trace of the change that a key was enqueued for, and until when (monotonic) it is continued."""

    traceparent: str
    until: float


@dataclass(frozen=True, slots=True)
class KeyReport:
    """The last reconcile of a key; ``at`` is real time, ``seconds`` its duration."""

    key: str
    outcome: Outcome
    at: datetime
    seconds: float


class Controller:
    """One controller under one leadership.

    Args:
        spec: what to run.
        leadership: keys of its shard are reconciled, until it ends or is lost.
        shards: number of shards of the service.
        domain_clock: turns instants of domain time into delays.
        clock: real time.
    """

    def __init__(
        self,
        spec: ControllerSpec,
        leadership: Leadership,
        *,
        shards: int = 1,
        domain_clock: DomainClock | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.spec = spec
        self.leadership = leadership
        self._shards = shards
        self._clock = clock or SystemClock()
        self._domain_clock = domain_clock or DomainClock(base=self._clock)
        self.queue = WorkQueue(spec.name, clock=self._clock, backoff=spec.backoff)
        informers = {source.informer.collection: source.informer for source in spec.sources}
        self._barrier = ConsistencyBarrier(spec.name, informers, spec.barrier_timeout)
        self._reports: OrderedDict[str, KeyReport] = OrderedDict()
        self._arrived: dict[str, list[tuple[Place, int, Priority]]] = {}
        self._failed_writes: dict[str, dict[Place, int]] = {}
        self._causes: dict[str, _Cause] = {}
        self.reconciles = 0
        self.errors = 0
        self._in_flight = metrics.IN_FLIGHT.labels(spec.name)
        self._crashes = metrics.RECONCILE_CRASHES.labels(spec.name)

    @property
    def reports(self) -> Sequence[KeyReport]:
        """Last reconciles, one per key, newest first, bounded."""
        return tuple(reversed(self._reports.values()))

    def owns(self, key: str) -> bool:
        """Whether the key belongs to this controller's shard; seeds belong to shard 0."""
        if key in self.spec.seeds:
            return self.leadership.shard == 0
        return self._shards == 1 or shard_of(key, self._shards) == self.leadership.shard

    async def run(self) -> None:
        """Reconcile until the leadership is asked to end (running keys are finished) or this is cancelled."""
        unsubscribe = [source.informer.subscribe(self._handler(source)) for source in self.spec.sources]
        try:
            for source in self.spec.sources:
                await source.informer.wait_synced()
            self._enqueue_everything()
            async with asyncio.TaskGroup() as group:
                for number in range(self.spec.workers):
                    group.create_task(self._worker(), name=f"{self.spec.name} worker {number}")
                await self.leadership.ending.wait()
                self.queue.stop()
        finally:
            self.queue.stop()
            for end in unsubscribe:
                end()

    def trigger(self, key: str) -> None:
        """Reconcile the key now, ahead of everything else."""
        self.queue.add(key, Priority.URGENT)

    def inspect(self, key: str) -> tuple[KeyState, KeyReport | None]:
        """Where the key is and how its last reconcile ended."""
        return self.queue.inspect(key), self._reports.get(key)

    def _enqueue_everything(self) -> None:
        """Level-triggered start: look at every object once, whatever happened while nobody led."""
        for seed in self.spec.seeds:
            if self.owns(seed):
                self.queue.add(seed)
        for source in self.spec.sources:
            informer = source.informer
            for object_id, value in informer.items.items():
                change = Change(
                    ChangeKind.RESYNC, informer.collection, object_id, value, value, informer.version(object_id)
                )
                self._take(source, change)

    def _handler(self, source: Source) -> Callable[[Change[Any]], None]:
        return lambda change: self._take(source, change)

    def _take(self, source: Source, change: Change[Any]) -> None:
        """Enqueue the keys a change concerns, telling echoes of a failed reconcile's own writes from news."""
        priority = Priority.RESYNC if change.kind is ChangeKind.RESYNC else Priority.FRESH
        place = (change.collection, change.object_id)
        # A delete is never the echo of a write.
        version = sys.maxsize if change.kind is ChangeKind.DELETED else change.version
        for key in source.keys_of(change):
            if not self.owns(key):
                continue
            traceparent = getattr(change.new, "traceparent", None)
            if traceparent and priority is Priority.FRESH:
                self._causes[key] = _Cause(traceparent, self._clock.monotonic() + TRACE_SECONDS)
            if key in self.queue.running:
                self._arrived.setdefault(key, []).append((place, version, priority))
            elif version > self._failed_writes.get(key, {}).get(place, -1):
                self.queue.add(key, priority, keep_backoff=priority is Priority.RESYNC)

    async def _worker(self) -> None:
        while True:
            try:
                item = await self.queue.get()
            except QueueStopped:
                return
            await self._handle(item)
            await asyncio.sleep(0)  # reconciles that never wait must not starve timers and renewals

    async def _handle(self, item: Item) -> None:
        """Run one reconcile and tell the queue how it ended."""
        key = item.key
        self._failed_writes.pop(key, None)
        self._in_flight.inc()
        started = self._clock.monotonic()
        writes: dict[Place, int] = {}
        cause = self._causes.pop(key, None)
        try:
            outcome = await self._reconcile(key, writes, cause)
        except LeadershipLost as error:
            log.warning("%s hands %s back: %s", self.spec.name, key, error)
            self.leadership.lose(str(error))
            self.queue.stop()
            self.queue.hand_back(key)
            return
        finally:
            self._in_flight.dec()
        self._report(key, outcome, self._clock.monotonic() - started)
        self._barrier.wrote(key, writes)
        if cause is not None and outcome.looks_again and self._clock.monotonic() < cause.until:
            self._causes.setdefault(key, cause)
        self._finish(key, outcome, writes)

    def _finish(self, key: str, outcome: Outcome, writes: dict[Place, int]) -> None:
        after = outcome.after
        if outcome.at is not None:
            after = self._domain_clock.real_seconds_until(outcome.at)
        arrived = self._arrived.pop(key, ())
        if outcome.failed:
            self._failed_writes[key] = writes
            arrived = [change for change in arrived if change[1] > writes.get(change[0], -1)]
        # A terminal failure counts as finished for the queue: no timer, the next change or resync decides again.
        self.queue.finish(key, failed=outcome.kind is OutcomeKind.RETRY, after=after)
        for _, _, priority in arrived:
            self.queue.add(key, priority)

    async def _reconcile(self, key: str, writes: dict[Place, int], cause: _Cause | None) -> Outcome:
        """Call the reconciler and turn whatever it raises into an outcome."""
        await self._barrier.settle(key)
        traceparent = cause.traceparent if cause else None
        attributes = {"lcm.key": key, "lcm.controller": self.spec.name}
        with (
            continued_span(f"reconcile {self.spec.name}", traceparent, attributes=attributes) as span,
            reconcile_context(key, self.leadership) as context,
        ):
            limit = asyncio.timeout(self.spec.reconcile_timeout)
            try:
                async with limit:
                    self.leadership.require()
                    outcome = await self.spec.reconciler.reconcile(key)
            except LeadershipLost:
                raise
            except Exception as error:
                outcome = self._timed_out() if limit.expired() else self._outcome_of(error, key)
            writes.update(context.writes)
            if outcome.failed:
                mark_failed(span, outcome.sentence)
            return outcome

    def _timed_out(self) -> Outcome:
        sentence = f"The reconcile did not end within {self.spec.reconcile_timeout:g} s."
        return Outcome.retry("ReconcileTimedOut", sentence)

    def _outcome_of(self, error: Exception, key: str) -> Outcome:
        match error:
            case RetryableError():
                return Outcome.retry(error.reason, error.sentence, after=error.after)
            case TerminalError():
                return Outcome.terminal(error.reason, error.sentence)
            case StaleTerm():
                self.leadership.lose("the control plane has seen a newer term")
                return Outcome.retry("StaleTerm", error.sentence)
            case TransientApiError():
                return Outcome.retry(error.code, error.sentence, after=error.retry_after)
            case Invalid() | Forbidden():
                return Outcome.terminal(error.code, error.sentence)
            case ApiError():
                return Outcome.retry(error.code, error.sentence)
            case _:
                self._crashes.inc()
                log.exception("%s crashed on %s", self.spec.name, key)
                return Outcome.retry("ReconcileCrashed", f"The reconcile failed unexpectedly: {type(error).__name__}.")

    def _report(self, key: str, outcome: Outcome, seconds: float) -> None:
        self.reconciles += 1
        self.errors += outcome.failed
        metrics.RECONCILE_SECONDS.labels(self.spec.name, outcome.kind.value).observe(seconds)
        last = self._reports.pop(key, None)
        self._reports[key] = KeyReport(key, outcome, self._clock.now(), seconds)
        if len(self._reports) > KEPT_REPORTS:
            self._reports.popitem(last=False)
        news = last is None or (last.outcome.reason, last.outcome.sentence) != (outcome.reason, outcome.sentence)
        level = logging.DEBUG if not news else logging.WARNING if outcome.failed else logging.INFO
        log.log(level, "%s %s: %s (%s)", self.spec.name, key, outcome.sentence, outcome.reason)
