"""An EC2 world without machines for the tests of the AWS adapters, and a whole world for those of the process."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import pytest_asyncio
from worker_outside import Simulator
from worker_world import WorkerWorld, worker_world

from lcm_simulators.embedded.reservations import free_network
from worker_controller.adapters.aws import AwsClients
from worker_controller.adapters.cloudwatch import BotoCloudWatch
from worker_controller.adapters.ec2 import BotoEc2


def in_thread(work: object) -> None:
    """Run a coroutine function to its end from a fixture that may be inside a running loop."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(work())).result()  # type: ignore[operator]


@pytest.fixture(scope="session")
def bare_ec2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """EC2 and CloudWatch; nothing runs on the instances."""
    settings = {"LCM_EC2_NETWORK": free_network(), "LCM_EC2_THROTTLE": "false"}
    server = Simulator("ec2", tmp_path_factory.mktemp("ec2"), settings)
    in_thread(server.start)
    yield server
    in_thread(lambda: server.stop(3))


@pytest.fixture
def ec2_world(bare_ec2: Simulator) -> Iterator[Simulator]:
    """The same, well-behaved again after each test."""
    yield bare_ec2
    bare_ec2.faults()
    bare_ec2.admin("PUT", "world", {"throttle": {"enabled": False}})


@pytest.fixture(autouse=True)
def aws_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK refuses to sign without any key."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")


@pytest.fixture
async def aws(ec2_world: Simulator) -> AsyncIterator[AwsClients]:
    """Clients of the world."""
    clients = AwsClients(endpoint=ec2_world.url, threads=8, timeout_seconds=3.0)
    yield clients
    clients.close()


@pytest.fixture
def ec2(aws: AwsClients) -> BotoEc2:
    """The EC2 adapter."""
    return BotoEc2(aws)


@pytest.fixture
def cloudwatch(aws: AwsClients) -> BotoCloudWatch:
    """The CloudWatch adapter."""
    return BotoCloudWatch(aws)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WorkerWorld]:
    """One world for all tests of the process."""
    async with worker_world(tmp_path_factory.mktemp("world")) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def bare_world(platform: WorkerWorld) -> AsyncIterator[WorkerWorld]:
    """The world behaving well, without a worker controller: the test runs its own."""
    await platform.stop_controller()
    yield platform
    await platform.behave()


@pytest_asyncio.fixture(loop_scope="session")
async def world(platform: WorkerWorld) -> AsyncIterator[WorkerWorld]:
    """The world behaving well, with a worker controller that runs."""
    if platform.controller is None or not platform.controller.running:
        await platform.run_controller()
    yield platform
    await platform.behave()
