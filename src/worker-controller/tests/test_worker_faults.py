"""The outside world misbehaves; its own books are the witness that nothing is doubled, leaked or harmed."""

import pytest
from worker_outside_instances import launch_foreign
from worker_world import WorkerWorld, until

from lcm_core.contracts.workers import WorkerView
from lcm_core.domain.vocabulary import WorkerPhase

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]
P = WorkerPhase


def fault(operation: str, kind: str, **more: object) -> dict[str, object]:
    return {"match": {"operation": operation}, "kind": kind, **more}


async def serving(world: WorkerWorld) -> WorkerView:
    worker_id = await world.create()
    return await world.when(worker_id, "is schedulable", lambda seen: seen.status.schedulable)


@pytest.mark.parametrize(
    "misbehavior",
    [
        fault("RunInstances", "throttle", count=2),
        fault("RunInstances", "drop_after_success", count=1),
        fault("RunInstances", "status", status=500, count=1),
        fault("DescribeInstances", "throttle", count=3),
        fault("DescribeInstances", "status", status=503, count=2),
    ],
    ids=lambda each: f"{each['match']['operation']}-{each['kind']}",
)
async def test_ec2_misbehaves_while_a_worker_is_launched(world: WorkerWorld, misbehavior: dict[str, object]) -> None:
    before = await world.struck("ec2")
    await world.admin("ec2", "PUT", "faults", [misbehavior])
    view = await serving(world)
    assert await world.struck("ec2") > before, "the fault was met"
    assert len(await world.instances_of(view.id)) == 1
    await world.end(view.id)


@pytest.mark.parametrize(
    "kind",
    [{"kind": "throttle", "count": 2}, {"kind": "drop_after_success", "count": 1}, {"kind": "status", "status": 500}],
    ids=lambda each: str(each["kind"]),
)
async def test_ec2_misbehaves_while_a_worker_is_stopped_started_and_ended(
    world: WorkerWorld, kind: dict[str, object]
) -> None:
    view = await serving(world)
    before = await world.struck("ec2")
    calls = ("StopInstances", "StartInstances", "TerminateInstances")
    await world.admin("ec2", "PUT", "faults", [{"match": {"operation": each}, "count": 1, **kind} for each in calls])
    await world.ask(view.id, "stop")
    await world.reach(view.id, P.STOPPED)
    await world.ask(view.id, "start")
    await world.when(view.id, "serves again", lambda seen: seen.status.schedulable)
    await world.end(view.id)
    assert await world.struck("ec2") - before >= len(calls), "each fault was met"
    [instance] = await world.instances_of(view.id)
    assert instance["state"] == "terminated"


async def test_cml_misbehaves_while_a_license_is_returned(world: WorkerWorld) -> None:
    view = await serving(world)
    before = await world.struck("cml")
    faults = [fault("deregister", "status", status=500, count=2), fault("deregister", "drop_after_success", count=1)]
    await world.admin("cml", "PUT", "faults", faults)
    await world.end(view.id)
    assert await world.struck("cml") - before >= 2, "the faults were met"
    held = [each for each in await world.registrations() if each["instance_id"] == view.status.instance.instance_id]
    assert not held


async def test_no_capacity_fails_the_worker_and_rests_the_template(world: WorkerWorld) -> None:
    shortage = {"shortages": [{"instance_type": "c8i.4xlarge"}], "throttle": {"enabled": False}}
    await world.admin("ec2", "PUT", "world", shortage)
    for _ in range(3):
        view = await world.reach(await world.create(), P.FAILED)
        assert view.status.reason == "InsufficientCapacity"
        assert not await world.instances_of(view.id)
    resting = await world.reach(await world.create(), P.FAILED)
    assert resting.status.reason == "TemplateResting"
    template = f"{await world.template_id()}.us-east-1"
    await until("a person is asked", lambda: _some_tasks(world, template))
    assert [task.spec.title for task in await world.tasks(template)] == ["EC2 has no capacity for a template"]
    await world.behave()

    async def launches_again() -> WorkerView | None:
        view = await world.reach(await world.create(), P.FAILED, P.RUNNING)
        return view if view.status.phase is P.RUNNING else None

    view = await until("the template is tried again", launches_again)
    assert not await world.tasks(template), "the task is closed by the first success"
    await world.end(view.id)
    # A person asks for a failed launch to be tried again.
    await world.ask(resting.id, "refresh")
    await world.reach(resting.id, P.RUNNING)
    await world.end(resting.id)


async def test_a_launch_that_ec2_ends_at_once_names_the_reason(world: WorkerWorld) -> None:
    failing = {"launch_failures": [{"count": 1}], "throttle": {"enabled": False}}
    await world.admin("ec2", "PUT", "world", failing)
    view = await world.reach(await world.create(), P.FAILED)
    assert view.status.reason == "LaunchFailed"
    assert "Internal error on launch" in view.status.message
    await until("a person is asked", lambda: _some_tasks(world, view.id))
    await world.ask(view.id, "terminate")
    await world.reach(view.id, P.TERMINATED)
    await until("its task is closed", lambda: _no_tasks(world, view.id))


