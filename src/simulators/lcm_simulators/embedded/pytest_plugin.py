"""Fixtures that give tests real backing servers, and the rule that tests reach nothing outside this machine.

Enabled for the whole repository by the root ``pyproject.toml`` (``-p lcm_simulators.embedded.pytest_plugin``).
Servers are shared by a test session; tests keep apart by ``unique_name`` (database names, key prefixes). Tests that
kill, freeze or wipe a server take their own from a factory, which stops it at the end of the test.
"""

import asyncio
import ipaddress
import os
import sys
import threading
import uuid
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import TypeVar

import hypothesis
import pytest

from lcm_simulators.embedded.database import DatabaseServer
from lcm_simulators.embedded.etcd import EtcdServer
from lcm_simulators.embedded.moto import MotoServer
from lcm_simulators.embedded.process import EmbeddedServer
from lcm_simulators.embedded.resting import SHARED, Order, Resting, wanted
from lcm_simulators.embedded.warm import WarmStarts

ServerT = TypeVar("ServerT", bound=EmbeddedServer)
_GRACE_SECONDS = 3.0


def _run(work: Coroutine[object, object, object]) -> None:
    """Run a coroutine to its end in a thread of its own, whatever event loop the caller is in."""
    failures: list[BaseException] = []

    def target() -> None:
        try:
            asyncio.run(work)
        except BaseException as error:  # handed to the caller's thread below
            failures.append(error)

    thread = threading.Thread(target=target, name="embedded-server")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


def _served(server: ServerT) -> Iterator[ServerT]:
    _run(server.start())
    if server.pid is not None:
        SHARED.add(server.pid)
    yield server
    _run(server.stop(_GRACE_SECONDS))


def _factory(make: Callable[[Path], ServerT], folder: Path) -> Iterator[Callable[[], ServerT]]:
    made: list[ServerT] = []

    def start_one() -> ServerT:
        server = make(folder / f"server-{len(made)}")
        made.append(server)
        _run(server.start())
        return server

    yield start_one
    for server in made:
        _run(server.stop(_GRACE_SECONDS))


@pytest.fixture(scope="session")
def etcd_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdServer]:
    """One etcd without fsync, shared by the session."""
    yield from _served(EtcdServer(tmp_path_factory.mktemp("etcd") / "data", durable=False))


@pytest.fixture(scope="session")
def etcd_endpoint(etcd_server: EtcdServer) -> str:
    """``host:port`` of the shared etcd."""
    return etcd_server.endpoint


@pytest.fixture
def etcd_factory(tmp_path: Path) -> Iterator[Callable[[], EtcdServer]]:
    """Start etcd servers that this test alone may kill, freeze or wipe."""
    yield from _factory(lambda folder: EtcdServer(folder, durable=False), tmp_path)


@pytest.fixture(scope="session")
def database_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseServer]:
    """One database without fsync on commit, shared by the session."""
    yield from _served(DatabaseServer(tmp_path_factory.mktemp("database") / "data", durable=False))


@pytest.fixture(scope="session")
def database_uri(request: pytest.FixtureRequest) -> str:
    """Connection string of the test database: ``LCM_TEST_MONGODB_URI`` (a real MongoDB), else the embedded one."""
    configured = os.environ.get("LCM_TEST_MONGODB_URI", "")
    if configured:
        return configured
    server: DatabaseServer = request.getfixturevalue("database_server")
    return server.uri


@pytest.fixture
def database_factory(tmp_path: Path) -> Iterator[Callable[[], DatabaseServer]]:
    """Start durable databases that this test alone may kill or freeze."""
    yield from _factory(DatabaseServer, tmp_path)


@pytest.fixture(scope="session")
def moto_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MotoServer]:
    """One AWS API, shared by the session."""
    yield from _served(MotoServer(tmp_path_factory.mktemp("moto") / "data"))


@pytest.fixture(scope="session")
def moto_endpoint(moto_server: MotoServer) -> str:
    """Base URL of the shared AWS API."""
    return moto_server.endpoint


@pytest.fixture
def unique_name() -> str:
    """A short name no other test has: for database names, key prefixes and buckets."""
    return f"t{uuid.uuid4().hex[:12]}"


def _refuse_the_outside(event: str, arguments: tuple[object, ...]) -> None:
    """Audit hook: a test that connects to anything but a loopback address fails at that line."""
    if event != "socket.connect":
        return
    address = arguments[1]
    if not isinstance(address, tuple) or not isinstance(address[0], str):
        return
    host = address[0]
    try:
        is_local = ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:
        is_local = host == "localhost"
    if not is_local:
        raise PermissionError(f"a test tried to connect to {host}: tests reach loopback addresses only")


def pytest_configure(config: pytest.Config) -> None:
    """Order the tests, let idle servers rest, and keep tests on loopback unless a real service is configured."""
    config.pluginmanager.register(Order(), "lcm-order")
    # How long an example takes says something about the machine's load, not about the code.
    hypothesis.settings.register_profile("lcm", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
    hypothesis.settings.load_profile("lcm")
    EmbeddedServer.warm_starts = WarmStarts.if_wanted()
    if wanted():
        config.pluginmanager.register(Resting(), "lcm-resting")
    if not os.environ.get("LCM_TEST_MONGODB_URI"):
        sys.addaudithook(_refuse_the_outside)
