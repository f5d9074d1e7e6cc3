"""Instances carry CML controllers, and all of it survives the death of the process."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from ec2_world import Ec2World, ec2_world, wait_until

from lcm_core.clock import ClockAnchor


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ec2World]:
    """One world for the tests that leave its process alone."""
    with ec2_world(tmp_path_factory.mktemp("ec2")) as running:
        yield running


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Ec2World]:
    """A world that the test may kill."""
    with ec2_world(tmp_path) as running:
        yield running


def test_cml_follows_its_instance_through_its_life(lasting: Ec2World) -> None:
    instance_id = lasting.launch()
    assert lasting.cml.told_about(instance_id) == []
    lasting.reach(instance_id, "running")
    wait_until(lambda: lasting.cml.powered(instance_id), "CML to be on")
    ec2 = lasting.ec2()
    ec2.stop_instances(InstanceIds=[instance_id])
    wait_until(lambda: not lasting.cml.powered(instance_id), "CML to be off")
    lasting.reach(instance_id, "stopped")
    ec2.start_instances(InstanceIds=[instance_id])
    lasting.reach(instance_id, "running")
    wait_until(lambda: lasting.cml.powered(instance_id), "CML to be on again")
    ec2.terminate_instances(InstanceIds=[instance_id])
    wait_until(lambda: instance_id not in lasting.cml.controllers, "CML to be destroyed")
    assert lasting.cml.told_about(instance_id) == ["PUT", "POST off", "PUT", "DELETE"]


def test_the_controller_is_as_big_as_the_machine_and_of_the_version_of_the_image(lasting: Ec2World) -> None:
    devices = [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 512}}]
    image = lasting.image("cml-2.8.1-lablet-4")
    instance_id = lasting.running(InstanceType="m5.metal", ImageId=image, BlockDeviceMappings=devices)
    wait_until(lambda: lasting.cml.powered(instance_id), "CML to be on")
    config = lasting.cml.controllers[instance_id]["config"]
    assert config == {
        "address": lasting.instance(instance_id)["PublicIpAddress"],
        "port": 8443,
        "version": "2.8.1+build.15",
        "cpus": 96,
        "memory_mb": 393216,
        "disk_gb": 512,
        "boot_seconds": 300.0,
        "admin_password": "fleet-secret",
    }


def test_an_image_without_cml_gives_no_controller(lasting: Ec2World) -> None:
    plain = lasting.running(ImageId=lasting.image("debian-12-amd64-20260512"), InstanceType="t3.micro")
    cml = lasting.running()
    wait_until(lambda: lasting.cml.powered(cml), "the other instance's CML to be on")
    assert lasting.cml.told_about(plain) == []


def test_a_reboot_switches_cml_off_and_on_while_the_instance_runs(lasting: Ec2World) -> None:
    instance_id = lasting.running()
    wait_until(lambda: lasting.cml.powered(instance_id), "CML to be on")
    lasting.ec2().reboot_instances(InstanceIds=[instance_id])
    wait_until(lambda: lasting.cml.told_about(instance_id) == ["PUT", "POST off", "PUT"], "the reboot")
    assert lasting.state(instance_id) == "running"


def test_an_instance_that_never_ran_leaves_no_trace_in_cml(lasting: Ec2World) -> None:
    instance_id = lasting.launch()
    lasting.ec2().terminate_instances(InstanceIds=[instance_id])
    lasting.reach(instance_id, "terminated")
    assert lasting.cml.told_about(instance_id) == []


def test_an_absent_cml_simulator_is_told_when_it_is_back(lasting: Ec2World) -> None:
    lasting.cml.failing = True
    instance_id = lasting.running()
    gone = lasting.running()
    lasting.ec2().terminate_instances(InstanceIds=[gone])
    lasting.cml.failing = False
    wait_until(lambda: lasting.cml.powered(instance_id), "CML to be on")
    assert not lasting.cml.powered(gone)


def test_a_killed_world_goes_on_with_every_instance(world: Ec2World) -> None:
    ec2 = world.ec2()
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "lcm:worker-id", "Value": "w1"}]}]
    parameters = world.launch_parameters(TagSpecifications=tags)
    kept = ec2.run_instances(**parameters)["Instances"][0]["InstanceId"]
    world.reach(kept, "running")
    stopping, booting = world.running(), world.launch()
    ec2.stop_instances(InstanceIds=[stopping])
    before = world.instance(kept)
    world.process.kill()
    world.start()
    after = world.instance(kept)
    assert {**after, "Tags": sorted(map(str, after["Tags"]))} == {**before, "Tags": sorted(map(str, before["Tags"]))}
    assert ec2.run_instances(**parameters)["Instances"][0]["InstanceId"] == kept
    assert (world.state(stopping), world.state(booting)) == ("stopping", "pending")
    world.reach(stopping, "stopped")
    world.reach(booting, "running")
    addresses = {world.instance(each)["PrivateIpAddress"] for each in (kept, stopping, booting, world.launch())}
    assert len(addresses) == 4


def test_what_was_not_told_before_the_death_is_told_after_it(world: Ec2World) -> None:
    running, ended = world.running(), world.running()
    wait_until(lambda: world.cml.powered(running) and world.cml.powered(ended), "CML to be on")
    world.cml.failing = True
    world.ec2().terminate_instances(InstanceIds=[ended])
    world.process.kill()
    world.cml.failing = False
    world.start()
    wait_until(lambda: ended not in world.cml.controllers, "CML to be destroyed")
    wait_until(lambda: world.cml.told_about(running) == ["PUT", "PUT"], "the running one to be told again")


def test_simulated_time_never_goes_back_over_a_restart(world: Ec2World) -> None:
    world.pass_time(7200)
    instance_id = world.running()
    before = world.instance(instance_id)["LaunchTime"].timestamp()
    world.process.kill()
    world.start()
    assert world.now() >= before
    assert world.instance(instance_id)["State"]["Name"] == "running"


def test_the_world_starts_at_the_domain_time_of_the_platform(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    ClockAnchor(now, now + timedelta(days=3), 30.0).write(tmp_path / "clock.json")
    with ec2_world(tmp_path, LCM_CLOCK_FILE=str(tmp_path / "clock.json")) as world:
        assert world.now() - datetime.now(UTC).timestamp() > timedelta(days=3).total_seconds()
        assert world.admin("GET", "/clock")["factor"] == 30.0


def test_sigterm_ends_the_world_cleanly_with_calls_to_cml_open(world: Ec2World) -> None:
    world.cml.failing = True
    world.running()
    pid = world.process.pid
    process = psutil.Process(pid)
    process.terminate()
    process.wait(timeout=3)
    # Who started it hears of its end from the launcher, a moment later.
    wait_until(lambda: not world.process.running, "the end to be known")


def test_an_idle_world_uses_next_to_no_processor_time(world: Ec2World) -> None:
    for _ in range(3):
        world.running()
    process = psutil.Process(world.process.pid)
    before, start = process.cpu_times(), time.monotonic()
    wait_until(lambda: time.monotonic() - start >= 1.0, "a second of idling")
    after = process.cpu_times()
    used = after.user + after.system - before.user - before.system
    assert used < 0.05
