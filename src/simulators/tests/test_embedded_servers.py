"""The embedded servers start, keep their data over a crash, come back on the same port and can be frozen."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from aetcd import Client
from pymongo import AsyncMongoClient

from lcm_simulators.embedded import DatabaseServer, EtcdServer, MotoServer, ServerStartError, free_port


async def test_etcd_keeps_its_keys_over_a_crash_and_loses_them_when_wiped(
    etcd_factory: Callable[[], EtcdServer],
) -> None:
    server = etcd_factory()
    async with Client(host="127.0.0.1", port=server.port) as client:
        await client.put(b"/a", b"1")
    port = server.port
    server.kill()
    assert not server.running
    await server.start()
    assert server.port == port
    async with Client(host="127.0.0.1", port=server.port) as client:
        assert (await client.get(b"/a")).value == b"1"
    await server.wipe()
    async with Client(host="127.0.0.1", port=server.port) as client:
        assert await client.get(b"/a") is None


async def test_the_database_keeps_acknowledged_writes_over_a_crash(
    database_factory: Callable[[], DatabaseServer],
) -> None:
    server = database_factory()
    async with AsyncMongoClient[dict[str, object]](server.uri) as client:
        await client["lcm"]["things"].insert_one({"_id": "a", "value": 1})
    server.kill()
    await server.start()
    async with AsyncMongoClient[dict[str, object]](server.uri) as client:
        assert await client["lcm"]["things"].find_one({"_id": "a"}) == {"_id": "a", "value": 1}


async def test_a_frozen_server_answers_nobody_until_it_is_thawed(etcd_factory: Callable[[], EtcdServer]) -> None:
    server = etcd_factory()
    server.pause()
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get(f"http://{server.endpoint}/health", timeout=0.3)
        server.resume()
        assert (await client.get(f"http://{server.endpoint}/health", timeout=5)).status_code == 200
    server.pause()
    await server.stop()
    assert not server.running


async def test_moto_answers_the_aws_api(moto_server: MotoServer) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{moto_server.endpoint}/moto-api/data.json")
    assert answer.status_code == 200


async def test_a_taken_port_is_told_with_the_end_of_the_log(tmp_path: Path) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        server = EtcdServer(tmp_path / "data", port=port, durable=False)
        with pytest.raises(ServerStartError, match="address already in use"):
            await server.start(deadline_seconds=10)
    assert not server.running


async def test_a_connection_to_the_outside_fails_the_test() -> None:
    with pytest.raises(PermissionError, match="loopback"):
        await asyncio.get_running_loop().run_in_executor(
            None, lambda: socket.create_connection(("192.0.2.1", 80), timeout=1)
        )
