"""What a load balancer in front of replicas does, on the level of connections."""

import asyncio
import itertools
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Self

CHUNK = 64 * 1024
CONNECT_SECONDS = 1.0
_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Gateway:
    """Hands each connection to the next replica that accepts it; those that refuse are passed over.

    A frozen replica accepts connections all the same, because its kernel does: then the caller runs into its own
    time-out, as behind a real load balancer between two health checks.

    ``loss`` is the probability that a connection is cut when an answer comes, so that nobody learns of an effect that
    happened.
    """

    def __init__(self, backends: Sequence[int]) -> None:
        self.loss = 0.0
        self._backends = list(backends)
        self._turn = itertools.cycle(range(len(self._backends)))
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Base URL that callers use. Raises ``RuntimeError`` before the start."""
        if self._server is None:
            raise RuntimeError("the gateway has not been started")
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def point_to(self, backends: Sequence[int]) -> None:
        """Other ports from now on; connections that exist stay."""
        self._backends = list(backends)
        self._turn = itertools.cycle(range(len(self._backends)))

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            backend = await self._connect()
            if backend is not None:
                await self._join((reader, writer), backend)
        except asyncio.CancelledError:
            # The gateway closes; the stream protocol would report a cancelled handler as an error.
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def _connect(self) -> _Stream | None:
        for _ in self._backends:
            port = self._backends[next(self._turn)]
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(CONNECT_SECONDS):
                    return await asyncio.open_connection("127.0.0.1", port)
        return None

    async def _join(self, caller: _Stream, backend: _Stream) -> None:
        """Pass bytes both ways until either side ends."""
        pumps = [
            asyncio.create_task(_pump(caller[0], backend[1], lambda: False)),
            asyncio.create_task(_pump(backend[0], caller[1], lambda: random.random() < self.loss)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            backend[1].close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: Callable[[], bool]) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(CHUNK):
            if cut():
                return
            writer.write(data)
            await writer.drain()
