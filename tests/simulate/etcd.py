"""An in-memory etcd: revisions, guarded writes, leases, watches that lag, break and get compacted, and wipes."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence

from lcm_core.etcd import (
    EtcdUnavailable,
    EventKind,
    GuardedPut,
    GuardedWrite,
    KeyValue,
    Lease,
    LeaseLost,
    Listing,
    RevisionCompacted,
    StoreReplaced,
    WatchBatch,
    WatchEvent,
)
from tests.simulate.network import Connection

SIGN_OF_LIFE_SECONDS = 20.0
Applied = Callable[[str, bytes | None, bytes | None], None]
"""Called with key, value before and value after, at the instant of each change."""


class Etcd:
    """The store itself, shared by every process."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"{seed}/etcd")
        self._watchers: dict[int, tuple[str, asyncio.Event]] = {}
        self._broken: set[int] = set()
        self._number = 0
        self._observers: list[Applied] = []
        self._leases: dict[int, tuple[int, float]] = {}
        self._begin()

    def _begin(self) -> None:
        self.revision = 1
        self.compacted = 0
        self.items: dict[str, KeyValue] = {}
        self.log: list[WatchEvent] = []
        self.incarnation = f"{self._chance.getrandbits(64):016x}"

    def observe(self, observer: Applied) -> None:
        """Call for each change from now on."""
        self._observers.append(observer)

    # Faults ----------------------------------------------------------------------------------------------------

    def wipe(self) -> None:
        """Everything is gone; what comes back is another store."""
        self._leases.clear()
        self._begin()
        self.break_watches(1.0)

    def compact(self) -> None:
        """Forget the history."""
        self.compacted = self.revision
        self.log.clear()

    def break_watches(self, share: float) -> None:
        """End a share of the watches with an error."""
        for number, (_, wake) in self._watchers.items():
            if self._chance.random() < share:
                self._broken.add(number)
                wake.set()

    # Writes ----------------------------------------------------------------------------------------------------

    def put(self, key: str, value: bytes, lease: int) -> int:
        """Write a key."""
        if lease and lease not in self._leases:
            raise LeaseLost(f"lease {lease:x} has expired")
        held = self.items.get(key)
        self.revision += 1
        created = held.create_revision if held else self.revision
        item = KeyValue(key, value, self.revision, created, lease)
        self.items[key] = item
        self._happened(WatchEvent(EventKind.PUT, item), held)
        return self.revision

    def put_guarded(self, write: GuardedWrite) -> bool:
        """Write what is newer than what is there."""
        held = self.items.get(write.key)
        if held is not None and not held.value < write.value:
            return False
        self.put(write.key, write.value, 0)
        return True

    def delete(self, key: str) -> bool:
        """Delete a key."""
        held = self.items.pop(key, None)
        if held is None:
            return False
        self.revision += 1
        gone = KeyValue(key, b"", self.revision, held.create_revision)
        self._happened(WatchEvent(EventKind.DELETE, gone), held)
        return True

    def _happened(self, event: WatchEvent, held: KeyValue | None) -> None:
        self.log.append(event)
        after = event.item.value if event.kind is EventKind.PUT else None
        for observer in self._observers:
            observer(event.item.key, held.value if held else None, after)
        for prefix, wake in self._watchers.values():
            if event.item.key.startswith(prefix):
                wake.set()

    # Leases ----------------------------------------------------------------------------------------------------

    def grant(self, seconds: int) -> Lease:
        """A lease that ends by itself."""
        lease = self._chance.getrandbits(62)
        self._leases[lease] = (seconds, 0.0)
        self.renew(lease)
        asyncio.get_running_loop().call_later(seconds, self._expire, lease)
        return Lease(lease, seconds)

    def renew(self, lease: int) -> int:
        """Extend a lease by its time."""
        if lease not in self._leases:
            raise LeaseLost(f"lease {lease:x} has expired")
        seconds, _ = self._leases[lease]
        self._leases[lease] = (seconds, asyncio.get_running_loop().time() + seconds)
        return seconds

    def _expire(self, lease: int) -> None:
        if lease not in self._leases:
            return
        left = self._leases[lease][1] - asyncio.get_running_loop().time()
        if left > 0.001:
            asyncio.get_running_loop().call_later(left, self._expire, lease)
        else:
            self.revoke(lease)

    def revoke(self, lease: int) -> None:
        """End a lease and delete its keys."""
        self._leases.pop(lease, None)
        for key in [key for key, item in self.items.items() if item.lease == lease]:
            self.delete(key)

    # Watches ---------------------------------------------------------------------------------------------------

    def lag(self) -> float:
        """Real seconds by which a watch may lag; each watch on its own, so that they overtake each other."""
        draw = self._chance.random()
        return self._chance.uniform(0.2, 2.0) if draw < 0.01 else 0.03 if draw < 0.1 else 0.0

    async def signs_of_life(self) -> None:
        """Wake every watch now and then, for ever."""
        while True:
            await asyncio.sleep(SIGN_OF_LIFE_SECONDS)
            for _, wake in self._watchers.values():
                wake.set()

    async def follow(self, prefix: str, revision: int, incarnation: str | None) -> AsyncIterator[WatchBatch]:
        """Changes under a prefix from a revision on."""
        if incarnation is not None and incarnation != self.incarnation:
            raise StoreReplaced("this is another store")
        following = revision or self.revision + 1
        if following <= self.compacted:
            raise RevisionCompacted(self.compacted + 1)
        self._number += 1
        number, wake, mine = self._number, asyncio.Event(), self.incarnation
        self._watchers[number] = prefix, wake
        try:
            yield WatchBatch((), self.revision)
            while True:
                events = self._since(prefix, following)
                if not events:
                    await wake.wait()
                wake.clear()
                lag = self.lag()
                if lag:
                    await asyncio.sleep(lag)
                if number in self._broken or mine != self.incarnation:
                    raise EtcdUnavailable("the watch broke")
                if following <= self.compacted and self.compacted > revision:
                    raise RevisionCompacted(self.compacted + 1)
                events = self._since(prefix, following)
                reached = self.revision
                yield WatchBatch(events, events[-1].item.mod_revision if events else reached)
                following = reached + 1
        finally:
            del self._watchers[number]
            self._broken.discard(number)

    def _since(self, prefix: str, revision: int) -> tuple[WatchEvent, ...]:
        found: list[WatchEvent] = []
        for event in reversed(self.log):
            if event.item.mod_revision < revision:
                break
            if event.item.key.startswith(prefix):
                found.append(event)
        return tuple(reversed(found))


