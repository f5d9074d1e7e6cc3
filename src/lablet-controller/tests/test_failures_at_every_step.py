"""Each call to the outside world fails in each way; the session completes, and nothing is doubled or left.

What happens when the controller itself dies after a call had its effect is shown in ``test_controller_dies``.
"""

from dataclasses import dataclass

import pytest
from lablet_rig import Rig
from lablet_samples import two_routers

from lcm_core.contracts.definitions import DefinitionView
from lcm_core.contracts.workers import WorkerView
from lcm_core.domain.vocabulary import SessionOutcome, SessionPhase

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]
P = SessionPhase


@dataclass(frozen=True)
class Call:
    """A call of the controller, as its simulator sees it."""

    name: str
    simulator: str
    method: str
    path: str


BUILDING = [
    Call("content", "ec2", "GET", r"/packages/[0-9a-f]{64}\.zip$"),
    Call("import", "cml", "POST", "/import$"),
    Call("start", "cml", "PUT", "/labs/[^/]+/start$"),
    Call("converged", "cml", "GET", "/check_if_converged$"),
    Call("nodes", "cml", "GET", "/labs/[^/]+/nodes$"),
    Call("reserve", "lds", "POST", "/lab_session$"),
    Call("look-up", "lds", "GET", "/lab_session$"),
    Call("devices", "lds", "PUT", "/devices$"),
    Call("launch", "lds", "GET", "/lablet_launch_url$"),
]
ENDING = [
    Call("extract", "cml", "PUT", "/extract_configuration$"),
    Call("console", "cml", "GET", "/consoles/"),
    Call("evidence", "ec2", "PUT", "/evidence/"),
    Call("submit", "grading", "POST", "/grading-sessions$"),
    Call("verdict", "grading", "GET", "/grading-sessions/"),
    Call("stop", "cml", "PUT", "/labs/[^/]+/stop$"),
    Call("wipe", "cml", "PUT", "/labs/[^/]+/wipe$"),
    Call("delete", "cml", "DELETE", "/labs/[^/]+$"),
    Call("release", "lds", "POST", "/release$"),
]
ERROR = {"kind": "status", "status": 500, "count": 2}
LOST_ANSWER = {"kind": "drop_after_success", "count": 1}
HANG = {"kind": "hang", "seconds": 2.0, "count": 1}
FAULTS = (ERROR, LOST_ANSWER)


@pytest.fixture(scope="module")
def shared() -> dict[str, object]:
    """The definition and worker of all cases."""
    return {}


async def lab_and_worker(rig: Rig, shared: dict[str, object]) -> tuple[DefinitionView, WorkerView]:
    if not shared:
        shared["definition"], shared["worker"] = await rig.define(two_routers()), await rig.worker()
    definition, worker = shared["definition"], shared["worker"]
    assert isinstance(definition, DefinitionView)
    assert isinstance(worker, WorkerView)
    return definition, worker


def faults_of(call: Call, *kinds: dict[str, object]) -> list[dict[str, object]]:
    """Faults for one call, one after the other."""
    return [{"match": {"method": call.method, "path_regex": call.path}, **kind} for kind in kinds]


@pytest.mark.parametrize("call", [*BUILDING, *ENDING], ids=lambda call: call.name)
async def test_errors_and_a_lost_answer_leave_no_doubles_and_no_leftovers(
    rig: Rig, shared: dict[str, object], call: Call
) -> None:
    building, ending = (faults_of(call, *FAULTS) if call in part else [] for part in (BUILDING, ENDING))
    await completes(rig, shared, {call.simulator: building}, {call.simulator: ending})


async def test_every_call_that_hangs_once_leaves_no_doubles_and_no_leftovers(
    rig: Rig, shared: dict[str, object]
) -> None:
    """All in one session: waiting for a time-out takes real seconds."""
    building, ending = ({call.simulator: [] for call in part} for part in (BUILDING, ENDING))
    for faults, part in ((building, BUILDING), (ending, ENDING)):
        for call in part:
            faults[call.simulator] += faults_of(call, HANG)
    await completes(rig, shared, building, ending)


async def completes(
    rig: Rig,
    shared: dict[str, object],
    building: dict[str, list[dict[str, object]]],
    ending: dict[str, list[dict[str, object]]],
) -> None:
    """Run a session with faults by simulator, and look for what should not be there."""
    definition, worker = await lab_and_worker(rig, shared)
    if building.get("ec2"):  # what was read once is kept
        definition = await rig.define(two_routers())
    for simulator, faults in building.items():
        await rig.misbehave(simulator, *faults)
    session = await rig.start(definition, worker)
    await rig.reach(session.id, P.READY)
    assert len([title for title in await rig.labs(worker) if session.id in title]) == 1
    assert len(await rig.lds_states(session.id)) == 1
    for simulator in building:
        assert await rig.faults_left(simulator) == 0, "a fault never struck, so this shows nothing"
    for simulator, faults in ending.items():
        await rig.misbehave(simulator, *faults)
    learner = await rig.learner(session.id)
    await learner.start()
    await rig.reach(session.id, P.RUNNING)
    await learner.finish()
    ended = await rig.reach(session.id, P.TERMINATED)

    for simulator in ending:
        assert await rig.faults_left(simulator) == 0, "a fault never struck, so this shows nothing"
    assert ended.status.outcome is SessionOutcome.COMPLETED, ended.status.message
    assert (await rig.score(session.id)).passed
    assert await rig.labs(worker) == []
    assert await rig.lds_states(session.id) == ["ARCHIVED"]
