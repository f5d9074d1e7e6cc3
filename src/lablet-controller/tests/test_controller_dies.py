"""The controller dies between an effect outside and its next write; its successor goes on, nothing is doubled."""

import dataclasses

import pytest
from lablet_rig import Rig, until
from lablet_samples import two_routers

from lablet_controller.failpoints import FAILPOINTS
from lcm_core.domain.vocabulary import SessionOutcome, SessionPhase
from lcm_core.failpoints import VARIABLE
from lcm_simulators.supervisor.plan import platform_plan

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]
P = SessionPhase
NAME = "lablet-controller"
ELSEWHERE = {"pool.prepared", "clone.imported", "retry.undone", "lab.given"}
"""Points that are not on the way of an ordinary session."""
BUILDING = [point for point in FAILPOINTS[: FAILPOINTS.index("evidence.stored")] if point not in ELSEWHERE]
ENDING = [point for point in FAILPOINTS[FAILPOINTS.index("evidence.stored") :] if point not in ELSEWHERE]


async def dies_at(rig: Rig, point: str) -> None:
    """Run a controller that ends itself at the point, and wait until it has."""
    settings = rig.world.settings
    doomed = dataclasses.replace(settings, environment={**settings.environment, VARIABLE: point})
    server = next(spec for spec in platform_plan(doomed) if spec.name == NAME).make()
    await server.start()

    async def dead() -> bool | None:
        return None if server.running else True

    await until(f"the controller dies at {point}", dead)
    await server.stop(1.0)


async def test_a_session_survives_a_death_at_every_point(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    await rig.world.stop_process(NAME)
    try:
        session = await rig.start(definition, worker)
        for point in BUILDING:
            await dies_at(rig, point)
    finally:
        await rig.world.start_process(NAME)
    await rig.reach(session.id, P.READY)
    assert len(await rig.labs(worker)) == 1
    assert len(await rig.lds_states(session.id)) == 1
    learner = await rig.learner(session.id)
    await learner.start()
    await rig.reach(session.id, P.RUNNING)

    await rig.world.stop_process(NAME)
    try:
        await rig.ask(session.id, "collect-and-grade")
        for point in ENDING:
            await dies_at(rig, point)
    finally:
        await rig.world.start_process(NAME)
    ended = await rig.reach(session.id, P.TERMINATED)

    assert ended.status.outcome is SessionOutcome.COMPLETED
    assert (await rig.score(session.id)).passed
    assert await rig.labs(worker) == []
    assert await rig.lds_states(session.id) == ["ARCHIVED"]
