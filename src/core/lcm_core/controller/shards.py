"""Shards: which part of a service's keys this process works on.

The number of shards of a service is fixed; each has one election key. A key belongs to one shard by its hash. Each
shard prefers one live member by rendezvous hashing, so a member that joins or leaves moves only its own shards. With
one shard every member is a candidate and nobody hands over: plain leader election.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass

import orjson

from lcm_core.clock import Clock, SystemClock
from lcm_core.controller.election import Lead, LeaderElection
from lcm_core.controller.informer import Informer
from lcm_core.controller.leadership import Leadership
from lcm_core.etcd import EtcdError, EtcdStore, MalformedValue
from lcm_core.etcd.keys import member_key, members_prefix

log = logging.getLogger(__name__)


def _score(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def shard_of(key: str, shards: int) -> int:
    """Shard of a key; the same in every process and version."""
    return _score(key) % shards


def preferred_member(shard: int, members: Collection[str]) -> str:
    """The member that should lead a shard (highest random weight); ``members`` must not be empty."""
    return max(members, key=lambda member: (_score(f"{shard}/{member}"), member))


@dataclass(frozen=True, slots=True)
class Member:
    """A live process of the service."""

    identity: str
    admin_url: str


def _parse_member(value: bytes) -> tuple[int, Member]:
    try:
        body = orjson.loads(value)
        return 0, Member(identity=str(body["identity"]), admin_url=str(body["admin_url"]))
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise MalformedValue(f"not a member: {value[:80]!r}") from error


def members_informer(store: EtcdStore, service: str) -> Informer[Member]:
    """Live members of a service by identity."""
    prefix = members_prefix(service)
    return Informer(
        store,
        collection=f"{service}.members",
        prefix=prefix,
        id_of=lambda key: key[len(prefix) :] or None,
        parse=_parse_member,
        resync_seconds=60.0,
    )


class LeasedKey:
    """Keeps one key alive under a lease of its own: membership, or a status that must vanish with the process.

    Args:
        store: etcd.
        key: what to write.
        value: called before each write.
        ttl_seconds: how long the key outlives the process.
        period_seconds: real seconds between writes of a fresh value, or None to write it once per lease.
    """

    def __init__(
        self,
        store: EtcdStore,
        key: str,
        value: Callable[[], bytes],
        *,
        ttl_seconds: int = 10,
        period_seconds: float | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._store = store
        self._key = key
        self._value = value
        self._ttl = ttl_seconds
        self._period = period_seconds
        self._clock = clock or SystemClock()
        self._lease = 0
        self.written = asyncio.Event()
        """Set after the first successful write."""

    async def run(self) -> None:
        """Keep the key until cancelled, then delete it. Failures of etcd are retried, an expired lease renewed."""
        failing = False
        try:
            while True:
                try:
                    await self._refresh()
                    failing = False
                except EtcdError as error:
                    log.log(logging.DEBUG if failing else logging.WARNING, "%s is not refreshed: %s", self._key, error)
                    failing = True
                    self._lease = 0
                    await self._clock.sleep(0.5)
                    continue
                await self._clock.sleep(self._period or self._ttl / 3)
        finally:
            if self._lease:
                with suppress(EtcdError):
                    await self._store.revoke_lease(self._lease)

    async def _refresh(self) -> None:
        if self._lease == 0:
            self._lease = (await self._store.grant_lease(self._ttl)).id
            await self._store.put(self._key, self._value(), lease=self._lease)
            self.written.set()
            return
        await self._store.keep_alive(self._lease)
        if self._period is not None:
            await self._store.put(self._key, self._value(), lease=self._lease)


MakeElection = Callable[[int], LeaderElection]


class ShardAssignment:
    """Runs one election per shard that this member should lead.

    Args:
        store: etcd.
        service: whose shards.
        identity, admin_url: this member.
        shards: how many shards the service has, the same in every process.
        make_election: a new candidate for a shard.
    """

    def __init__(
        self,
        store: EtcdStore,
        *,
        service: str,
        identity: str,
        admin_url: str,
        shards: int,
        make_election: MakeElection,
    ) -> None:
        self._identity = identity
        self._shards = shards
        self._make_election = make_election
        member = orjson.dumps({"identity": identity, "admin_url": admin_url})
        self._membership = LeasedKey(store, member_key(service, identity), lambda: member)
        self.members = members_informer(store, service)
        self._elections: dict[int, tuple[LeaderElection, asyncio.Task[None]]] = {}
        self._changed = asyncio.Event()
        self._stopping = asyncio.Event()

    @property
    def leaderships(self) -> tuple[Leadership, ...]:
        """What this member leads now."""
        held = (election.leadership for election, _ in self._elections.values())
        return tuple(leadership for leadership in held if leadership is not None)

    def stop(self) -> None:
        """Resign everything gracefully; await the task of ``run``."""
        self._stopping.set()
        self._changed.set()

    async def run(self, lead: Lead) -> None:
        """Be a member and lead the shards that fall to it until ``stop``. Errors of ``lead`` are raised."""
        self.members.subscribe(lambda _: self._changed.set())
        background = [
            asyncio.create_task(self._membership.run(), name="membership"),
            asyncio.create_task(self.members.run(), name="members"),
        ]
        try:
            await asyncio.wait(
                [asyncio.ensure_future(self.members.wait_synced()), asyncio.ensure_future(self._stopping.wait())],
                return_when=asyncio.FIRST_COMPLETED,
            )
            while not self._stopping.is_set():
                self._changed.clear()
                self._adjust(lead)
                await self._wait_for_change()
        finally:
            await self._end_elections()
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)

    def wanted(self) -> frozenset[int]:
        """Shards this member should be a candidate for."""
        if self._shards == 1:
            return frozenset({0})
        members = {self._identity, *self.members.items}
        return frozenset(shard for shard in range(self._shards) if preferred_member(shard, members) == self._identity)

    def _adjust(self, lead: Lead) -> None:
        wanted = self.wanted()
        for shard in wanted - self._elections.keys():
            election = self._make_election(shard)
            task = asyncio.create_task(election.run(lead), name=f"election {shard}")
            task.add_done_callback(lambda _: self._changed.set())
            self._elections[shard] = (election, task)
        for shard in self._elections.keys() - wanted:
            self._elections[shard][0].stop()

    async def _wait_for_change(self) -> None:
        await self._changed.wait()
        for shard, (_, task) in list(self._elections.items()):
            if task.done():
                del self._elections[shard]
                task.result()

    async def _end_elections(self) -> None:
        for election, _ in self._elections.values():
            election.stop()
        results = await asyncio.gather(*(task for _, task in self._elections.values()), return_exceptions=True)
        self._elections.clear()
        for result in results:
            if isinstance(result, Exception):
                log.error("an election ended with %r", result)