async def _no_tasks(world: WorkerWorld, subject: str) -> bool | None:
    return None if await world.tasks(subject) else True


async def test_an_instance_that_dies_fails_its_worker(world: WorkerWorld) -> None:
    view = await serving(world)
    await world.admin("ec2", "POST", f"instances/{view.status.instance.instance_id}/fail", {})
    lost = await world.reach(view.id, P.FAILED)
    assert lost.status.reason == "InstanceLost"
    assert not lost.status.schedulable
    await world.ask(view.id, "terminate")
    await world.reach(view.id, P.TERMINATED)
    tasks = await world.tasks(view.id)
    assert [task.spec.title for task in tasks] == ["A license was left registered"]


async def test_a_cml_that_restarts_is_not_schedulable_meanwhile(world: WorkerWorld) -> None:
    view = await serving(world)
    await world.admin("cml", "POST", f"controllers/{view.status.instance.instance_id}/restart", {"seconds": 60})
    away = await world.when(view.id, "is away", lambda seen: not seen.status.schedulable)
    reachable = {each.type: each for each in away.status.conditions}
    assert reachable["CmlReady"].status == "false"
    await world.when(view.id, "is back", lambda seen: seen.status.schedulable)
    assert len(await world.instances_of(view.id)) == 1
    await world.end(view.id)


async def test_a_cml_that_hangs_or_fails_while_it_starts_delays_only(world: WorkerWorld) -> None:
    before = await world.struck("cml")
    await world.admin(
        "cml",
        "PUT",
        "faults",
        [
            fault("system_information", "status", status=502, count=3),
            fault("system_stats", "status", status=500, count=2),
            fault("licensing", "drop_after_success", count=1),
            fault("register", "drop_after_success", count=1),
        ],
    )
    view = await serving(world)
    assert await world.struck("cml") - before == 7, "each fault was met"
    held = [each for each in await world.registrations() if each["instance_id"] == view.status.instance.instance_id]
    assert len(held) == 1
    await world.end(view.id)


async def test_a_worthless_token_never_serves_and_is_never_told(world: WorkerWorld) -> None:
    await world.admin("cml", "PUT", "licenses/settings", {"valid_tokens": ["another"]})
    worker_id = await world.create()
    view = await world.when(worker_id, "is refused", lambda seen: seen.status.license.status == "failed")
    assert view.status.phase is P.STARTING
    await until("a person is asked", lambda: _some_tasks(world, worker_id))
    token = world.world.settings.secrets["LCM_CML_LICENSE_TOKEN"]
    assert world.controller is not None
    told = (await world.worker(worker_id)).model_dump_json() + world.controller.log_file.read_text()
    assert token not in told
    await world.admin("cml", "PUT", "licenses/settings", {})
    await world.reach(worker_id, P.RUNNING)
    await until("the task is closed", lambda: _no_tasks(world, worker_id))
    await world.end(worker_id)


async def _some_tasks(world: WorkerWorld, subject: str) -> bool | None:
    return True if await world.tasks(subject) else None


async def test_a_license_that_ends_soon_opens_a_task(world: WorkerWorld) -> None:
    await world.admin("cml", "PUT", "licenses/settings", {"validity_days": 3})
    view = await serving(world)
    await until("a person is asked", lambda: _some_tasks(world, view.id))
    assert [task.spec.title for task in await world.tasks(view.id)] == ["A license expires soon"]
    await world.end(view.id)


async def test_a_license_server_out_of_reach_leaves_a_task(world: WorkerWorld) -> None:
    view = await serving(world)
    await world.admin("cml", "PUT", "licenses/settings", {"available": False})
    await world.end(view.id)
    titles = [task.spec.title for task in await world.tasks(view.id)]
    assert titles == ["A license may be left registered"]


async def test_orphans_end_after_the_grace_and_strangers_stay(world: WorkerWorld) -> None:
    orphan = await launch_foreign(world, "orphan", **{"lcm:worker-id": "nobody", "lcm:deployment": "default"})
    foreign = await launch_foreign(world, "foreign", **{"lcm:worker-id": "nobody", "lcm:deployment": "other"})

    async def ended() -> bool | None:
        state = (await world.admin("ec2", "GET", f"instances/{orphan}")).json()["state"]
        return True if state == "terminated" else None

    await until("the orphan is terminated", ended)
    assert (await world.admin("ec2", "GET", f"instances/{foreign}")).json()["state"] == "running"
    await until("a person learns of the foreign one", lambda: _some_tasks(world, foreign))


async def test_two_controllers_never_launch_twice(world: WorkerWorld) -> None:
    """The leader is frozen in the middle; the next one does the work; the first wakes up and harms nothing."""
    assert world.controller is not None
    frozen = world.controller
    ids = [await world.create() for _ in range(3)]
    frozen.pause()
    world.controller = None
    await world.run_controller()
    try:
        for worker_id in ids:
            await world.reach(worker_id, P.RUNNING)
    except BaseException:
        # No second controller may take the work from those of the tests that follow.
        frozen.kill()
        raise
    frozen.resume()
    for worker_id in ids:
        assert len(await world.instances_of(worker_id)) == 1
        await world.end(worker_id)
    await frozen.stop(5)
