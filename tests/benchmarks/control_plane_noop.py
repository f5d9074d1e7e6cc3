"""What HTTP, authorization and mediator cost around a command that changes nothing, against a bare FastAPI POST."""

import asyncio
import os
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from plane import Connection, by_turns
from rows import Row, publish

from lcm_simulators.embedded.reservations import free_port
from lcm_simulators.world import World

CLIENTS = 8
CALLS = 400
ROUNDS = 9
STARTED_SECONDS = 30.0


@asynccontextmanager
async def server(kind: str, environment: Mapping[str, str]) -> AsyncIterator[list[Connection]]:
    """Connections to a server process of that kind."""
    port = free_port()
    script = str(Path(__file__).with_name("noop_server.py"))
    process: Process = await asyncio.create_subprocess_exec(
        sys.executable, script, kind, str(port), stdout=PIPE, env={**os.environ, **environment}
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(STARTED_SECONDS):
            token = (await process.stdout.readline()).decode().strip()
        connections = [await Connection.open(f"127.0.0.1:{port}", token) for _ in range(CLIENTS)]
        yield connections
        for connection in connections:
            connection.close()
    finally:
        process.terminate()
        await process.wait()


async def cost(connections: list[Connection]) -> float:
    """Seconds of one request when all clients ask one after the other."""

    async def client(connection: Connection) -> None:
        for number in range(CALLS):
            await connection.call("POST", "/api/workers/w001/tags", {"tags": {"n": str(number)}})

    begin = time.perf_counter()
    await asyncio.gather(*(client(connection) for connection in connections))
    return (time.perf_counter() - begin) / (CALLS * len(connections))


async def measure() -> list[Row]:
    """Both in turn."""
    with tempfile.TemporaryDirectory() as folder:
        async with World(Path(folder), ports="ephemeral", only=["database"], report=lambda line: None) as world:
            environment = {"MONGODB_URI": world.url("database"), "LCM_DATABASE_NAME": "noop"}
            async with server("bare", environment) as bare, server("platform", environment) as platform:
                await cost(bare)
                await cost(platform)
                floor, path = await by_turns(ROUNDS, lambda: cost(bare), lambda: cost(platform))
    return [
        Row("bare FastAPI POST", floor * 1e6, "µs"),
        Row("no-op command through HTTP, authorization and mediator", path * 1e6, "µs"),
        Row("cost of the no-op path against a bare FastAPI POST", path / floor, "x", 2.5, 1.6),
    ]


if __name__ == "__main__":
    publish(asyncio.run(measure()))
