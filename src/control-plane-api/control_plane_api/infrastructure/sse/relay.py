"""One watch of etcd per replica, fanned out to every stream (P-60, ruling 5).

A change is noted when etcd tells of it and flushed at once, or a moment after the flush before: each object is read
from the database once per flush and encoded once. The moment grows with the number of streams, since each flush costs
work for each of them. An object that was shown less than a quarter of a second ago waits, which bounds it to four
events a second; what waits holds back the position that clients resume from.

The watch begins as far back as etcd still remembers, within limits. So a replica that has just started knows what
changed before, and a client that comes from another replica resumes here.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing, suppress

from pymongo.errors import PyMongoError

from control_plane_api.domain.settings.settings import SETTINGS_ID
from control_plane_api.infrastructure.sse.broadcast import EtcdBroadcasts, read_broadcast
from control_plane_api.infrastructure.sse.encoding import StreamEvent, position
from control_plane_api.infrastructure.sse.pacing import Item, Pacer
from control_plane_api.infrastructure.sse.ring import Changed, ChangeRing
from control_plane_api.infrastructure.sse.snapshots import SHOWN, Snapshots
from control_plane_api.infrastructure.sse.stream import ClientQueue
from control_plane_api.kernel.tasks import together
from lcm_core.etcd import EtcdError, EtcdStore, EventKind, RevisionCompacted, StoreReplaced, WatchBatch, WatchEvent
from lcm_core.etcd.keys import (
    BROADCAST_PREFIX,
    METRICS,
    PROJECTION_PREFIX,
    SETTINGS_KEY,
    STATE,
    STATUS_PREFIX,
    ObjectKey,
)

log = logging.getLogger(__name__)

TakeEvents = Callable[[Iterable[WatchEvent]], Awaitable[None]]

GATHER_SECONDS = 0.02
GATHER_SECONDS_PER_CLIENT = 0.0001
LONGEST_GATHER_SECONDS = 0.25
RETRY_SECONDS = 0.5
SETTINGS_OBJECT = ObjectKey("settings", SETTINGS_ID, STATE)
LOOK_BACK_REVISIONS = 50_000


class SseRelay:
    """Follows etcd and feeds the clients' queues."""

    def __init__(self, etcd: EtcdStore, snapshots: Snapshots) -> None:
        self._etcd = etcd
        self._snapshots = snapshots
        self._clients: set[ClientQueue] = set()
        self._pacer = Pacer()
        self._transient: list[StreamEvent] = []
        self._wake = asyncio.Event()
        self._ring = ChangeRing()
        self._incarnation = ""
        self._established = 0
        self._begun = 0
        self._seen = 0
        self._flushed = 0
        self._forgotten = 0
        self.watching = False
        self.unremembered = 0
        """Counts changes that :meth:`missed` does not tell of: samples, and the states of controllers."""

    @property
    def clients(self) -> int:
        """How many streams are open."""
        return len(self._clients)

    @property
    def position(self) -> str:
        """Everything up to here has been handed to the clients that are connected now.

        Before the first change that is where the watch began, not where etcd was when it confirmed the watch: what
        lies between is still to come, or never comes when the beginning turns out to be compacted.
        """
        return position(self._incarnation, self._flushed or self._begun)

    def add(self, client: ClientQueue) -> None:
        """Feed a client from now on."""
        self._clients.add(client)

    def remove(self, client: ClientQueue) -> None:
        """Feed it no more."""
        self._clients.discard(client)

    async def broadcast_event(
        self, kind: str, payload: Mapping[str, object], *, owner: str = "", department: str = ""
    ) -> bool:
        """Tell every stream of every replica something that is no object's state; see ``EtcdBroadcasts.send``."""
        return await EtcdBroadcasts(self._etcd).send(kind, payload, owner=owner, department=department)

    def close_all(self) -> None:
        """End every stream after what is queued for it."""
        for client in list(self._clients):
            client.close()

    def missed(self, incarnation: str, revision: int, limit: int) -> Iterable[Changed] | None:
        """What changed after a position of a client; None for one that this replica cannot continue."""
        if incarnation != self._incarnation or revision > max(self._seen, self._established):
            return None
        return self._ring.after(revision, limit)

    async def run(self) -> None:
        """Work until cancelled."""
        await together(
            self._follow_projection(),
            self._follow(BROADCAST_PREFIX, self._take_broadcasts),
            self._follow(STATUS_PREFIX, self._take_statuses),
            self._flush_forever(),
        )

    # The projection --------------------------------------------------------------------------------------------

    async def _follow_projection(self) -> None:
        while True:
            try:
                await self._watch_projection()
            except (RevisionCompacted, StoreReplaced) as error:
                log.warning("The stream starts over: %s", error)
                self._start_over()
                self._forgotten = error.compact_revision if isinstance(error, RevisionCompacted) else 0
            except EtcdError as error:
                log.warning("The stream lost etcd: %s", error)
            self.watching = False
            await asyncio.sleep(RETRY_SECONDS)

    async def _watch_projection(self) -> None:
        incarnation = await self._etcd.incarnation()
        if incarnation != self._incarnation:
            if self._incarnation:
                self._start_over()
            self._incarnation = incarnation
        begin = self._seen + 1 if self._seen else await self._oldest()
        if not self._seen:
            self._ring.start(begin)
            self._begun = begin - 1
        async with aclosing(
            self._etcd.watch(PROJECTION_PREFIX, from_revision=begin, incarnation=incarnation)  # type: ignore[type-var]
        ) as batches:
            async for batch in batches:
                if not self.watching:
                    self.watching, self._established = True, batch.revision
                self._note(batch)

    async def _oldest(self) -> int:
        """The first revision worth watching from: not too long ago, and not known to be compacted.

        etcd confirms a watch from a compacted revision before it ends it, so only the watch itself can find out.
        """
        now = (await self._etcd.list(SETTINGS_KEY)).revision
        return max(1, now - LOOK_BACK_REVISIONS, min(self._forgotten, now) + 1)

    def _note(self, batch: WatchBatch) -> None:
        for event in batch.events:
            parsed = SETTINGS_OBJECT if event.item.key == SETTINGS_KEY else ObjectKey.parse(event.item.key)
            if parsed is None or parsed.collection not in SHOWN:
                continue
            facet = METRICS if parsed.facet == METRICS else ""
            self._pacer.note((parsed.collection, parsed.object_id, facet), event.item.mod_revision)
            if facet:
                self.unremembered += 1
            else:
                self._ring.add(event.item.mod_revision, (parsed.collection, parsed.object_id))
        if batch.events:
            self._seen = batch.revision
            self._wake.set()

    def _start_over(self) -> None:
        """What happened meanwhile is unknown: every client begins with a fresh snapshot."""
        self.close_all()
        self._ring.start(0)
        self._pacer = Pacer()
        self._incarnation, self._established, self._begun, self._seen, self._flushed = "", 0, 0, 0, 0

    # What passes by: notices of any replica, and the state of controllers -----------------------------------------

    async def _follow(self, prefix: str, take: TakeEvents) -> None:
        while True:
            try:
                async with aclosing(self._etcd.watch(prefix)) as batches:  # type: ignore[type-var]
                    async for batch in batches:
                        if batch.events:
                            await take(batch.events)
                            self._wake.set()
            except EtcdError as error:
                log.info("%s is not followed for a moment: %s", prefix, error)
            except PyMongoError as error:
                log.info("Controllers cannot be read for a moment: %s", error)
            await asyncio.sleep(RETRY_SECONDS)

    async def _take_broadcasts(self, events: Iterable[WatchEvent]) -> None:
        for event in events:
            if event.kind is EventKind.PUT:
                with suppress(ValueError):
                    self._transient.append(read_broadcast(event.item.value))

    async def _take_statuses(self, events: Iterable[WatchEvent]) -> None:
        self.unremembered += 1
        newest = {event.item.key: event for event in events}
        gone = [event.item.key.removeprefix(STATUS_PREFIX) for event in newest.values() if not event.item.value]
        with suppress(ValueError):
            self._transient += [
                self._snapshots.controller(event.item.value) for event in newest.values() if event.item.value
            ]
        if gone:
            self._transient += await self._snapshots.controllers(gone)

    # To the clients -------------------------------------------------------------------------------------------------

    async def _flush_forever(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._flush()
            except PyMongoError as error:
                log.warning("Snapshots could not be read: %s", error)
            await asyncio.sleep(min(GATHER_SECONDS + GATHER_SECONDS_PER_CLIENT * self.clients, LONGEST_GATHER_SECONDS))
            due = self._pacer.next_due()
            if due is not None:
                loop.call_later(due, self._wake.set)

    async def _flush(self) -> None:
        taken, upto = self._pacer.take(), self._seen
        events: list[StreamEvent] = []
        try:
            if self._clients:
                events = await self._read(taken)
        except PyMongoError:
            self._pacer.give_back(taken)
            raise
        transient, self._transient = self._transient, []
        self._flushed = max(self._flushed, self._pacer.shown_up_to(upto))
        mark = self.position
        for client in list(self._clients):
            if not client.offer([*events, *transient], mark):
                self._clients.discard(client)

    async def _read(self, changed: Iterable[Item]) -> list[StreamEvent]:
        objects: dict[str, list[str]] = {}
        measured: list[str] = []
        for collection, object_id, facet in changed:
            if facet == METRICS:
                measured.append(object_id)
            else:
                objects.setdefault(collection, []).append(object_id)
        events: list[StreamEvent] = []
        for collection, ids in objects.items():
            events += await self._snapshots.read(collection, ids)
        if measured:
            events += await self._snapshots.metrics(measured)
        return events


_relay: list[SseRelay] = []


def use_sse_relay(relay: SseRelay) -> None:
    """Make this the relay of the process."""
    _relay[:] = [relay]


def get_sse_relay() -> SseRelay:
    """The relay of this process. Raises ``RuntimeError`` before the platform is put together."""
    if not _relay:
        raise RuntimeError("there is no event stream in this process yet; build the platform first")
    return _relay[0]
