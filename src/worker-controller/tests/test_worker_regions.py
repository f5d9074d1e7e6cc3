"""Several regions: workers live where their template says, and what nobody accounts for is found in each of them."""

import pytest
from worker_outside_instances import launch_foreign
from worker_world import WorkerWorld, until

from lcm_core.clients.errors import ApiError
from lcm_core.domain.vocabulary import WorkerPhase

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]
P = WorkerPhase
AWAY = "eu-central-1"


async def test_a_worker_lives_in_the_region_it_was_asked_for(world: WorkerWorld) -> None:
    await world.define_template("two-regions", regions=["us-east-1", AWAY])
    worker_id = await world.create("two-regions", region=AWAY)
    view = await world.reach(worker_id, P.RUNNING)
    [instance] = await world.instances_of(worker_id)
    assert (view.spec.region, instance["region"]) == (AWAY, AWAY)
    await world.ask(worker_id, "stop")
    await world.reach(worker_id, P.STOPPED)
    await world.end(worker_id)
    [instance] = await world.instances_of(worker_id)
    assert instance["state"] == "terminated"
    with pytest.raises(ApiError, match="eu-west-9"):
        await world.create("two-regions", region="eu-west-9")


async def test_unknown_instances_are_found_in_every_region_by_tag_and_image(world: WorkerWorld) -> None:
    """The region is searched because a template names it (made by the test above or here)."""
    await world.define_template("far", regions=[AWAY])
    stranger = await launch_foreign(world, "far-stranger", region=AWAY)
    orphan = await launch_foreign(
        world, "far-orphan", region=AWAY, **{"lcm:worker-id": "nobody", "lcm:deployment": "default"}
    )

    async def reported() -> bool | None:
        return True if await world.tasks(stranger) else None

    async def ended() -> bool | None:
        state = (await world.admin("ec2", "GET", f"instances/{orphan}")).json()["state"]
        return True if state == "terminated" else None

    await until("the stranger is reported", reported)
    await until("the orphan is terminated", ended)
    assert (await world.admin("ec2", "GET", f"instances/{stranger}")).json()["state"] == "running"
