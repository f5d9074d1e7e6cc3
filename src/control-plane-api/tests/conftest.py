"""Control planes on real stores. They have an etcd of their own: a control plane removes keys it does not know."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from plane_process import PlaneProcess, plane_environment
from realm_stand_in import RealmStandIn

from control_plane_api.composition.stores import Stores, open_stores
from control_plane_api.infrastructure.mongo.database import Database, connect
from control_plane_api.settings import Settings
from lcm_core.etcd import EtcdClient
from lcm_simulators.embedded.etcd import EtcdServer
from lcm_simulators.embedded.process import EmbeddedServer
from lcm_simulators.embedded.redis import RedisServer, redis_program


def run_now(work: Callable[[], object]) -> None:
    """Run a coroutine function to its end from a fixture that may be inside a running loop."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(work())).result()  # type: ignore[arg-type]


def started(server: EmbeddedServer) -> Iterator[EmbeddedServer]:
    """Run a server around a fixture."""
    run_now(server.start)
    yield server
    run_now(lambda: server.stop(5))


@pytest.fixture(scope="session")
def realm() -> Iterator[RealmStandIn]:
    """The realm of all tests."""
    made = RealmStandIn()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def plane_etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdServer]:
    """The etcd of the shared control plane."""
    server = EtcdServer(tmp_path_factory.mktemp("plane-etcd") / "data", durable=False)
    yield from started(server)  # type: ignore[misc]


@pytest.fixture(scope="session")
def plane_settings(plane_etcd: EtcdServer, database_uri: str, realm: RealmStandIn) -> dict[str, str]:
    """Settings of the shared control plane; another replica of it uses the same."""
    return plane_environment(plane_etcd.endpoint, database_uri, f"plane{uuid.uuid4().hex[:8]}", realm)


@pytest.fixture(scope="session")
def plane(
    tmp_path_factory: pytest.TempPathFactory, plane_settings: dict[str, str], realm: RealmStandIn
) -> Iterator[PlaneProcess]:
    """One control plane that no test harms."""
    yield from started(PlaneProcess(tmp_path_factory.mktemp("plane"), plane_settings, realm))  # type: ignore[misc]


@pytest.fixture
def plane_factory(
    tmp_path: Path, etcd_factory: Callable[[], EtcdServer], database_uri: str, unique_name: str, realm: RealmStandIn
) -> Iterator[Callable[..., PlaneProcess]]:
    """Make control planes that share a private etcd and database; the test starts them, the fixture stops them."""
    made: list[PlaneProcess] = []
    stores: list[EtcdServer] = []

    def make(**more: str) -> PlaneProcess:
        if not stores:
            stores.append(etcd_factory())
        environment = plane_environment(stores[0].endpoint, database_uri, unique_name, realm, **more)
        process = PlaneProcess(tmp_path / f"plane-{len(made)}", environment, realm)
        made.append(process)
        return process

    yield make
    for process in made:
        run_now(lambda process=process: process.stop(3))  # type: ignore[misc]


@pytest.fixture
async def database(database_uri: str, unique_name: str) -> AsyncIterator[Database]:
    """A database of this test alone."""
    client = connect(database_uri)
    yield client[unique_name]
    await client.drop_database(unique_name)
    await client.close()


@pytest.fixture
async def own_etcd(etcd_factory: Callable[[], EtcdServer]) -> AsyncIterator[EtcdClient]:
    """A client of an etcd of this test alone."""
    async with EtcdClient([etcd_factory().endpoint], timeout_seconds=2.0) as client:
        yield client


@pytest.fixture
def stores(
    monkeypatch: pytest.MonkeyPatch, database_uri: str, unique_name: str, plane_etcd: EtcdServer
) -> tuple[Stores, Settings]:
    """The stores of a control plane without its process."""
    monkeypatch.setenv("MONGODB_URI", database_uri)
    monkeypatch.setenv("LCM_DATABASE_NAME", unique_name)
    monkeypatch.setenv("LCM_ETCD_ENDPOINTS", plane_etcd.endpoint)
    settings = Settings()
    return open_stores(settings), settings


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of this test alone."""
    server = RedisServer(tmp_path / "redis")
    if redis_program() is None:
        pytest.skip("redis-server is not on this machine: run `make check-tools`, which says whether it can be had")
    run_now(server.start)
    yield server
    run_now(lambda: server.stop(3))
