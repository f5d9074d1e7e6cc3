"""The EC2 adapter and the shared observer against the EC2 world."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from worker_outside import Simulator

from lcm_core.spi.ec2 import (
    WORKER_TAG,
    CapacityShortage,
    Ec2Refused,
    Ec2Throttled,
    Ec2Unavailable,
    Instance,
    InstanceGone,
    InstanceState,
    LaunchRequest,
    LaunchTokenReused,
)
from worker_controller.adapters.cloudwatch import BotoCloudWatch
from worker_controller.adapters.ec2 import BotoEc2
from worker_controller.launching import Images
from worker_controller.region import RegionObserver

REGION = "us-east-1"
TYPE = "m5zn.metal"


async def request(ec2: BotoEc2, worker_id: str, **changes: str) -> LaunchRequest:
    image = await Images(ec2).newest(REGION, "cml-*")
    return LaunchRequest(
        client_token=changes.get("token", f"lcm-{worker_id}-1"),
        region=changes.get("region", REGION),
        image_id=image.image_id,
        instance_type=changes.get("instance_type", TYPE),
        tags={WORKER_TAG: worker_id, "Name": worker_id},
    )


async def until(what: str, look: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if await look():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"not in time: {what}")


async def in_state(ec2: BotoEc2, instance: Instance, state: InstanceState) -> None:
    async def there() -> bool:
        return (await ec2.describe_one(REGION, instance.instance_id)).state is state

    await until(f"{instance.instance_id} {state}", there)


async def test_the_newest_image_that_can_be_launched_is_chosen(ec2: BotoEc2) -> None:
    newest = await ec2.newest_image(REGION, "cml-2.9.1-*")
    assert newest is not None
    assert newest.name == "cml-2.9.1-lablet-10", "by date, not by name"
    for region in ("us-east-1", "eu-central-1"):
        any_version = await ec2.newest_image(region, "cml-*")
        assert any_version is not None
        assert not any_version.name.startswith("cml-2.10.1"), "an image that is still being made is left out"
    assert await ec2.newest_image(REGION, "nothing-*") is None
    with pytest.raises(Ec2Refused, match="nothing-"):
        await Images(ec2).newest(REGION, "nothing-*")


async def test_a_machine_lives_from_launch_to_termination(ec2: BotoEc2, unique_name: str) -> None:
    launched = await ec2.launch(await request(ec2, unique_name))
    await in_state(ec2, launched, InstanceState.RUNNING)
    seen = await ec2.describe_one(REGION, launched.instance_id)
    assert seen.worker_id == unique_name
    assert seen.endpoint.startswith("https://127.")
    await ec2.stop(REGION, launched.instance_id)
    await in_state(ec2, launched, InstanceState.STOPPED)
    await ec2.start(REGION, launched.instance_id)
    await in_state(ec2, launched, InstanceState.RUNNING)
    await ec2.tag(REGION, launched.instance_id, {"team": "a"})
    await ec2.tag(REGION, launched.instance_id, {}, remove=["team"])
    await ec2.set_detailed_monitoring(REGION, launched.instance_id, True)
    seen = await ec2.describe_one(REGION, launched.instance_id)
    assert seen.detailed_monitoring
    assert "team" not in seen.tags
    await ec2.terminate(REGION, launched.instance_id)
    await in_state(ec2, launched, InstanceState.TERMINATED)
    await ec2.terminate(REGION, launched.instance_id)


async def test_the_same_token_launches_once_also_after_a_lost_answer(
    ec2: BotoEc2, ec2_world: Simulator, unique_name: str
) -> None:
    wanted = await request(ec2, unique_name)
    ec2_world.faults({"match": {"operation": "RunInstances"}, "kind": "drop_after_success", "count": 1})
    with pytest.raises(Ec2Unavailable):
        await ec2.launch(wanted)
    first = await ec2.launch(wanted)
    again = await ec2.launch(wanted)
    assert first.instance_id == again.instance_id
    ours = [each for each in await ec2.describe_ours(REGION) if each.worker_id == unique_name]
    assert [each.instance_id for each in ours] == [first.instance_id]
    with pytest.raises(LaunchTokenReused):
        await ec2.launch(await request(ec2, unique_name, instance_type="c8i.4xlarge"))


async def test_failures_are_told_apart(ec2: BotoEc2, ec2_world: Simulator, unique_name: str) -> None:
    wanted = await request(ec2, unique_name)
    ec2_world.admin("PUT", "world", {"shortages": [{"instance_type": TYPE, "count": 1}]})
    with pytest.raises(CapacityShortage):
        await ec2.launch(wanted)
    ec2_world.faults({"match": {"operation": "RunInstances"}, "kind": "throttle", "count": 1})
    with pytest.raises(Ec2Throttled):
        await ec2.launch(wanted)
    ec2_world.faults({"match": {"operation": "RunInstances"}, "kind": "status", "status": 500, "count": 1})
    with pytest.raises(Ec2Unavailable):
        await ec2.launch(wanted)
    ec2_world.faults()
    with pytest.raises(Ec2Refused):
        await ec2.launch(await request(ec2, unique_name, token=f"{unique_name}x", instance_type="no.such"))
    with pytest.raises(InstanceGone):
        await ec2.describe_one(REGION, "i-00000000000000000")
    assert not [each for each in await ec2.describe_ours(REGION) if each.worker_id == unique_name]


async def test_a_long_answer_is_read_page_by_page(
    ec2: BotoEc2, ec2_world: Simulator, unique_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched = [await ec2.launch(await request(ec2, unique_name, token=f"{unique_name}-{n}")) for n in range(12)]
    monkeypatch.setattr("worker_controller.adapters.ec2.PAGE", 5)
    before = len(ec2_world.calls("DescribeInstances"))
    ours = [each.instance_id for each in await ec2.describe_ours(REGION) if each.worker_id == unique_name]
    assert sorted(ours) == sorted(each.instance_id for each in launched)
    assert len(ec2_world.calls("DescribeInstances")) - before >= 3, "three pages at least"


async def test_a_silent_ec2_is_an_unavailable_one(ec2: BotoEc2, ec2_world: Simulator) -> None:
    ec2_world.faults({"match": {"operation": "DescribeInstances"}, "kind": "hang", "seconds": 5, "count": 1})
    before = len(ec2_world.calls("DescribeInstances"))
    with pytest.raises(Ec2Unavailable):
        await ec2.describe_ours(REGION)
    # EC2 notes the call when it has hung for its time, which must not be while the next test counts.
    async with asyncio.timeout(20):
        while len(ec2_world.calls("DescribeInstances")) == before:
            await asyncio.sleep(0.05)


async def test_a_hundred_looks_cost_one_describe(ec2: BotoEc2, ec2_world: Simulator, unique_name: str) -> None:
    launched = await ec2.launch(await request(ec2, unique_name))
    observer = RegionObserver(ec2)
    before = len(ec2_world.calls("DescribeInstances"))
    looks = [observer.of_worker(REGION, unique_name, "", max_age=5.0) for _ in range(100)]
    found = await asyncio.gather(*looks)
    assert {each[0].instance_id for each in found} == {launched.instance_id}
    assert len(ec2_world.calls("DescribeInstances")) - before == 1


async def test_a_look_that_must_be_fresh_is_not_served_by_an_earlier_one(ec2: BotoEc2, unique_name: str) -> None:
    observer = RegionObserver(ec2)
    assert not await observer.of_worker(REGION, unique_name, "", max_age=60.0)
    await ec2.launch(await request(ec2, unique_name))
    assert not await observer.of_worker(REGION, unique_name, "", max_age=60.0)
    assert await observer.of_worker(REGION, unique_name, "", max_age=0.0)


async def test_a_launch_is_known_before_ec2_shows_it(ec2: BotoEc2, ec2_world: Simulator, unique_name: str) -> None:
    ec2_world.admin("PUT", "world", {"consistency_seconds": 1.0, "throttle": {"enabled": False}})
    observer = RegionObserver(ec2)
    launched = await ec2.launch(await request(ec2, unique_name))
    assert not [each for each in await ec2.describe_ours(REGION) if each.worker_id == unique_name]
    observer.note(launched)
    found = await observer.of_worker(REGION, unique_name, launched.instance_id, max_age=0.0)
    assert [each.instance_id for each in found] == [launched.instance_id]

    async def shown() -> bool:
        seen = await observer.of_worker(REGION, unique_name, launched.instance_id, max_age=0.0)
        return seen[0].state is InstanceState.RUNNING

    await until("EC2 shows the instance itself", shown)


async def test_a_living_instance_goes_before_a_dead_one(ec2: BotoEc2, unique_name: str) -> None:
    dead = await ec2.launch(await request(ec2, unique_name))
    await ec2.terminate(REGION, dead.instance_id)
    await in_state(ec2, dead, InstanceState.TERMINATED)
    alive = await ec2.launch(await request(ec2, unique_name, token=f"lcm-{unique_name}-2"))
    found = await RegionObserver(ec2).of_worker(REGION, unique_name, dead.instance_id, max_age=0.0)
    assert found[0].instance_id == alive.instance_id


async def test_cloudwatch_is_asked_in_batches(
    ec2: BotoEc2, cloudwatch: BotoCloudWatch, ec2_world: Simulator, unique_name: str
) -> None:
    launched = await ec2.launch(await request(ec2, unique_name))
    ids = [launched.instance_id, *(f"i-{number:017x}" for number in range(249))]
    now = datetime.now(UTC)
    before = len(ec2_world.calls("GetMetricData"))
    found = await cloudwatch.latest(
        REGION, ids, until=now + timedelta(minutes=1), window_seconds=1200, period_seconds=300
    )
    assert len(ec2_world.calls("GetMetricData")) - before == 2, "1,000 queries are two calls of 500"
    assert set(found) <= {launched.instance_id}, "an instance without points is left out"
