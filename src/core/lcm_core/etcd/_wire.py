"""The etcd v3 protocol as ``aetcd`` generates it; the only module that imports ``aetcd``.

``aetcd`` supplies messages, stubs and the channel. Its high-level client is not used: it knows one endpoint, drops
progress notifications and cannot compare values inside nested transactions.
"""

import asyncio
import functools
from collections.abc import Iterable, Sequence
from typing import Any

from aetcd import rpc

from lcm_core.etcd.errors import EtcdError, EtcdRefused, EtcdUnavailable, LeaseLost
from lcm_core.etcd.model import EventKind, GuardedWrite, KeyValue, WatchEvent

RpcError: type[Exception] = rpc.AioRpcError

# etcd answers UNKNOWN while it has no leader and INTERNAL while it stops: both pass.
_PASSING = {
    rpc.StatusCode.UNAVAILABLE,
    rpc.StatusCode.DEADLINE_EXCEEDED,
    rpc.StatusCode.CANCELLED,
    rpc.StatusCode.UNKNOWN,
    rpc.StatusCode.INTERNAL,
    rpc.StatusCode.ABORTED,
}

# gRPC refuses answers above 4 MiB by default, which a list of 4,000 keys exceeds. The subchannel pool is local so
# that the back-off of one broken client does not delay another; reconnects stay quick after a restart of etcd. The
# *minimum* reconnect back-off is in truth the limit of one connection attempt.
_CHANNEL_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", 128 * 1024 * 1024),
    ("grpc.max_send_message_length", 16 * 1024 * 1024),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 2000),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.enable_http_proxy", 0),
)


_TOKEN_PROBLEMS = ("invalid auth token", "revision in header is old")


def _seen(task: asyncio.Task[None]) -> None:
    """Whoever waited for the task has its error; nobody may have waited to the end."""
    if not task.cancelled():
        task.exception()


class Connection:
    """One gRPC channel to one endpoint (``host:port``) with its stubs.

    ``credentials`` is a user name and a password where etcd asks for them. The token they are exchanged for belongs to
    one member and ends with its process or after minutes without use.
    """

    def __init__(self, endpoint: str, credentials: tuple[str, str] | None = None) -> None:
        self.endpoint = endpoint
        self.metadata: tuple[tuple[str, str], ...] = ()
        self._credentials = credentials
        self._exchange: asyncio.Task[None] | None = None
        self._channel = rpc.insecure_channel(endpoint, options=_CHANNEL_OPTIONS)
        self.kv: Any = _Signed(rpc.KVStub(self._channel), self)
        self.lease: Any = _Signed(rpc.LeaseStub(self._channel), self)
        self.watch: Any = _Signed(rpc.WatchStub(self._channel), self)

    async def authenticate(self, timeout: float) -> None:
        """Get a token when one is needed and missing. Raises ``RpcError``.

        Calls that need one at the same time share one exchange: a slow hash is the dearest thing etcd can be asked
        for, and many at once starve everything else it does.
        """
        if self._credentials is None or self.metadata:
            return
        if self._exchange is None or self._exchange.done():
            self._exchange = asyncio.create_task(self._get_token(*self._credentials, timeout))
            self._exchange.add_done_callback(_seen)
        await asyncio.shield(self._exchange)

    async def _get_token(self, name: str, password: str, timeout: float) -> None:
        request = rpc.AuthenticateRequest(name=name, password=password)
        answer = await rpc.AuthStub(self._channel).Authenticate(request, timeout=timeout)
        self.metadata = (("token", answer.token),)

    def drop_token(self, error: Any) -> bool:
        """Forget the token when the error says that it is no longer good; whether that is so."""
        stale = bool(self.metadata) and any(problem in (error.details() or "") for problem in _TOKEN_PROBLEMS)
        if stale:
            self.metadata = ()
        return stale

    async def asks_for_users(self, timeout: float) -> bool:
        """Whether authentication is on: a read without a user is then refused."""
        try:
            await self.kv.Range(range_one("/"), timeout=timeout)
        except rpc.AioRpcError as error:
            if "user name is empty" in (error.details() or ""):
                return True
            raise
        return False

    async def add_user(self, name: str, password: str, role: str, timeout: float, *, prefix: str = "") -> None:
        """Make a user with a role, which may use the keys with the prefix (the role root: all). Raises ``RpcError``."""
        auth = rpc.AuthStub(self._channel)
        requests = [
            (auth.UserAdd, rpc.AuthUserAddRequest(name=name, password=password)),
            (auth.RoleAdd, rpc.AuthRoleAddRequest(name=role)),
            (auth.UserGrantRole, rpc.AuthUserGrantRoleRequest(user=name, role=role)),
        ]
        if prefix:
            start = prefix.encode()
            allowed = rpc.Permission(permType=rpc.Permission.READWRITE, key=start, range_end=prefix_end(start))
            requests.append((auth.RoleGrantPermission, rpc.AuthRoleGrantPermissionRequest(name=role, perm=allowed)))
        for call, request in requests:
            try:
                await call(request, timeout=timeout)
            except rpc.AioRpcError as error:
                # An earlier run may have been interrupted.
                if "already exists" not in (error.details() or ""):
                    raise

    async def turn_authentication_on(self, timeout: float) -> None:
        """From now on every call needs a user. Raises ``RpcError``."""
        await rpc.AuthStub(self._channel).AuthEnable(rpc.AuthEnableRequest(), timeout=timeout)

    async def close(self) -> None:
        """Close the channel; running calls fail."""
        await self._channel.close()


