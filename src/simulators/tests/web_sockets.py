"""WebSockets for tests that are plain functions.

The synchronous client of `websockets` reads in one thread while another writes to the same TLS connection, which
Python 3.11's `ssl` does not allow: once in some hundred runs a request is lost and the handshake hangs for ever. Here
an event loop in a thread of its own does both.
"""

import asyncio
import ssl
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from websockets.asyncio.client import ClientConnection, connect

ResultT = TypeVar("ResultT")
OPEN_SECONDS = 20.0


class Socket:
    """An open WebSocket, used from a test's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, connection: ClientConnection) -> None:
        self._loop = loop
        self._connection = connection

    def _do(self, work: Coroutine[Any, Any, ResultT], within: float) -> ResultT:
        return asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, within), self._loop).result()

    def send(self, message: str | bytes) -> None:
        """Send a text or binary message."""
        self._do(self._connection.send(message), OPEN_SECONDS)

    def recv(self, within: float) -> str | bytes:
        """The next message. Raises ``TimeoutError`` after so many seconds, ``ConnectionClosed`` at the end."""
        return self._do(self._connection.recv(), within)

    def close(self) -> None:
        """Say goodbye and close."""
        self._do(self._connection.close(), OPEN_SECONDS)


@contextmanager
def web_socket(url: str, context: ssl.SSLContext) -> Iterator[Socket]:
    """A WebSocket that is open within the block. Raises ``InvalidStatus`` when the server refuses it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="web-socket", daemon=True)
    thread.start()
    try:

        async def opened() -> ClientConnection:
            return await connect(url, ssl=context, max_queue=None, open_timeout=OPEN_SECONDS, close_timeout=2)

        socket = Socket(loop, asyncio.run_coroutine_threadsafe(opened(), loop).result())
        try:
            yield socket
        finally:
            socket.close()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(OPEN_SECONDS)
        loop.close()
