"""A real etcd for the runtime's tests: one shared by all, and private ones that a test may kill, freeze or wipe."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from core_etcd import EtcdProcess, find_etcd

from lcm_core.etcd import EtcdClient


@pytest.fixture(scope="session")
def shared_etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdProcess]:
    """An etcd for tests that keep to their own prefix."""
    server = EtcdProcess(find_etcd(), tmp_path_factory.mktemp("etcd"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def private_etcd(tmp_path: Path) -> Iterator[EtcdProcess]:
    """An etcd that belongs to one test."""
    server = EtcdProcess(find_etcd(), tmp_path / "etcd")
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def store(shared_etcd: EtcdProcess) -> AsyncIterator[EtcdClient]:
    """A client of the shared etcd; what earlier tests left under the product's prefixes is removed first."""
    async with EtcdClient([shared_etcd.endpoint]) as client:
        await client.delete_prefix("/lcm/")
        await client.delete_prefix("/lcm-run/elections/")
        await client.delete_prefix("/lcm-run/members/")
        yield client


@pytest.fixture
async def private_store(private_etcd: EtcdProcess) -> AsyncIterator[EtcdClient]:
    """A client of the private etcd."""
    async with EtcdClient([private_etcd.endpoint], timeout_seconds=1.5) as client:
        yield client
