"""Clients of real etcd servers: one shared by all tests, and private ones that a test may kill, freeze or wipe."""

from collections.abc import AsyncIterator, Callable

import pytest

from lcm_core.etcd import EtcdClient
from lcm_simulators.embedded.etcd import EtcdServer


@pytest.fixture
async def store(etcd_server: EtcdServer) -> AsyncIterator[EtcdClient]:
    """A client of the shared etcd; what earlier tests left under the product's prefixes is removed first."""
    async with EtcdClient([etcd_server.endpoint]) as client:
        await client.delete_prefix("/lcm/")
        await client.delete_prefix("/lcm-run/elections/")
        await client.delete_prefix("/lcm-run/members/")
        yield client


@pytest.fixture
def private_etcd(etcd_factory: Callable[[], EtcdServer]) -> EtcdServer:
    """An etcd that belongs to one test."""
    return etcd_factory()


@pytest.fixture
async def private_store(private_etcd: EtcdServer) -> AsyncIterator[EtcdClient]:
    """A client of the private etcd."""
    async with EtcdClient([private_etcd.endpoint], timeout_seconds=1.5) as client:
        yield client
