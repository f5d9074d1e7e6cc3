"""One client's stream: a snapshot or what it missed, then every change, within bounds."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from control_plane_api.application.authorization.principal import Principal
from control_plane_api.infrastructure.sse.encoding import HEARTBEAT, StreamEvent
from control_plane_api.infrastructure.sse.snapshots import may_see

QUEUE_EVENTS = 2000
HEARTBEAT_SECONDS = 30.0


class ClientQueue:
    """What waits to be sent to one client; a client that falls too far behind is dropped and resumes."""

    def __init__(self, principal: Principal) -> None:
        self.principal = principal
        self._chunks: list[tuple[bytes, str]] = []
        self._waiting = 0
        self._ready = asyncio.Event()
        self.closed = False
        self.signed_out = False

    def offer(self, events: Sequence[StreamEvent], mark: str) -> bool:
        """Queue what the client may see; False when it was dropped."""
        if self.closed:
            return False
        visible = [event.body for event in events if may_see(self.principal, event)]
        if not visible:
            return True
        if self._waiting + len(visible) > QUEUE_EVENTS:
            self.close()
            return False
        self._waiting += len(visible)
        self._chunks.append((b"".join(visible), mark))
        self._ready.set()
        return True

    def close(self) -> None:
        """End the stream after what is queued."""
        self.closed = True
        self._ready.set()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Bytes to send, heartbeats included, until the stream is closed."""
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await self._ready.wait()
            except TimeoutError:
                yield HEARTBEAT
                continue
            chunks, self._chunks, self._waiting = self._chunks, [], 0
            self._ready.clear()
            if self.closed and not chunks:
                return
            if chunks:
                yield b"".join(body for body, _ in chunks) + _mark(chunks[-1][1])
            if self.closed:
                return


def _mark(event_id: str) -> bytes:
    """An event of its own that carries the id: everything before it was delivered."""
    return f"id: {event_id}\nevent: mark\ndata: {{}}\n\n".encode()
