"""The informer: an etcd prefix as a read-only cache of typed summaries, kept up to date.

List, then watch from the next revision; resume after a disconnect; list again after a compaction, after the store was
replaced (wiped or restored), and every few minutes in any case. A missed event therefore costs at most one resync.

Absence from the cache is not proof that an object is gone: after a wipe etcd is empty until the control plane has
projected again. Objects that a *replaced* store does not hold are kept until the next periodic resync confirms it, and
a reconciler asks the control plane before it destroys anything.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Generic, TypeVar

from lcm_core.clock import Clock, SystemClock
from lcm_core.etcd import (
    EtcdStore,
    EtcdUnavailable,
    EventKind,
    KeyValue,
    Listing,
    MalformedValue,
    ObjectKey,
    RevisionCompacted,
    StateSummary,
    StoreReplaced,
    WatchEvent,
    collection_prefix,
    decode_state,
)
from lcm_core.etcd.keys import STATE
from lcm_core.observability import metrics

log = logging.getLogger(__name__)
T = TypeVar("T")


class ChangeKind(StrEnum):
    """Why a handler is called."""

    ADDED = "added"
    UPDATED = "updated"
    DELETED = "deleted"
    RESYNC = "resync"


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """One change of one object; ``new`` is None for a delete, ``old`` for an addition."""

    kind: ChangeKind
    collection: str
    object_id: str
    old: T | None
    new: T | None
    version: int


@dataclass(frozen=True, slots=True)
class _Entry(Generic[T]):
    value: T
    version: int
    mod_revision: int


Handler = Callable[[Change[T]], None]
Parser = Callable[[bytes], tuple[int, T]]
IdOf = Callable[[str], str | None]


class ListCause(StrEnum):
    """Why everything is listed."""

    START = "start"
    COMPACTED = "compacted"
    REPLACED = "replaced"
    RESYNC = "resync"


def _give_up(future: asyncio.Future[None]) -> None:
    future.cancel()


class Informer(Generic[T]):
    """See the module's text.

    Args:
        store: etcd.
        collection: name in changes, metrics and barriers ("sessions").
        prefix: what to list and watch.
        id_of: object id of an etcd key, None to ignore the key.
        parse: version and summary in a value. Raises ``MalformedValue``.
        resync_seconds: real seconds between full lists. Defaults to 5 minutes.
        progress_seconds, silence_seconds: see ``EtcdStore.watch``.

    Handlers are called in the event loop, must not block and must not raise.
    """

    def __init__(
        self,
        store: EtcdStore,
        *,
        collection: str,
        prefix: str,
        id_of: IdOf,
        parse: Parser[T],
        resync_seconds: float = 300.0,
        progress_seconds: float = 5.0,
        silence_seconds: float = 15.0,
        clock: Clock | None = None,
    ) -> None:
        self.collection = collection
        self._store = store
        self._prefix = prefix
        self._id_of = id_of
        self._parse = parse
        self._resync_seconds = resync_seconds
        self._progress_seconds = progress_seconds
        self._silence_seconds = silence_seconds
        self._clock = clock or SystemClock()
        self._entries: dict[str, _Entry[T]] = {}
        self._values: dict[str, T] = {}
        self._handlers: list[Handler[T]] = []
        self._version_waiters: dict[str, list[tuple[int, asyncio.Future[None]]]] = {}
        self._synced = asyncio.Event()
        self._revision = 0
        self._incarnation: str | None = None
        self._cause: ListCause | None = ListCause.START
        self._next_resync = 0.0
        self.connected = False

    @property
    def items(self) -> Mapping[str, T]:
        """Summaries by object id, live and read-only."""
        return MappingProxyType(self._values)

    def get(self, object_id: str) -> T | None:
        """Summary of one object, None when the cache does not hold it."""
        return self._values.get(object_id)

    def version(self, object_id: str) -> int:
        """Version of an object in the cache, 0 when it does not hold it."""
        entry = self._entries.get(object_id)
        return entry.version if entry else 0

    @property
    def synced(self) -> bool:
        """Whether the first list is in."""
        return self._synced.is_set()

    async def wait_synced(self) -> None:
        """Wait for the first list."""
        await self._synced.wait()

    async def wait_version(self, object_id: str, version: int, timeout: float) -> bool:
        """Wait until the cache holds at least that version; False when it did not within ``timeout`` seconds."""
        if self.version(object_id) >= version:
            return True
        seen: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiters = self._version_waiters.setdefault(object_id, [])
        waiters.append((version, seen))
        timer = self._clock.call_later(timeout, lambda: _give_up(seen))
        try:
            await asyncio.wait({seen})
        finally:
            timer.cancel()
            waiters.remove((version, seen))
            if not waiters:
                self._version_waiters.pop(object_id, None)
        return not seen.cancelled()

    def subscribe(self, handler: Handler[T]) -> Callable[[], None]:
        """Call the handler for each change from now on; the answer ends that. Objects held already are not repeated."""
        self._handlers.append(handler)
        return lambda: self._handlers.remove(handler)

    async def run(self) -> None:
        """Keep the cache up to date until cancelled."""
        pause = 0.1
        while True:
            try:
                if self._cause is not None:
                    await self._list(self._cause)
                await self._watch()
                pause = 0.1
            except (RevisionCompacted, StoreReplaced) as error:
                self._cause = ListCause.COMPACTED if isinstance(error, RevisionCompacted) else ListCause.REPLACED
                # A member that lags behind looks like a replaced store for a moment: do not list in a tight loop.
                await self._clock.sleep(random.uniform(0.02, 0.1))
            except EtcdUnavailable as error:
                if self.connected:
                    pause = 0.1
                    metrics.INFORMER_RECONNECTS.labels(self.collection).inc()
                    log.warning("informer %s lost its watch: %s", self.collection, error)
                self.connected = False
                await self._clock.sleep(random.uniform(pause / 2, pause))
                pause = min(2.0, pause * 2)
            finally:
                self.connected = False

    async def _list(self, cause: ListCause) -> None:
        listing = await self._store.list(self._prefix)
        metrics.INFORMER_LISTS.labels(self.collection, cause.value).inc()
        if cause not in (ListCause.START, ListCause.RESYNC):
            log.info("informer %s listed again: %s", self.collection, cause.value)
        replaced = self._incarnation not in (None, listing.incarnation)
        if replaced:
            # Another store counts its own revisions: the same number says nothing about the value any more.
            self._entries = {key: replace(entry, mod_revision=0) for key, entry in self._entries.items()}
        self._incarnation, self._revision, self._cause = listing.incarnation, listing.revision, None
        self._next_resync = self._clock.monotonic() + self._resync_seconds * random.uniform(0.9, 1.1)
        self._take_listing(listing, keep_missing=replaced or cause is ListCause.REPLACED)
        self._synced.set()

    def _take_listing(self, listing: Listing, *, keep_missing: bool) -> None:
        listed: set[str] = set()
        for item in listing.items:
            object_id = self._id_of(item.key)
            if object_id is not None:
                listed.add(object_id)
                self._take(object_id, item, unchanged=ChangeKind.RESYNC)
        if not keep_missing:
            for object_id in self._entries.keys() - listed:
                self._drop(object_id)

    async def _watch(self) -> None:
        """Follow changes until the next resync is due."""
        batches = self._store.watch(
            self._prefix,
            from_revision=self._revision + 1,
            incarnation=self._incarnation,
            progress_seconds=self._progress_seconds,
            silence_seconds=self._silence_seconds,
        )
        async with aclosing(batches):  # type: ignore[type-var]
            async for batch in batches:
                self.connected = True
                for event in batch.events:
                    self._take_event(event)
                if batch.events:
                    self._revision = batch.revision
                if self._clock.monotonic() >= self._next_resync:
                    self._cause = ListCause.RESYNC
                    return

    def _take_event(self, event: WatchEvent) -> None:
        object_id = self._id_of(event.item.key)
        if object_id is None:
            return
        if event.kind is EventKind.DELETE:
            self._drop(object_id)
        else:
            self._take(object_id, event.item, unchanged=None)

    def _take(self, object_id: str, item: KeyValue, *, unchanged: ChangeKind | None) -> None:
        """Put one value into the cache; ``unchanged`` is what to tell handlers when it is the one already held."""
        old = self._entries.get(object_id)
        if old is not None and old.mod_revision == item.mod_revision:
            if unchanged is not None:
                self._notify(Change(unchanged, self.collection, object_id, old.value, old.value, old.version))
            return
        try:
            version, value = self._parse(item.value)
        except MalformedValue as error:
            metrics.INFORMER_MALFORMED.labels(self.collection).inc()
            log.error("informer %s skips %s: %s", self.collection, item.key, error)
            return
        self._entries[object_id] = _Entry(value, version, item.mod_revision)
        self._values[object_id] = value
        metrics.INFORMER_OBJECTS.labels(self.collection).set(len(self._entries))
        self._wake_version_waiters(object_id, version)
        kind = ChangeKind.ADDED if old is None else ChangeKind.UPDATED
        self._notify(Change(kind, self.collection, object_id, old.value if old else None, value, version))

    def _drop(self, object_id: str) -> None:
        old = self._entries.pop(object_id, None)
        if old is None:
            return
        del self._values[object_id]
        metrics.INFORMER_OBJECTS.labels(self.collection).set(len(self._entries))
        self._notify(Change(ChangeKind.DELETED, self.collection, object_id, old.value, None, old.version))

    def _wake_version_waiters(self, object_id: str, version: int) -> None:
        for wanted, seen in self._version_waiters.get(object_id, ()):
            if version >= wanted and not seen.done():
                seen.set_result(None)

    def _notify(self, change: Change[T]) -> None:
        for handler in tuple(self._handlers):
            handler(change)


def parse_state(value: bytes) -> tuple[int, StateSummary]:
    """Parser of ``…/state`` values."""
    summary = decode_state(value)
    return summary.version, summary


def facet_id(facet: str) -> IdOf:
    """Object id of projection keys of one facet; other facets under the same prefix are ignored."""

    def id_of(key: str) -> str | None:
        parts = ObjectKey.parse(key)
        return parts.object_id if parts is not None and parts.facet == facet else None

    return id_of


def state_informer(store: EtcdStore, collection: str, **options: float) -> Informer[StateSummary]:
    """Informer of the state summaries of one collection under ``/lcm/``."""
    return Informer(
        store,
        collection=collection,
        prefix=collection_prefix(collection),
        id_of=facet_id(STATE),
        parse=parse_state,
        **options,  # type: ignore[arg-type]
    )
