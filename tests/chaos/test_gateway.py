"""The gateway spreads connections, passes over replicas that are down, and passes everything on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from lcm_simulators.embedded.process import free_port
from tests.chaos.gateway import Gateway


@asynccontextmanager
async def replica(name: str) -> AsyncIterator[int]:
    """A server that answers its name and the length of what it was sent."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next((int(line.split(":")[1]) for line in head.split("\r\n") if line.startswith("content-length")), 0)
        body = await reader.readexactly(length)
        said = f"{name} {len(body)}".encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def client() -> httpx.AsyncClient:
    """A caller who asks nobody but the gateway."""
    return httpx.AsyncClient(trust_env=False)


async def test_connections_take_turns_and_bodies_arrive_whole() -> None:
    async with replica("one") as one, replica("two") as two, Gateway([one, two]) as gateway, client() as http:
        answers = [(await http.post(gateway.url, content=b"x" * 300_000)).text for _ in range(4)]
    assert sorted(answers) == ["one 300000", "one 300000", "two 300000", "two 300000"]


async def test_a_replica_that_is_down_is_passed_over() -> None:
    async with replica("one") as one, Gateway([free_port(), one]) as gateway, client() as http:
        answers = [(await http.get(gateway.url)).text for _ in range(3)]
    assert answers == ["one 0"] * 3


async def test_without_any_replica_the_connection_ends_without_an_answer() -> None:
    async with Gateway([free_port()]) as gateway, client() as http:
        with pytest.raises(httpx.TransportError):
            await http.get(gateway.url)


async def test_an_answer_may_be_lost_after_the_request_was_passed_on() -> None:
    async with replica("one") as one, Gateway([one]) as gateway, client() as http:
        gateway.loss = 1.0
        with pytest.raises(httpx.TransportError):
            await http.post(gateway.url, content=b"x")
        gateway.loss = 0.0
        assert (await http.post(gateway.url, content=b"x")).text == "one 1"
