"""What a load balancer in front of replicas does, on the level of connections."""

import asyncio
import itertools
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

CHUNK = 64 * 1024
CONNECT_SECONDS = 1.0


class Gateway:
    """Hands each connection to the next replica that accepts it; those that refuse are passed over.

    A frozen replica accepts connections all the same, because its kernel does: then the caller runs into its own
    time-out, as behind a real load balancer between two health checks.
    """

    def __init__(self, backends: Sequence[int]) -> None:
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
                await _join((reader, writer), backend)
        except asyncio.CancelledError:
            # The gateway closes; the stream protocol would report a cancelled handler as an error.
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for _ in self._backends:
            port = self._backends[next(self._turn)]
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(CONNECT_SECONDS):
                    return await asyncio.open_connection("127.0.0.1", port)
        return None


async def _join(
    one: tuple[asyncio.StreamReader, asyncio.StreamWriter], other: tuple[asyncio.StreamReader, asyncio.StreamWriter]
) -> None:
    """Pass bytes both ways until either side ends."""
    pumps = [asyncio.create_task(_pump(one[0], other[1])), asyncio.create_task(_pump(other[0], one[1]))]
    try:
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        other[1].close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
