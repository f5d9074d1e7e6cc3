"""How a stream begins: with what the client missed since its last event, or with everything."""

import asyncio
from collections.abc import AsyncGenerator, Iterable

from control_plane_api.application.authorization.principal import Principal
from control_plane_api.infrastructure.sse.encoding import StreamEvent, encode, parse_position, position
from control_plane_api.infrastructure.sse.relay import SseRelay
from control_plane_api.infrastructure.sse.shared import SharedSnapshots
from control_plane_api.infrastructure.sse.snapshots import Snapshots, may_see
from control_plane_api.infrastructure.sse.stream import ClientQueue

CATCH_UP_OBJECTS = 2000
"""A client that missed more changes than this gets a fresh snapshot, which is cheaper."""


class LiveFeed:
    """The relay, and the way into it."""

    def __init__(self, relay: SseRelay, snapshots: Snapshots, stream_seconds: float) -> None:
        self._relay = relay
        self._snapshots = snapshots
        self._shared = SharedSnapshots(relay, snapshots)
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
        if wanted and missed is not None:
            yield _visible(principal, missed) + encode("resumed", {"events": len(missed)}, _later(mark, wanted))
            return
        yield encode("snapshot.begin", {})
        reading = self._shared.recent()
        since = parse_position(reading.mark)
        late = await self._missed(since) if since else None
        if late is None:
            reading, late = self._shared.fresh(), []
        for page in await asyncio.shield(reading.pages):
            yield _visible(principal, page)
        yield _visible(principal, late) + encode("snapshot.end", {}, mark)

    async def _missed(self, wanted: tuple[str, int]) -> list[StreamEvent] | None:
        """Snapshots of what changed after a position; None when that cannot be told."""
        changed = self._relay.missed(*wanted, CATCH_UP_OBJECTS)
        if changed is None:
            return None
        events: list[StreamEvent] = []
        by_collection: dict[str, list[str]] = {}
        for collection, object_id in changed:
            by_collection.setdefault(collection, []).append(object_id)
        for collection, ids in by_collection.items():
            events += await self._snapshots.read(collection, ids)
        return events


def _later(mark: str, wanted: tuple[str, int]) -> str:
    """The position of a client that resumed: what it had when it came stays its own where the relay is behind it."""
    known = parse_position(mark)
    return mark if known is None or known[1] >= wanted[1] else position(*wanted)


def _visible(principal: Principal, events: Iterable[StreamEvent]) -> bytes:
    return b"".join(event.body for event in events if may_see(principal, event))
