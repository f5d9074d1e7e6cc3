"""The etcd port against an etcd that asks for a user and a password."""

import asyncio
import re
from collections.abc import Callable
from contextlib import aclosing

import httpx
import pytest

from lcm_core.etcd import EtcdClient, EtcdRefused, EtcdUnavailable
from lcm_core.etcd.setup import enable_authentication
from lcm_simulators.embedded.etcd import EtcdServer

CREDENTIALS = ("lcm", "correct horse")


@pytest.fixture
async def guarded(etcd_factory: Callable[[], EtcdServer]) -> EtcdServer:
    server = etcd_factory()
    await server.start()
    assert await enable_authentication(server.endpoint, "root password", CREDENTIALS[1])
    return server


async def test_reads_writes_leases_and_watches_work_with_the_password(guarded: EtcdServer) -> None:
    async with EtcdClient([guarded.endpoint], credentials=CREDENTIALS) as store:
        lease = await store.grant_lease(10)
        await store.put("/lcm/a", b"1", lease=lease.id)
        assert await store.keep_alive(lease.id) > 0
        async with aclosing(store.watch("/lcm/")) as batches, asyncio.timeout(5):
            await anext(batches)
            await store.put("/lcm/b", b"2")
            batch = await anext(batches)
            while not batch.events:
                batch = await anext(batches)
    assert batch.events[0].item.key == "/lcm/b"


async def test_without_the_password_or_with_a_wrong_one_etcd_refuses(guarded: EtcdServer) -> None:
    async with EtcdClient([guarded.endpoint]) as stranger:
        with pytest.raises(EtcdRefused, match="user name is empty"):
            await stranger.get("/lcm/a")
    async with EtcdClient([guarded.endpoint], credentials=("lcm", "wrong")) as stranger:
        with pytest.raises(EtcdRefused, match="invalid user ID or password"):
            await stranger.get("/lcm/a")


async def exchanged_passwords(server: EtcdServer) -> float:
    """How often etcd has checked a password."""
    async with httpx.AsyncClient(trust_env=False) as http:
        told = (await http.get(f"http://{server.endpoint}/metrics")).text
    counts = re.findall(r'^grpc_server_started_total\{.*"Authenticate".*\} (\S+)$', told, re.MULTILINE)
    return sum(map(float, counts))


async def test_calls_at_once_exchange_the_password_once(guarded: EtcdServer) -> None:
    before = await exchanged_passwords(guarded)
    async with EtcdClient([guarded.endpoint], credentials=CREDENTIALS) as store:
        await asyncio.gather(*(store.get(f"/lcm/{number}") for number in range(20)))
    assert await exchanged_passwords(guarded) - before == 1


async def test_a_client_gets_a_new_token_after_etcd_was_restarted(guarded: EtcdServer) -> None:
    async with EtcdClient([guarded.endpoint], credentials=CREDENTIALS) as store:
        await store.put("/lcm/a", b"1")
        await guarded.stop()
        await guarded.start()
        async with asyncio.timeout(10):
            while True:
                try:
                    found = await store.get("/lcm/a")
                    break
                except EtcdUnavailable:
                    await asyncio.sleep(0.05)
        assert found is not None
        async with aclosing(store.watch("/lcm/")) as batches, asyncio.timeout(5):
            await anext(batches)


async def test_the_platform_may_use_its_own_keys_alone_and_setting_up_again_changes_nothing(
    guarded: EtcdServer,
) -> None:
    assert not await enable_authentication(guarded.endpoint, "another", "another")
    async with EtcdClient([guarded.endpoint], credentials=CREDENTIALS) as store:
        await store.put("/lcm-run/members/a", b"1")
        with pytest.raises(EtcdRefused, match="permission denied"):
            await store.put("/other", b"1")
