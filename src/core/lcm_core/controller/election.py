"""Leader election on an etcd lease, fenced by terms of the control plane.

A candidate creates the shard's election key under its lease; who has the key leads. Each election won obtains a higher
term before any work starts. The leader renews at a third of the lease; when it cannot, it stops its own work a margin
before the lease can expire, measured on a monotonic clock from *before* the last successful renewal was sent. A process
that was frozen finds its deadline passed and sends nothing; what was already on the wire carries a stale term.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass

import orjson

from lcm_core.clients.errors import ApiError
from lcm_core.clock import Clock, SystemClock
from lcm_core.controller.leadership import Leadership
from lcm_core.etcd import EtcdError, EtcdStore, EtcdUnavailable, EventKind, KeyValue, Lease, LeaseLost
from lcm_core.etcd.keys import election_key
from lcm_core.observability import metrics

log = logging.getLogger(__name__)
_RETRY_PAUSE = 0.25


@dataclass(frozen=True, slots=True)
class ElectionWon:
    """What is presented to the control plane to obtain a term."""

    service: str
    shard: int
    etcd_key: str
    create_revision: int
    identity: str


ObtainTerm = Callable[[ElectionWon], Awaitable[int]]
"""Asks the control plane for a term. May raise ``ApiError``: the election keeps the key and asks again."""

Lead = Callable[[Leadership], Awaitable[None]]
"""The work of a leader; returns soon after ``leadership.ending`` is set, and is cancelled when leadership is lost."""


@dataclass(frozen=True, slots=True)
class ElectionTimes:
    """Real seconds. ``lease``: how long a dead leader blocks its shard; ``margin``: how long before the end of its
    lease a leader that cannot renew stops; ``grace``: how long ending work may take."""

    lease: int = 7
    margin: float = 1.5
    grace: float = 8.0

    def __post_init__(self) -> None:
        if self.lease < 2 or not 0 < self.margin < self.lease / 2:
            raise ValueError("an election needs a lease of at least 2 s and a margin below half of it")


async def _wait_at_most(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, but no longer. Not wait_for: before Python 3.12 that can lose a cancellation."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


class LeaderElection:
    """Candidate for one shard of one service.

    Args:
        store: etcd.
        service, shard: what is led.
        identity: unique name of this process.
        admin_url: where the leader's admin API listens; others forward to it.
        obtain_term: see ``ObtainTerm``.
        times: see ``ElectionTimes``.
    """

    def __init__(
        self,
        store: EtcdStore,
        *,
        service: str,
        shard: int,
        identity: str,
        admin_url: str,
        obtain_term: ObtainTerm,
        times: ElectionTimes = ElectionTimes(),
        clock: Clock | None = None,
    ) -> None:
        self._store = store
        self._service = service
        self._shard = shard
        self._identity = identity
        self._value = orjson.dumps({"identity": identity, "admin_url": admin_url})
        self._key = election_key(service, shard)
        self._obtain_term = obtain_term
        self._times = times
        self._clock = clock or SystemClock()
        self._stopping = asyncio.Event()
        self.leadership: Leadership | None = None
        """The current leadership, None while another leads."""

    async def run(self, lead: Lead) -> None:
        """Campaign, lead, and campaign again, until ``stop``. An exception of ``lead`` ends it after resigning."""
        waiting = False
        while not self._stopping.is_set():
            try:
                won = await self._campaign()
            except EtcdError as error:
                level = logging.DEBUG if waiting else logging.WARNING
                log.log(level, "election %s/%s waits for etcd: %s", self._service, self._shard, error)
                waiting = True
                await self._pause(random.uniform(0.2, 0.6))
                continue
            waiting = False
            if won is not None:
                await self._serve(*won, lead)

    def stop(self) -> None:
        """End gracefully: ``lead`` is asked to end, then the key is given up. Await the task of ``run``."""
        self._stopping.set()
        if self.leadership is not None:
            self.leadership.ending.set()

    async def _pause(self, seconds: float) -> None:
        await _wait_at_most(self._stopping, seconds)

    async def _campaign(self) -> tuple[Leadership, Lease, int] | None:
        """Try once to become leader; when another leads, wait until its key is gone. None: try again or stop."""
        held = await self._store.get(self._key)
        if held is not None and held.value == self._value:
            # Our own earlier lease, which could not be given up while etcd was away, and which a restarted etcd
            # lets run anew: nobody else can be using it, because the identity is unique to this process.
            await self._store.revoke_lease(held.lease)
            return None
        if held is not None:
            await self._wait_until_gone(held)
            return None
        asked_at = self._clock.monotonic()
        lease = await self._store.grant_lease(self._times.lease)
        if await self._store.create(self._key, self._value, lease=lease.id) is None:
            held = await self._store.get(self._key)
            if held is None or held.lease != lease.id:  # else the first of two attempts had won
                await self._store.revoke_lease(lease.id)
                return None
        else:
            held = await self._store.get(self._key)
        if held is None:
            return None
        leadership = Leadership(
            self._service, self._shard, self._identity, self._clock, self._deadline(asked_at, lease.ttl_seconds)
        )
        return leadership, lease, held.create_revision

    def _deadline(self, asked_at: float, ttl: int) -> float:
        return asked_at + ttl - self._times.margin

    async def _wait_until_gone(self, held: KeyValue) -> None:
        """Return when the key was deleted, the wait should be over, or after a lease in any case."""
        waiting = asyncio.ensure_future(self._watch_until_gone(held))
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            done, _ = await asyncio.wait(
                {waiting, stopping}, timeout=self._times.lease, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            waiting.cancel()
            stopping.cancel()
            await asyncio.gather(waiting, stopping, return_exceptions=True)
        if waiting in done:
            waiting.result()

    async def _watch_until_gone(self, held: KeyValue) -> None:
        # Not from the key's revision: a leader of long standing won at one that has been compacted since.
        established = False
        async with aclosing(self._store.watch(self._key)) as batches:  # type: ignore[type-var]
            async for batch in batches:
                if not established:
                    established = True
                    current = await self._store.get(self._key)
                    if current is None or current.mod_revision != held.mod_revision:
                        return
                if any(event.kind is EventKind.DELETE and event.item.key == self._key for event in batch.events):
                    return

    async def _serve(self, leadership: Leadership, lease: Lease, create_revision: int, lead: Lead) -> None:
        """Renew and work side by side until one of them ends, then give the key up."""
        self.leadership = leadership
        if self._stopping.is_set():
            leadership.ending.set()
        renewing = asyncio.create_task(self._renew(leadership, lease), name=f"renew {self._key}")
        working = asyncio.create_task(self._work(leadership, create_revision, lead), name=f"lead {self._key}")
        ending = asyncio.create_task(leadership.ending.wait())
        try:
            await asyncio.wait({renewing, working, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done() and not leadership.lost.is_set():
                await asyncio.wait({renewing, working}, timeout=self._times.grace, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leadership.lose("the leadership ended")
            for task in (renewing, working, ending):
                task.cancel()
            await asyncio.gather(renewing, working, ending, return_exceptions=True)
            self.leadership = None
            await self._resign(leadership, lease)
        if not working.cancelled():
            working.result()

    async def _work(self, leadership: Leadership, create_revision: int, lead: Lead) -> None:
        won = ElectionWon(self._service, self._shard, self._key, create_revision, self._identity)
        leadership.term = await self._term(won, leadership)
        if leadership.ending.is_set():
            return
        log.info("%s leads %s shard %s with term %s", self._identity, self._service, self._shard, leadership.term)
        labels = (self._service, str(self._shard))
        metrics.LEADER_TERM.labels(*labels).set(leadership.term)
        metrics.LEADER.labels(*labels).set(1)
        try:
            await lead(leadership)
        finally:
            metrics.LEADER.labels(*labels).set(0)

    async def _term(self, won: ElectionWon, leadership: Leadership) -> int:
        """Ask until the control plane answers; the key is kept meanwhile, so that nobody else has to ask too."""
        pause = 0.2
        while not leadership.ending.is_set():
            try:
                return await self._obtain_term(won)
            except ApiError as error:
                log.warning("%s shard %s won and waits for its term: %s", self._service, self._shard, error)
                await _wait_at_most(leadership.ending, pause)
                pause = min(2.0, pause * 2)
        return 0

    async def _renew(self, leadership: Leadership, lease: Lease) -> None:
        """Extend the deadline; returns when leadership is lost, having said so."""
        pause = lease.ttl_seconds / 3
        while True:
            await _wait_at_most(leadership.lost, min(pause, leadership.remaining))
            if leadership.lost.is_set():
                return
            if not leadership.valid:
                leadership.lose("the lease could not be renewed in time")
                return
            asked_at = self._clock.monotonic()
            try:
                async with asyncio.timeout(leadership.remaining):
                    ttl = await self._store.keep_alive(lease.id)
            except LeaseLost:
                leadership.lose("the lease is gone")
                return
            except (EtcdUnavailable, TimeoutError) as error:
                level = logging.DEBUG if pause == _RETRY_PAUSE else logging.WARNING
                log.log(
                    level, "%s shard %s cannot renew its lease: %s", self._service, self._shard, error or "time-out"
                )
                pause = _RETRY_PAUSE
                continue
            leadership.extend(self._deadline(asked_at, ttl))
            pause = ttl / 3

    async def _resign(self, leadership: Leadership, lease: Lease) -> None:
        if leadership.lost_because != "the leadership ended":
            metrics.LEADER_LOSSES.labels(self._service, str(self._shard)).inc()
        log.info(
            "%s no longer leads %s shard %s: %s",
            self._identity,
            self._service,
            self._shard,
            leadership.lost_because,
        )
        try:
            await self._store.revoke_lease(lease.id)
        except EtcdError as error:
            log.warning("%s could not give up its lease, which expires by itself: %s", self._identity, error)
