"""From request to store: events that arrive together are written together, and acknowledged only when they are."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from lcm_core.clients.errors import ApiError
from lcm_core.contracts.sessions import InboundEvent, InboundEventBatch, InboundEventBatchResult

Store = Callable[[InboundEventBatch], Awaitable[InboundEventBatchResult]]
BATCH_EVENTS = 200
GATHER_SECONDS = 0.02
SILENCE_SECONDS = 0.002
"""A lone event does not wait longer than this for company."""
WAITING_LIMIT = 20_000
"""Events that may wait for the store; beyond it senders are asked to come back."""
KEPT_SOURCES = 2000


class IntakeFull(Exception):
    """The store does not keep up (503)."""


@dataclass(slots=True)
class _Waiting:
    events: Sequence[InboundEvent]
    stored: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Intake:
    """Gathers events for at most ``GATHER_SECONDS`` or ``BATCH_EVENTS``, several writes at once."""

    def __init__(self, store: Store, *, writers: int = 4) -> None:
        self._store = store
        self._waiting: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._count = 0
        self._writers = writers

    async def accept(self, events: Sequence[InboundEvent]) -> None:
        """Return when the events are durable. Raises ``IntakeFull``, or the ``ApiError`` of the write."""
        if not events:
            return
        if self._count + len(events) > WAITING_LIMIT:
            raise IntakeFull
        self._count += len(events)
        parts = [_Waiting(events[start : start + BATCH_EVENTS]) for start in range(0, len(events), BATCH_EVENTS)]
        try:
            for part in parts:
                self._waiting.put_nowait(part)
            for part in parts:
                await part.stored
        finally:
            self._count -= len(events)

    async def run(self) -> None:
        """Write until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._writers):
                group.create_task(self._write())

    async def _write(self) -> None:
        left: _Waiting | None = None
        while True:
            batch = [left or await self._waiting.get()]
            left = await self._gather(batch)
            await self._store_batch(batch)

    async def _gather(self, batch: list[_Waiting]) -> _Waiting | None:
        """Fill a batch until it is full, old enough or nobody comes; what does not fit is answered."""
        size = sum(len(waiting.events) for waiting in batch)
        deadline = time.monotonic() + GATHER_SECONDS
        while size < BATCH_EVENTS and time.monotonic() < deadline:
            try:
                async with asyncio.timeout(SILENCE_SECONDS):
                    following = await self._waiting.get()
            except TimeoutError:
                return None
            if size + len(following.events) > BATCH_EVENTS:
                return following
            batch.append(following)
            size += len(following.events)
        return None

    async def _store_batch(self, batch: Sequence[_Waiting]) -> None:
        items = [event for waiting in batch for event in waiting.events]
        try:
            await self._store(InboundEventBatch(items=items))
        except ApiError as error:
            for waiting in batch:
                if not waiting.stored.done():
                    waiting.stored.set_exception(error)
            return
        for waiting in batch:
            if not waiting.stored.done():
                waiting.stored.set_result(None)


class SourceRates:
    """A token bucket per source: ``rate`` events per second, twice that at once."""

    def __init__(self, rate: float, now: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._now = now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, events: Sequence[InboundEvent]) -> str:
        """The source that sends too much, empty when none does; then nothing is counted."""
        counts: dict[str, int] = {}
        for event in events:
            counts[event.source] = counts.get(event.source, 0) + 1
        now = self._now()
        left: dict[str, float] = {}
        for source, count in counts.items():
            tokens, at = self._buckets.get(source, (2 * self._rate, now))
            tokens = min(2 * self._rate, tokens + (now - at) * self._rate)
            if tokens < count:
                return source
            left[source] = tokens - count
        for source, tokens in left.items():
            self._buckets[source] = (tokens, now)
            self._buckets.move_to_end(source)
        while len(self._buckets) > KEPT_SOURCES:
            self._buckets.popitem(last=False)
        return ""