class _Signed:
    """A stub whose calls carry the connection's token."""

    def __init__(self, stub: Any, connection: Connection) -> None:
        self._stub = stub
        self._connection = connection

    def __getattr__(self, method: str) -> Any:
        return functools.partial(getattr(self._stub, method), metadata=self._connection.metadata)


def typed_error(error: Any) -> EtcdError:
    """The port's error for a gRPC error."""
    details = error.details() or error.code().name
    # gRPC's text for a refused connection repeats itself at length; the reason stands at its end.
    text = f"etcd: {details.rsplit('last error: ', 1)[-1]}"
    if error.code() is rpc.StatusCode.NOT_FOUND and "lease" in text:
        return LeaseLost(text)
    passing = error.code() in _PASSING or any(problem in text for problem in _TOKEN_PROBLEMS)
    return EtcdUnavailable(text) if passing else EtcdRefused(text)


def prefix_end(prefix: bytes) -> bytes:
    """End of the range that holds every key with the prefix."""
    end = bytearray(prefix)
    while end and end[-1] == 0xFF:
        end.pop()
    if not end:
        return b"\0"
    end[-1] += 1
    return bytes(end)


def key_value(kv: Any) -> KeyValue:
    """The port's value for a protocol KeyValue."""
    return KeyValue(
        key=kv.key.decode(),
        value=kv.value,
        mod_revision=kv.mod_revision,
        create_revision=kv.create_revision,
        lease=kv.lease,
    )


def watch_events(events: Iterable[Any]) -> tuple[WatchEvent, ...]:
    """The port's values for protocol events."""
    return tuple(
        WatchEvent(EventKind.PUT if event.type == rpc.Event.PUT else EventKind.DELETE, key_value(event.kv))
        for event in events
    )


def range_one(key: str) -> Any:
    """Request for one key."""
    return rpc.RangeRequest(key=key.encode())


def range_page(start: bytes, end: bytes, revision: int, limit: int) -> Any:
    """Request for one page of a range at a revision (0: now), ordered by key."""
    return rpc.RangeRequest(key=start, range_end=end, revision=revision, limit=limit)


def put(key: str, value: bytes, lease: int) -> Any:
    """Request for an unconditional write."""
    return rpc.PutRequest(key=key.encode(), value=value, lease=lease)


def delete(key: str) -> Any:
    """Request that deletes one key."""
    return rpc.DeleteRangeRequest(key=key.encode())


