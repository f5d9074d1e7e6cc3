"""A client of the shared etcd, emptied before each test."""

from collections.abc import AsyncIterator

import pytest

from lcm_core.etcd import EtcdClient
from lcm_simulators.embedded.etcd import EtcdServer


@pytest.fixture
async def store(etcd_server: EtcdServer) -> AsyncIterator[EtcdClient]:
    """What earlier tests left under the product's prefixes is removed first."""
    async with EtcdClient([etcd_server.endpoint]) as client:
        await client.delete_prefix("/lcm/")
        await client.delete_prefix("/lcm-run/")
        yield client
