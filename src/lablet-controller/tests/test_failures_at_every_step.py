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
WAYS = {"errors-then-lost-answer": (ERROR, LOST_ANSWER), "hang": (HANG,)}
HANGING = frozenset({"import", "reserve", "submit", "delete"})
"""Waiting for a time-out takes real seconds, so only one call of each system hangs."""
CASES = [(call, way) for call in (*BUILDING, *ENDING) for way in WAYS if way != "hang" or call.name in HANGING]


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


@pytest.mark.parametrize(("call", "way"), CASES, ids=[f"{call.name}-{way}" for call, way in CASES])
async def test_the_session_completes_without_doubles_or_leftovers(
    rig: Rig, shared: dict[str, object], call: Call, way: str
) -> None:
    definition, worker = await lab_and_worker(rig, shared)
    if call.name == "content":  # what was read once is kept
        definition = await rig.define(two_routers())
    faults = [{"match": {"method": call.method, "path_regex": call.path}, **fault} for fault in WAYS[way]]
    if call in BUILDING:
        await rig.misbehave(call.simulator, *faults)
    session = await rig.start(definition, worker)
    await rig.reach(session.id, P.READY)
    assert len([title for title in await rig.labs(worker) if session.id in title]) == 1
    assert len(await rig.lds_states(session.id)) == 1
    if call in ENDING:
        await rig.misbehave(call.simulator, *faults)
    learner = await rig.learner(session.id)
    await learner.start()
    await rig.reach(session.id, P.RUNNING)
    await learner.finish()
    ended = await rig.reach(session.id, P.TERMINATED)

    assert await rig.faults_left(call.simulator) == 0, "a fault never struck, so this shows nothing"
    assert ended.status.outcome is SessionOutcome.COMPLETED, ended.status.message
    assert (await rig.score(session.id)).passed
    assert await rig.labs(worker) == []
    assert await rig.lds_states(session.id) == ["ARCHIVED"]