def delete_range(prefix: str) -> Any:
    """Request that deletes every key with the prefix."""
    start = prefix.encode()
    return rpc.DeleteRangeRequest(key=start, range_end=prefix_end(start))


def _put_op(key: bytes, value: bytes, lease: int = 0) -> Any:
    return rpc.RequestOp(request_put=rpc.PutRequest(key=key, value=value, lease=lease))


def _absent(key: bytes) -> Any:
    return rpc.Compare(key=key, target=rpc.Compare.VERSION, result=rpc.Compare.EQUAL, version=0)


def _at(key: bytes, mod_revision: int) -> Any:
    return rpc.Compare(key=key, target=rpc.Compare.MOD, result=rpc.Compare.EQUAL, mod_revision=mod_revision)


def put_if_absent(key: str, value: bytes, lease: int) -> Any:
    """Transaction that writes only when the key does not exist."""
    raw = key.encode()
    return rpc.TxnRequest(compare=[_absent(raw)], success=[_put_op(raw, value, lease)])


def put_if_at(key: str, value: bytes, mod_revision: int, lease: int) -> Any:
    """Transaction that writes only when the key is still at a revision."""
    raw = key.encode()
    return rpc.TxnRequest(compare=[_at(raw, mod_revision)], success=[_put_op(raw, value, lease)])


def delete_if_at(key: str, mod_revision: int) -> Any:
    """Transaction that deletes only when the key is still at a revision."""
    raw = key.encode()
    remove = rpc.RequestOp(request_delete_range=rpc.DeleteRangeRequest(key=raw))
    return rpc.TxnRequest(compare=[_at(raw, mod_revision)], success=[remove])


def put_if_newer(key: str, value: bytes) -> Any:
    """Transaction ``if value(key) < value: put, else if the key is absent: put``.

    A value comparison is false on a missing key, hence the nested transaction.
    """
    raw = key.encode()
    older = rpc.Compare(key=raw, target=rpc.Compare.VALUE, result=rpc.Compare.LESS, value=value)
    write = _put_op(raw, value)
    create = rpc.RequestOp(request_txn=rpc.TxnRequest(compare=[_absent(raw)], success=[write]))
    return rpc.TxnRequest(compare=[older], success=[write], failure=[create])


def put_many_if_newer(writes: Sequence[GuardedWrite]) -> Any:
    """One transaction that holds ``put_if_newer`` for each of several different keys."""
    return rpc.TxnRequest(success=[rpc.RequestOp(request_txn=put_if_newer(write.key, write.value)) for write in writes])


def newer_was_put(answer: Any) -> bool:
    """Whether a ``put_if_newer`` transaction wrote."""
    return bool(answer.succeeded or answer.responses[0].response_txn.succeeded)


def lease_grant(ttl_seconds: int) -> Any:
    """Request for a new lease with an identity chosen by etcd."""
    return rpc.LeaseGrantRequest(TTL=ttl_seconds)


def lease_keep_alive(lease_id: int) -> Any:
    """Request that renews a lease."""
    return rpc.LeaseKeepAliveRequest(ID=lease_id)


def lease_revoke(lease_id: int) -> Any:
    """Request that ends a lease."""
    return rpc.LeaseRevokeRequest(ID=lease_id)


def compaction(revision: int) -> Any:
    """Request that forgets history below a revision and waits until that is done."""
    return rpc.CompactionRequest(revision=revision, physical=True)


def watch_create(prefix: str, from_revision: int) -> Any:
    """Request that starts a watch of a prefix (0: from now)."""
    start = prefix.encode()
    create = rpc.WatchCreateRequest(
        key=start, range_end=prefix_end(start), start_revision=from_revision, progress_notify=True
    )
    return rpc.WatchRequest(create_request=create)


def watch_progress() -> Any:
    """Request for a sign of life on a watch stream."""
    return rpc.WatchRequest(progress_request=rpc.WatchProgressRequest())
