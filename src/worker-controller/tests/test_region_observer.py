"""Looks at a region that come at every moment of a describe: each gets an answer, and the loop goes on."""

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest

from lcm_core.spi.ec2 import Ec2, Ec2Unavailable, Instance, InstanceState
from worker_controller.region import RegionObserver

REGION = "us-east-1"
pytestmark = pytest.mark.timeout(20)  # what is guarded against is a loop without end


class Gated:
    """EC2 that answers each describe when the test opens the gate."""

    def __init__(self) -> None:
        self.gate = asyncio.get_running_loop().create_future()
        self.describes = 0

    async def describe_ours(self, region: str) -> Sequence[Instance]:
        """See ``Ec2``."""
        self.describes += 1
        if failure := await self.gate:
            raise failure
        return [Instance(f"i-{self.describes}", region, InstanceState.RUNNING)]


async def test_who_looks_in_the_very_turn_in_which_a_describe_ends_gets_the_next_one() -> None:
    ec2 = Gated()
    observer = RegionObserver(cast(Ec2, ec2))
    first = asyncio.create_task(observer.instances(REGION, max_age=60.0))
    await asyncio.sleep(0)  # the first look starts the describe
    await asyncio.sleep(0)  # which comes to the gate

    async def at_the_same_time() -> list[str]:
        await ec2.gate  # waits behind the describe and runs in the same turn of the loop, before its callbacks
        return list(await observer.instances(REGION, max_age=0.0))

    second = asyncio.create_task(at_the_same_time())
    await asyncio.sleep(0)
    ec2.gate.set_result(None)
    assert list(await first) == ["i-1"]
    assert await second == ["i-2"]


async def test_a_describe_that_fails_is_told_to_all_who_wait_and_then_forgotten() -> None:
    ec2 = Gated()
    observer = RegionObserver(cast(Ec2, ec2))
    looks = [asyncio.create_task(observer.instances(REGION, max_age=60.0)) for _ in range(3)]
    await asyncio.sleep(0)
    ec2.gate.set_result(Ec2Unavailable("silent"))
    told = await asyncio.gather(*looks, return_exceptions=True)
    assert [type(each) for each in told] == [Ec2Unavailable] * 3
    ec2.gate = asyncio.get_running_loop().create_future()
    ec2.gate.set_result(None)
    assert list(await observer.instances(REGION, max_age=60.0)) == ["i-2"]


async def test_who_gives_up_does_not_end_the_describe_of_others() -> None:
    ec2 = Gated()
    observer = RegionObserver(cast(Ec2, ec2))
    impatient = asyncio.create_task(observer.instances(REGION, max_age=60.0))
    patient = asyncio.create_task(observer.instances(REGION, max_age=60.0))
    await asyncio.sleep(0)
    impatient.cancel()
    ec2.gate.set_result(None)
    assert list(await patient) == ["i-1"]
    assert ec2.describes == 1
