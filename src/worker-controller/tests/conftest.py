"""The EC2 world without machines behind it, for the tests of the AWS adapters."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from outside import Simulator, loopback_network

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
    settings = {"LCM_EC2_NETWORK": loopback_network(), "LCM_EC2_THROTTLE": "false"}
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
