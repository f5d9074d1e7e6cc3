"""``EtcdStore`` over gRPC with failover between endpoints."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Self

from lcm_core.etcd import _wire as wire
from lcm_core.etcd.errors import EtcdUnavailable, LeaseLost
from lcm_core.etcd.keys import INCARNATION_KEY
from lcm_core.etcd.model import MAX_TXN_WRITES, GuardedPut, GuardedWrite, KeyValue, Lease, Listing, WatchBatch
from lcm_core.etcd.watch import WatchStream

_Operation = Callable[[wire.Connection], Awaitable[Any]]


class EtcdClient:
    """The etcd of the platform.

    Args:
        endpoints: ``host:port`` of each member; one is used until it fails, then the next.
        timeout_seconds: limit of each single request.
        credentials: user name and password, where etcd asks for them.

    Every operation is tried once per endpoint. All may be repeated safely except ``create`` and ``replace``: after a
    lost answer a repeat can report "not written" although the first attempt was; read the key where that matters.
    """

    def __init__(
        self,
        endpoints: Sequence[str],
        *,
        timeout_seconds: float = 3.0,
        credentials: tuple[str, str] | None = None,
    ) -> None:
        if not endpoints:
            raise ValueError("at least one etcd endpoint is needed")
        self._endpoints = tuple(endpoints)
        self._timeout = timeout_seconds
        self._credentials = credentials
        self._connections: dict[str, wire.Connection] = {}
        self._current = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every channel; running calls fail with ``EtcdUnavailable``."""
        connections, self._connections = self._connections, {}
        for connection in connections.values():
            await connection.close()

    async def incarnation(self) -> str:
        """See ``EtcdStore``.

        The cluster id alone does not tell a wiped etcd from the old one: it is a hash of the members' addresses and
        stays the same. A random key written once does, and is mixed with the cluster id.
        """
        answer = await self._range(wire.range_one(INCARNATION_KEY))
        while not answer.kvs:
            # Of several processes that find no key one creates it and all read the winner's value.
            await self.create(INCARNATION_KEY, secrets.token_hex(8).encode())
            answer = await self._range(wire.range_one(INCARNATION_KEY))
        seed = f"{answer.header.cluster_id:x}/".encode() + answer.kvs[0].value
        return hashlib.blake2b(seed, digest_size=8).hexdigest()

    async def get(self, key: str) -> KeyValue | None:
        """See ``EtcdStore``."""
        answer = await self._range(wire.range_one(key))
        return wire.key_value(answer.kvs[0]) if answer.kvs else None

    async def list(self, prefix: str, *, page_size: int = 1000) -> Listing:
        """See ``EtcdStore``. The incarnation is read first, so a wipe during the list is noticed by the watch."""
        incarnation = await self.incarnation()
        start, end = prefix.encode(), wire.prefix_end(prefix.encode())
        items: list[KeyValue] = []
        revision = 0
        while True:
            answer = await self._range(wire.range_page(start, end, revision, page_size))
            revision = revision or answer.header.revision
            items.extend(wire.key_value(kv) for kv in answer.kvs)
            if not answer.more:
                return Listing(items=tuple(items), revision=revision, incarnation=incarnation)
            start = answer.kvs[-1].key + b"\0"

    async def put(self, key: str, value: bytes, *, lease: int = 0) -> int:
        """See ``EtcdStore``."""
        request = wire.put(key, value, lease)
        answer = await self._call(lambda c: c.kv.Put(request, timeout=self._timeout))
        return int(answer.header.revision)

    async def put_guarded(self, key: str, value: bytes) -> GuardedPut:
        """See ``EtcdStore``."""
        answer = await self._transact(wire.put_if_newer(key, value))
        return GuardedPut(applied=wire.newer_was_put(answer), revision=answer.header.revision)

    async def put_guarded_many(self, writes: Sequence[GuardedWrite]) -> Sequence[GuardedPut]:
        """See ``EtcdStore``."""
        if len(writes) > MAX_TXN_WRITES:
            raise ValueError(f"at most {MAX_TXN_WRITES} writes fit one transaction, not {len(writes)}")
        if not writes:
            return []
        answer = await self._transact(wire.put_many_if_newer(writes))
        revision = answer.header.revision
        return [
            GuardedPut(applied=wire.newer_was_put(each.response_txn), revision=revision) for each in answer.responses
        ]

    async def create(self, key: str, value: bytes, *, lease: int = 0) -> int | None:
        """See ``EtcdStore``."""
        answer = await self._transact(wire.put_if_absent(key, value, lease))
        return int(answer.header.revision) if answer.succeeded else None

    async def replace(self, key: str, value: bytes, *, mod_revision: int, lease: int = 0) -> int | None:
        """See ``EtcdStore``."""
        answer = await self._transact(wire.put_if_at(key, value, mod_revision, lease))
        return int(answer.header.revision) if answer.succeeded else None

    async def delete(self, key: str) -> bool:
        """See ``EtcdStore``."""
        answer = await self._call(lambda c: c.kv.DeleteRange(wire.delete(key), timeout=self._timeout))
        return bool(answer.deleted)

    async def delete_at(self, key: str, mod_revision: int) -> bool:
        """See ``EtcdStore``."""
        answer = await self._transact(wire.delete_if_at(key, mod_revision))
        return bool(answer.succeeded)

    async def delete_prefix(self, prefix: str) -> int:
        """See ``EtcdStore``."""
        request = wire.delete_range(prefix)
        answer = await self._call(lambda c: c.kv.DeleteRange(request, timeout=self._timeout * 3))
        return int(answer.deleted)

    async def compact(self, revision: int) -> None:
        """Forget history below the revision; etcd does this by itself, tests do it on purpose."""
        request = wire.compaction(revision)
        await self._call(lambda c: c.kv.Compact(request, timeout=self._timeout * 3))

    async def grant_lease(self, ttl_seconds: int) -> Lease:
        """See ``EtcdStore``."""
        request = wire.lease_grant(ttl_seconds)
        answer = await self._call(lambda c: c.lease.LeaseGrant(request, timeout=self._timeout))
        return Lease(id=answer.ID, ttl_seconds=answer.TTL)

    async def keep_alive(self, lease_id: int) -> int:
        """See ``EtcdStore``."""
        ttl = await self._call(lambda c: self._keep_alive_once(c, lease_id))
        if ttl <= 0:
            raise LeaseLost(f"lease {lease_id:x} has expired")
        return int(ttl)

    async def _keep_alive_once(self, connection: wire.Connection, lease_id: int) -> int:
        stream = connection.lease.LeaseKeepAlive([wire.lease_keep_alive(lease_id)], timeout=self._timeout)
        async for answer in stream:
            return int(answer.TTL)
        raise EtcdUnavailable("etcd closed the keep-alive stream without an answer")

    async def revoke_lease(self, lease_id: int) -> None:
        """See ``EtcdStore``."""
        request = wire.lease_revoke(lease_id)
        try:
            await self._call(lambda c: c.lease.LeaseRevoke(request, timeout=self._timeout))
        except LeaseLost:
            return

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
        connection = self._connection()
        if self._credentials is not None:
            await self.get(INCARNATION_KEY)  # a stale token would break the stream; this replaces it
        stream = WatchStream(connection, prefix, from_revision, progress_seconds, silence_seconds)
        try:
            first = await stream.established(self._timeout)
            if incarnation is not None:
                await stream.check_incarnation(expected=incarnation, actual=await self.incarnation())
            yield first
            while True:
                yield await stream.next_batch()
        except EtcdUnavailable:
            self._fail_over(connection)
            raise
        finally:
            await stream.close()

    async def _range(self, request: Any) -> Any:
        return await self._call(lambda c: c.kv.Range(request, timeout=self._timeout))

    async def _transact(self, request: Any) -> Any:
        return await self._call(lambda c: c.kv.Txn(request, timeout=self._timeout))

    async def _call(self, operation: _Operation) -> Any:
        """Run the operation on the current endpoint, then once on each other one while they are unavailable."""
        for attempt in range(len(self._endpoints)):
            connection = self._connection()
            try:
                return await self._signed(operation, connection)
            except wire.RpcError as error:
                typed = wire.typed_error(error)
                if not isinstance(typed, EtcdUnavailable):
                    raise typed from error
                self._fail_over(connection)
                if attempt + 1 == len(self._endpoints):
                    raise typed from error
            except asyncio.CancelledError as error:
                # Closing the channel cancels calls from inside gRPC; a cancelled task keeps its cancellation.
                task = asyncio.current_task()
                if self._connections.get(connection.endpoint) is connection or (task and task.cancelling()):
                    raise
                raise EtcdUnavailable("etcd: the client was closed") from error
        raise AssertionError("unreachable: at least one endpoint is tried")

    async def _signed(self, operation: _Operation, connection: wire.Connection) -> Any:
        """Run it with a token where etcd asks for one; an outdated one, with which nothing was done, is replaced."""
        await connection.authenticate(self._timeout)
        try:
            return await operation(connection)
        except wire.RpcError as error:
            if not connection.drop_token(error):
                raise
        await connection.authenticate(self._timeout)
        return await operation(connection)

    def _connection(self) -> wire.Connection:
        endpoint = self._endpoints[self._current]
        if endpoint not in self._connections:
            self._connections[endpoint] = wire.Connection(endpoint, self._credentials)
        return self._connections[endpoint]

    def _fail_over(self, failed: wire.Connection) -> None:
        """Use the next endpoint from now on, unless another call already moved away from the failed one."""
        if self._endpoints[self._current] == failed.endpoint:
            self._current = (self._current + 1) % len(self._endpoints)
