"""The controller is killed in the middle of a session; its successor goes on, and nothing is doubled."""

import pytest
from lablet_rig import Rig, until
from lablet_samples import two_routers

from lcm_core.domain.vocabulary import SessionOutcome, SessionPhase

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]
P = SessionPhase
SLOW = {
    "import": ("cml", "POST", "/import$"),
    "devices": ("lds", "PUT", "/devices$"),
    "submit": ("grading", "POST", "/grading-sessions$"),
}
"""Calls whose effect happens while the controller never sees the answer; the kill follows at once."""


@pytest.mark.parametrize("call", sorted(SLOW))
async def test_a_kill_during_a_call_loses_and_doubles_nothing(rig: Rig, call: str) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    simulator, method, path = SLOW[call]
    lost = {"match": {"method": method, "path_regex": path}, "kind": "drop_after_success", "count": 1}
    building = call in ("import", "devices")
    if building:
        await rig.misbehave(simulator, lost)
    session = await rig.start(definition, worker)
    if building:
        await _kill_once_struck(rig, simulator)
    await rig.reach(session.id, P.READY)
    if not building:
        await rig.misbehave(simulator, lost)
    learner = await rig.learner(session.id)
    await learner.start()
    await rig.reach(session.id, P.RUNNING)
    await learner.finish()
    if not building:
        await _kill_once_struck(rig, simulator)
    ended = await rig.reach(session.id, P.TERMINATED)

    assert ended.status.outcome is SessionOutcome.COMPLETED
    assert (await rig.score(session.id)).passed
    assert await rig.labs(worker) == []
    assert await rig.lds_states(session.id) == ["ARCHIVED"]


async def _kill_once_struck(rig: Rig, simulator: str) -> None:
    """SIGKILL the controller right after the fault struck, and wait until the supervisor has it back."""

    async def struck() -> bool | None:
        return True if await rig.faults_left(simulator) == 0 else None

    await until("the call was made", struck)
    rig.world.kill("lablet-controller")
    assert await rig.world.healthy("lablet-controller", within_seconds=30)