class EtcdView:
    """The store as one process sees it; implements ``EtcdStore``."""

    def __init__(self, etcd: Etcd, connection: Connection) -> None:
        self._etcd = etcd
        self._connection = connection

    async def close(self) -> None:
        """Nothing is held."""

    async def incarnation(self) -> str:
        """See ``EtcdStore``."""
        return await self._connection.call(lambda: self._etcd.incarnation)

    async def get(self, key: str) -> KeyValue | None:
        """See ``EtcdStore``."""
        return await self._connection.call(lambda: self._etcd.items.get(key))

    async def list(self, prefix: str, *, page_size: int = 1000) -> Listing:
        """See ``EtcdStore``."""
        del page_size

        def read() -> Listing:
            found = sorted((item for key, item in self._etcd.items.items() if key.startswith(prefix)), key=_key)
            return Listing(tuple(found), self._etcd.revision, self._etcd.incarnation)

        return await self._connection.call(read)

    async def put(self, key: str, value: bytes, *, lease: int = 0) -> int:
        """See ``EtcdStore``."""
        return await self._connection.call(lambda: self._etcd.put(key, value, lease))

    async def put_guarded(self, key: str, value: bytes) -> GuardedPut:
        """See ``EtcdStore``."""
        return (await self.put_guarded_many([GuardedWrite(key, value)]))[0]

    async def put_guarded_many(self, writes: Sequence[GuardedWrite]) -> Sequence[GuardedPut]:
        """See ``EtcdStore``."""

        def write() -> list[GuardedPut]:
            return [GuardedPut(self._etcd.put_guarded(each), self._etcd.revision) for each in writes]

        return await self._connection.call(write)

    async def create(self, key: str, value: bytes, *, lease: int = 0) -> int | None:
        """See ``EtcdStore``."""
        return await self._connection.call(
            lambda: None if key in self._etcd.items else self._etcd.put(key, value, lease)
        )

    async def replace(self, key: str, value: bytes, *, mod_revision: int, lease: int = 0) -> int | None:
        """See ``EtcdStore``."""

        def write() -> int | None:
            held = self._etcd.items.get(key)
            fits = held is not None and held.mod_revision == mod_revision
            return self._etcd.put(key, value, lease) if fits else None

        return await self._connection.call(write)

    async def delete(self, key: str) -> bool:
        """See ``EtcdStore``."""
        return await self._connection.call(lambda: self._etcd.delete(key))

    async def delete_at(self, key: str, mod_revision: int) -> bool:
        """See ``EtcdStore``."""

        def delete() -> bool:
            held = self._etcd.items.get(key)
            return held is not None and held.mod_revision == mod_revision and self._etcd.delete(key)

        return await self._connection.call(delete)

    async def delete_prefix(self, prefix: str) -> int:
        """See ``EtcdStore``."""

        def delete() -> int:
            keys = [key for key in self._etcd.items if key.startswith(prefix)]
            return sum(self._etcd.delete(key) for key in keys)

        return await self._connection.call(delete)

    async def grant_lease(self, ttl_seconds: int) -> Lease:
        """See ``EtcdStore``."""
        return await self._connection.call(lambda: self._etcd.grant(ttl_seconds))

    async def keep_alive(self, lease_id: int) -> int:
        """See ``EtcdStore``."""
        return await self._connection.call(lambda: self._etcd.renew(lease_id))

    async def revoke_lease(self, lease_id: int) -> None:
        """See ``EtcdStore``."""
        await self._connection.call(lambda: self._etcd.revoke(lease_id))

    async def watch(
        self,
        prefix: str,
        *,
        from_revision: int = 0,
        incarnation: str | None = None,
        progress_seconds: float = 5.0,
        silence_seconds: float = 15.0,
    ) -> AsyncIterator[WatchBatch]:
        """See ``EtcdStore``."""
        del progress_seconds, silence_seconds
        if not await self._connection.there():
            raise await self._connection.lost()
        batches = self._etcd.follow(prefix, from_revision, incarnation)
        try:
            async for batch in batches:
                if not self._connection.alive:
                    raise EtcdUnavailable("the process is dead")
                yield batch
        finally:
            await batches.aclose()  # type: ignore[attr-defined]


def _key(item: KeyValue) -> str:
    return item.key


def etcd_failure(sentence: str) -> Exception:
    """What the port raises when etcd does not answer."""
    return EtcdUnavailable(sentence)
