"""A worker's life on a real control plane, EC2 world and simulated CML, through the worker controller's process."""

import pytest
from worker_outside_instances import launch_foreign
from worker_world import REGION, WorkerWorld, until

from lcm_core.contracts.workers import ImportWorker, WorkerView
from lcm_core.domain.vocabulary import WorkerPhase

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]
P = WorkerPhase


def condition(view: WorkerView, kind: str) -> str:
    return next((str(each.status) for each in view.status.conditions if each.type == kind), "absent")


async def test_from_wanted_to_serving_and_back(world: WorkerWorld) -> None:
    worker_id = await world.create(team="a")
    view = await world.reach(worker_id, P.RUNNING)
    view = await world.when(worker_id, "is schedulable", lambda seen: seen.status.schedulable)
    assert view.status.license.status == "registered"
    assert view.status.license.node_limit == view.spec.declared_capacity.nodes
    assert view.status.capacity == view.spec.declared_capacity
    assert view.status.cml.version.startswith("2.")
    assert "iosv" in view.status.cml.node_definitions
    assert view.status.endpoint.startswith("https://127.")
    view = await world.when(worker_id, "is idle", lambda seen: seen.status.idle_since is not None)
    assert condition(view, "Idle") == "true"
    [instance] = await world.instances_of(worker_id)
    assert instance["tags"]["team"] == "a"  # type: ignore[index]

    view = await world.when(worker_id, "tells its load", lambda seen: seen.metrics is not None)
    assert view.metrics is not None
    assert view.metrics.memory_percent is not None

    await world.ask(worker_id, "stop")
    await world.reach(worker_id, P.STOPPED)
    await world.ask(worker_id, "start")
    await world.reach(worker_id, P.RUNNING)
    await world.end(worker_id)
    [instance] = await world.instances_of(worker_id)
    assert instance["state"] == "terminated"
    assert instance["instance_id"] not in {each["instance_id"] for each in await world.registrations()}
    assert not await world.tasks(worker_id)


async def test_a_stopped_worker_returns_its_license_before_it_ends(world: WorkerWorld) -> None:
    worker_id = await world.create()
    await world.reach(worker_id, P.RUNNING)
    await world.ask(worker_id, "stop")
    view = await world.reach(worker_id, P.STOPPED)
    held = {each["instance_id"] for each in await world.registrations()}
    assert view.status.instance.instance_id in held, "a stopped machine keeps its license"
    await world.ask(worker_id, "terminate")
    await world.when(worker_id, "runs once more", lambda seen: seen.status.instance.state == "running")
    await world.clear_labs(worker_id)
    await world.reach(worker_id, P.TERMINATED)
    held = {each["instance_id"] for each in await world.registrations()}
    assert view.status.instance.instance_id not in held


async def test_licenses_are_returned_and_registered_on_request(world: WorkerWorld) -> None:
    worker_id = await world.create()
    await world.when(worker_id, "is schedulable", lambda seen: seen.status.schedulable)
    await world.ask(worker_id, "license/deregister")
    view = await world.when(worker_id, "returned", lambda seen: seen.status.license.status == "deregistered")
    await world.when(worker_id, "is not schedulable", lambda seen: not seen.status.schedulable)
    assert view.status.phase is P.RUNNING
    assert not [each for each in await world.registrations() if each["instance_id"] == view.status.instance.instance_id]
    await world.ask(worker_id, "license/register")
    await world.when(worker_id, "is schedulable again", lambda seen: seen.status.schedulable)
    await world.ask(worker_id, "license/renew")
    await world.when(worker_id, "renewed", lambda seen: not seen.spec.license_action)
    await world.end(worker_id)


async def test_tags_follow_the_operator(world: WorkerWorld) -> None:
    worker_id = await world.create(team="a")
    await world.reach(worker_id, P.RUNNING)
    await world.api.call("PUT", f"/api/workers/{worker_id}/tags", body={"tags": {"course": "b"}})

    async def tags() -> dict[str, str]:
        [instance] = await world.instances_of(worker_id)
        return dict(instance["tags"])  # type: ignore[call-overload,no-any-return]

    await world.when(worker_id, "handled", lambda seen: seen.status.observed_generation == seen.generation)
    assert (await tags()).get("course") == "b"
    assert "team" not in await tags()
    await world.end(worker_id)


async def test_detailed_monitoring_is_switched_on_request(world: WorkerWorld) -> None:
    worker_id = await world.create()
    view = await world.reach(worker_id, P.RUNNING)
    assert not view.spec.detailed_monitoring
    for detailed, operation in ((True, "MonitorInstances"), (False, "UnmonitorInstances")):
        await world.api.call("PUT", f"/api/workers/{worker_id}/monitoring", body={"detailed": detailed})
        handled = await world.when(
            worker_id, "handled", lambda seen: seen.status.observed_generation == seen.generation
        )
        assert handled.spec.detailed_monitoring is detailed
        calls = [each for each in await world.calls("ec2", operation) if view.status.instance.instance_id in str(each)]
        assert len(calls) == 1
    await world.end(worker_id)


async def test_load_comes_from_both_sources(world: WorkerWorld) -> None:
    worker_id = await world.create()
    view = await world.when(worker_id, "tells all", _tells_all, within=60)
    assert view.metrics is not None
    assert view.metrics.status_check_failed is False
    await world.end(worker_id)


def _tells_all(view: WorkerView) -> bool:
    """CloudWatch has the status check of a new instance before it has points of its network."""
    metrics = view.metrics
    return metrics is not None and metrics.source == "push+cloudwatch" and metrics.network_in is not None


async def test_an_instance_is_imported_once_and_found_before(world: WorkerWorld) -> None:
    instance_id = await launch_foreign(world)

    async def noticed() -> bool | None:
        return True if await world.tasks(instance_id) else None

    await until("the unknown instance is reported", noticed)
    body = ImportWorker(instance_id=instance_id, region=REGION, template_id=await world.template_id())
    made = await world.api.call("POST", "/api/workers:import", body=body, response=WorkerView)
    again = await world.api.call("POST", "/api/workers:import", body=body, response=WorkerView)
    assert made.id == again.id
    seen = await world.reach(made.id, P.RUNNING)
    assert seen.status.instance.instance_id == instance_id

    async def closed() -> bool | None:
        return None if await world.tasks(instance_id) else True

    await until("the report is closed", closed)
    await world.end(made.id)
