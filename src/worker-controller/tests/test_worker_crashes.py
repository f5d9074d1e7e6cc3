"""Killed at any failpoint, the worker controller resumes and nothing is doubled or left behind."""

import pytest
from worker_world import WorkerWorld

from lcm_core.domain.vocabulary import WorkerPhase

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]
P = WorkerPhase


async def nothing_is_left(world: WorkerWorld, worker_id: str) -> None:
    [instance] = await world.instances_of(worker_id)
    assert instance["state"] == "terminated"
    held = [each for each in await world.registrations() if each["instance_id"] == instance["instance_id"]]
    assert not held, "the license is free again"


async def test_one_worker_survives_a_death_at_every_step(bare_world: WorkerWorld) -> None:
    world = bare_world
    worker_id = await world.create()
    for failpoint in ("launch.before-intent", "launch.intended", "launch.reported"):
        await world.dies_at(failpoint)
    for failpoint in ("license.before-call", "license.called"):
        await world.dies_at(failpoint)
    await world.run_controller()
    view = await world.reach(worker_id, P.RUNNING)
    # Only now: a worker that another test left may have been the one at whose launch the controller died.
    assert len(await world.instances_of(worker_id)) == 1, "launched once"
    held = [each for each in await world.registrations() if each["instance_id"] == view.status.instance.instance_id]
    assert len(held) == 1, "registered once"
    await world.stop_controller()

    async def terminate() -> None:
        await world.ask(worker_id, "terminate")
        await world.reach(worker_id, P.TERMINATING)
        await world.clear_labs(worker_id)

    await world.dies_at("license.before-return", terminate)
    for failpoint in ("license.returned", "terminate.before-call", "terminate.called"):
        await world.dies_at(failpoint)
    await world.run_controller()
    await world.reach(worker_id, P.TERMINATED)
    await nothing_is_left(world, worker_id)


async def test_a_registration_that_nobody_saw_is_returned(bare_world: WorkerWorld) -> None:
    world = bare_world
    worker_id = await world.create()
    await world.dies_at("license.called")
    view = await world.worker(worker_id)
    assert view.status.license.status == "registering", "on record before the call"
    [instance] = await world.instances_of(worker_id)
    # It stops before CML could tell anybody that it holds a license.
    await world.admin("ec2", "POST", f"instances/{instance['instance_id']}/fail", {"stops": True})
    await world.ask(worker_id, "terminate")
    await world.run_controller()
    await world.reach(worker_id, P.TERMINATING)
    await world.clear_labs(worker_id)
    await world.reach(worker_id, P.TERMINATED)
    await nothing_is_left(world, worker_id)


async def test_a_launch_that_nobody_could_report_is_adopted(bare_world: WorkerWorld) -> None:
    world = bare_world
    worker_id = await world.create()
    await world.dies_at("launch.called")
    view = await world.worker(worker_id)
    assert view.status.attempt is not None
    assert not view.status.instance.instance_id, "the control plane does not know the instance"
    await world.run_controller()
    view = await world.reach(worker_id, P.RUNNING)
    [instance] = await world.instances_of(worker_id)
    assert view.status.instance.instance_id == instance["instance_id"]
    await world.end(worker_id)
    await nothing_is_left(world, worker_id)


async def test_an_unseen_launch_is_repeated_with_its_token(bare_world: WorkerWorld) -> None:
    """EC2 does not show the instance yet when the next controller looks: the same token finds it."""
    world = bare_world
    await world.admin("ec2", "PUT", "world", {"consistency_seconds": 8.0, "throttle": {"enabled": False}})
    worker_id = await world.create()
    await world.dies_at("launch.called")
    await world.run_controller()
    await world.reach(worker_id, P.PROVISIONING, P.STARTING, P.RUNNING)
    assert len(await world.instances_of(worker_id)) == 1
    await world.behave()
    await world.reach(worker_id, P.RUNNING)
    await world.end(worker_id)
    await nothing_is_left(world, worker_id)


async def test_a_license_that_was_lost_is_named_though_the_controller_dies_at_its_workers_end(
    bare_world: WorkerWorld,
) -> None:
    world = bare_world
    worker_id = await world.create()

    async def lose_the_instance() -> None:
        await world.reach(worker_id, P.RUNNING)
        [instance] = await world.instances_of(worker_id)
        await world.admin("ec2", "POST", f"instances/{instance['instance_id']}/fail", {})
        await world.reach(worker_id, P.FAILED)
        await world.ask(worker_id, "terminate")

    await world.dies_at("worker.ended", lose_the_instance)
    assert (await world.worker(worker_id)).status.phase is P.TERMINATED
    titles = [task.spec.title for task in await world.tasks(worker_id)]
    assert "A license was left registered" in titles, "nobody looks at a worker again that is gone"
