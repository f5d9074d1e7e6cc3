"""Values that cross the etcd port.

Nouns: a *revision* counts every change of the whole store; ``mod_revision`` is the revision that last changed one key.
The *incarnation* names one life of a store: revisions of two incarnations must never be compared.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class KeyValue:
    """One key as etcd holds it; ``lease`` is 0 when the key does not expire."""

    key: str
    value: bytes
    mod_revision: int
    create_revision: int
    lease: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """All keys of a prefix as of one revision; a watch that follows starts at ``revision + 1``."""

    items: tuple[KeyValue, ...]
    revision: int
    incarnation: str


class EventKind(StrEnum):
    """What happened to a key."""

    PUT = "put"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One change; for a delete ``item.value`` is empty and ``item.mod_revision`` is the revision of the delete."""

    kind: EventKind
    item: KeyValue


@dataclass(frozen=True, slots=True)
class WatchBatch:
    """One message of a watch.

    ``events`` is empty for the first batch (the watch is established) and for signs of life. ``revision`` is the
    revision of the last event, or without events the store's current revision: it shows that the watch lives, and
    must not move a resume point, because etcd before 3.5.8 may send it ahead of events it has yet to deliver.
    """

    events: tuple[WatchEvent, ...]
    revision: int


@dataclass(frozen=True, slots=True)
class GuardedPut:
    """Result of a guarded put: ``applied`` is false when the stored value was not older than the new one."""

    applied: bool
    revision: int


@dataclass(frozen=True, slots=True)
class GuardedWrite:
    """One projection to write: ``value`` starts with the fixed-width version (see ``values.encode_value``)."""

    key: str
    value: bytes


class EtcdStore(Protocol):
    """The port every user of etcd depends on; ``EtcdClient`` is the implementation over gRPC.

    Every method raises ``EtcdUnavailable`` when no endpoint answers, ``EtcdRefused`` when etcd refuses.
    """

    async def incarnation(self) -> str:
        """Identity of this life of the store, 16 hexadecimal digits; made on first use."""

    async def get(self, key: str) -> KeyValue | None:
        """The key, or None when it does not exist."""

    async def list(self, prefix: str, *, page_size: int = 1000) -> Listing:
        """All keys under the prefix at one revision, ordered by key, fetched in pages."""

    async def put(self, key: str, value: bytes, *, lease: int = 0) -> int:
        """Write unconditionally; returns the revision."""

    async def put_guarded(self, key: str, value: bytes) -> GuardedPut:
        """Write only when the stored value sorts before ``value`` or the key is absent (one transaction)."""

    async def put_guarded_many(self, writes: Sequence[GuardedWrite]) -> Sequence[GuardedPut]:
        """Like ``put_guarded`` for several different keys in one transaction; at most ``MAX_TXN_WRITES``."""

    async def create(self, key: str, value: bytes, *, lease: int = 0) -> int | None:
        """Write only when the key is absent; returns the revision, or None when it exists."""

    async def replace(self, key: str, value: bytes, *, mod_revision: int, lease: int = 0) -> int | None:
        """Write only when the key is still at ``mod_revision``; returns the revision, or None."""

    async def delete(self, key: str) -> bool:
        """Delete the key; False when it did not exist."""

    async def delete_at(self, key: str, mod_revision: int) -> bool:
        """Delete the key only when it is still at ``mod_revision``."""

    async def delete_prefix(self, prefix: str) -> int:
        """Delete every key under the prefix; returns how many."""

    async def grant_lease(self, ttl_seconds: int) -> "Lease":
        """A new lease; etcd may lengthen the time to live, the answer holds."""

    async def keep_alive(self, lease_id: int) -> int:
        """Renew; returns the time to live in seconds. Raises ``LeaseLost``."""

    async def revoke_lease(self, lease_id: int) -> None:
        """End the lease and delete its keys; a lease already gone is fine."""

    def watch(
        self,
        prefix: str,
        *,
        from_revision: int = 0,
        incarnation: str | None = None,
        progress_seconds: float = 5.0,
        silence_seconds: float = 15.0,
    ) -> AsyncIterator[WatchBatch]:
        """Changes under the prefix from a revision on (0: from now), starting with one empty batch.

        The server is asked for a sign of life every ``progress_seconds`` and the watch is given up with
        ``WatchSilent`` after ``silence_seconds`` without a message. Raises ``RevisionCompacted``, and
        ``StoreReplaced`` when ``incarnation`` is given and is not the store's. Ends only with an error; close the
        iterator (``aclose``) to cancel the watch.
        """


@dataclass(frozen=True, slots=True)
class Lease:
    """A granted lease and its real time to live in seconds."""

    id: int
    ttl_seconds: int


MAX_TXN_WRITES = 100
"""Writes per transaction: etcd allows 128 operations by default (``--max-txn-ops``)."""
