"""One watch of etcd per replica, fanned out to every stream (P-60, ruling 5).

A change is noted when etcd tells of it and flushed a moment later: each object is read from the database once per
flush and encoded once. The quarter second between flushes bounds an object to four events a second. The first change
after a quiet time is flushed at once.
"""

import asyncio
import logging
from contextlib import aclosing

from pymongo.errors import PyMongoError

from control_plane_api.infrastructure.sse.encoding import StreamEvent, encode, position
from control_plane_api.infrastructure.sse.snapshots import SHOWN, Snapshots
from control_plane_api.infrastructure.sse.stream import ClientQueue
from lcm_core.etcd import EtcdError, EtcdStore, EventKind, RevisionCompacted, StoreReplaced
from lcm_core.etcd.keys import BROADCAST_PREFIX, METRICS, PROJECTION_PREFIX, ObjectKey

log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.25
RETRY_SECONDS = 0.5


class SseRelay:
    """Follows etcd and feeds the clients' queues."""

    def __init__(self, etcd: EtcdStore, snapshots: Snapshots) -> None:
        self._etcd = etcd
        self._snapshots = snapshots
        self._clients: set[ClientQueue] = set()
        self._changed: dict[tuple[str, str, str], None] = {}
        self._notices: list[StreamEvent] = []
        self._wake = asyncio.Event()
        self._incarnation = ""
        self._revision = 0
        self._seen = 0
        self.watching = False

    @property
    def clients(self) -> int:
        """How many streams are open."""
        return len(self._clients)

    @property
    def position(self) -> str:
        """Everything up to here has been handed to the clients that are connected now."""
        return position(self._incarnation, self._revision)

    def add(self, client: ClientQueue) -> None:
        """Feed a client from now on."""
        self._clients.add(client)

    def remove(self, client: ClientQueue) -> None:
        """Feed it no more."""
        self._clients.discard(client)

    def close_all(self) -> None:
        """End every stream after what is queued for it."""
        for client in list(self._clients):
            client.close()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(PROJECTION_PREFIX))
            group.create_task(self._follow_broadcasts())
            group.create_task(self._flush_forever())

    async def _follow(self, prefix: str) -> None:
        while True:
            try:
                await self._watch(prefix)
            except (RevisionCompacted, StoreReplaced) as error:
                log.warning("The stream starts over: %s", error)
                self._start_over()
            except EtcdError as error:
                log.warning("The stream lost etcd: %s", error)
            self.watching = False
            await asyncio.sleep(RETRY_SECONDS)

    async def _watch(self, prefix: str) -> None:
        incarnation = await self._etcd.incarnation()
        if incarnation != self._incarnation:
            if self._incarnation:
                self._start_over()
            self._incarnation, self._seen = incarnation, 0
        begin = self._seen + 1 if self._seen else 0
        watch = self._etcd.watch(prefix, from_revision=begin, incarnation=incarnation)
        async with aclosing(watch) as batches:  # type: ignore[type-var]
            async for batch in batches:
                if not self.watching:
                    self._revision = max(self._revision, self._seen or batch.revision)
                self.watching = True
                for event in batch.events:
                    self._note(event.item.key)
                if batch.events:
                    self._seen = batch.revision
                    self._wake.set()

    def _note(self, key: str) -> None:
        parsed = ObjectKey.parse(key)
        if parsed is not None and parsed.collection in SHOWN:
            facet = METRICS if parsed.facet == METRICS else ""
            self._changed[(parsed.collection, parsed.object_id, facet)] = None

    def _start_over(self) -> None:
        """What happened meanwhile is unknown: every client begins with a fresh snapshot."""
        self.close_all()
        self._incarnation, self._seen, self._revision = "", 0, 0

    async def _follow_broadcasts(self) -> None:
        """Transient notices of any replica."""
        while True:
            try:
                async with aclosing(self._etcd.watch(BROADCAST_PREFIX)) as batches:  # type: ignore[type-var]
                    async for batch in batches:
                        for event in batch.events:
                            if event.kind is EventKind.PUT:
                                self._notices.append(_notice(event.item.value))
                                self._wake.set()
            except EtcdError as error:
                log.info("Broadcasts are not followed for a moment: %s", error)
            await asyncio.sleep(RETRY_SECONDS)

    async def _flush_forever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._flush()
            except PyMongoError as error:
                log.warning("Snapshots could not be read: %s", error)
                self._wake.set()
            await asyncio.sleep(FLUSH_SECONDS)

    async def _flush(self) -> None:
        changed, upto = list(self._changed), self._seen
        events: list[StreamEvent] = []
        if self._clients:
            events = await self._read(changed)
        for item in changed:
            self._changed.pop(item, None)
        notices, self._notices = self._notices, []
        self._revision = max(self._revision, upto)
        mark = self.position
        for client in list(self._clients):
            if not client.offer([*events, *notices], mark):
                self._clients.discard(client)

    async def _read(self, changed: list[tuple[str, str, str]]) -> list[StreamEvent]:
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


def _notice(value: bytes) -> StreamEvent:
    name, _, body = value.partition(b"\n")
    return StreamEvent(name.decode(), "", encode(name.decode(), body))
