"""How a stream begins: with what the client missed since its last event, or with everything."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from control_plane_api.application.authorization.principal import Principal
from control_plane_api.infrastructure.sse.encoding import StreamEvent, encode
from control_plane_api.infrastructure.sse.relay import SseRelay
from control_plane_api.infrastructure.sse.snapshots import SHOWN, Snapshots, may_see
from control_plane_api.infrastructure.sse.stream import ClientQueue
from lcm_core.etcd import EtcdError, EtcdStore
from lcm_core.etcd.keys import METRICS, PROJECTION_PREFIX, ObjectKey

CATCH_UP_OBJECTS = 2000
"""A client that missed more changes than this gets a fresh snapshot, which is cheaper."""


class LiveFeed:
    """The relay, and the way into it."""

    def __init__(self, relay: SseRelay, snapshots: Snapshots, etcd: EtcdStore, stream_seconds: float) -> None:
        self._relay = relay
        self._snapshots = snapshots
        self._etcd = etcd
        self.stream_seconds = stream_seconds
        self.farewell = "stream.end"

    @property
    def position(self) -> str:
        """Where the relay is."""
        return self._relay.position

    def add(self, client: ClientQueue) -> None:
        """Queue changes for a client from now on."""
        self._relay.add(client)

    def remove(self, client: ClientQueue) -> None:
        """Forget a client."""
        self._relay.remove(client)

    def end(self, farewell: str) -> None:
        """Close every stream after a last event of that name."""
        self.farewell = farewell
        self._relay.close_all()

    async def beginning(self, principal: Principal, wanted: tuple[str, int] | None) -> AsyncGenerator[bytes, None]:
        """What comes before the changes. The client's queue is filled meanwhile, so nothing falls between."""
        mark = self._relay.position
        missed = await self._missed(wanted) if wanted else None
        if missed is not None:
            visible = b"".join(event.body for event in missed if may_see(principal, event))
            yield visible + encode("resumed", {"events": len(missed)}, mark)
            return
        yield encode("snapshot.begin", {})
        async with aclosing(self._snapshots.everything()) as pages:
            async for page in pages:
                yield b"".join(event.body for event in page if may_see(principal, event))
        yield encode("snapshot.end", {}, mark)

    async def _missed(self, wanted: tuple[str, int]) -> list[StreamEvent] | None:
        """Snapshots of what changed after a position; None when that cannot be told."""
        incarnation, revision = wanted
        try:
            if incarnation != await self._etcd.incarnation():
                return None
            changed = await self._changes_after(revision, incarnation)
        except EtcdError:
            return None
        if changed is None or len(changed) > CATCH_UP_OBJECTS:
            return None
        events: list[StreamEvent] = []
        for collection in SHOWN:
            ids = [object_id for known, object_id in changed if known == collection]
            if ids:
                events += await self._snapshots.read(collection, ids)
        return events

    async def _changes_after(self, revision: int, incarnation: str) -> list[tuple[str, str]] | None:
        """Objects with a change in ``(revision, now]``, deletions included; a compacted revision raises."""
        changed: dict[tuple[str, str], None] = {}
        watch = self._etcd.watch(PROJECTION_PREFIX, from_revision=revision + 1, incarnation=incarnation)
        last = (await self._etcd.list(f"{PROJECTION_PREFIX}settings")).revision
        async with aclosing(watch) as batches:  # type: ignore[type-var]
            async for batch in batches:
                for event in batch.events:
                    parsed = ObjectKey.parse(event.item.key)
                    if parsed is not None and parsed.facet != METRICS and parsed.collection in SHOWN:
                        changed[(parsed.collection, parsed.object_id)] = None
                if batch.revision >= last and (batch.events or revision >= last):
                    return list(changed)
                if len(changed) > CATCH_UP_OBJECTS:
                    return None
        return None
