"""An HTTP protocol that sends what is written in one turn of the loop at once.

Uvicorn writes the head of an answer and its body separately, and each write is a call of the system that wakes the
reader: for a small answer the second costs as much as everything the framework does for it.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

FULL_BYTES = 32 * 1024


class GatheringTransport:
    """A transport that keeps what is written until the turn of the loop ends."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._kept: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        """Everything else is the transport's own."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """See ``asyncio.WriteTransport``."""
        if not self._kept:
            self._loop.call_soon(self._flush)
        self._kept.append(data)
        self._size += len(data)
        if self._size >= FULL_BYTES:
            # The transport must learn of much to send at once: it pauses the writer.
            self._flush()

    def close(self) -> None:
        """See ``asyncio.BaseTransport``: what was written before is sent."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        kept, self._kept, self._size = self._kept, [], 0
        if kept and not self._transport.is_closing():
            self._transport.write(kept[0] if len(kept) == 1 else b"".join(kept))


class GatheringProtocol(HttpToolsProtocol):
    """See the module's text."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See ``asyncio.Protocol``."""
        super().connection_made(cast(asyncio.Transport, GatheringTransport(transport, self.loop)))
