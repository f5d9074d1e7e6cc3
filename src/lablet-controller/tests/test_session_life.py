"""The life of a session against real simulators, from the place to the last trace."""

import pytest
from lablet_rig import Rig
from lablet_samples import two_routers

from lcm_core.domain.vocabulary import SessionOutcome, SessionPhase, StepState

pytestmark = pytest.mark.asyncio(loop_scope="session")
P = SessionPhase


async def test_a_lab_is_built_learned_graded_and_removed(rig: Rig) -> None:
    definition = await rig.define(two_routers())
    assert definition.status.content is not None, definition.status.sync.errors
    worker = await rig.worker()
    session = await rig.start(definition, worker)

    ready = await rig.reach(session.id, P.READY)
    assert ready.status.pipeline is not None
    assert {step.state for step in ready.status.pipeline.steps} == {StepState.DONE}
    assert ready.status.lab is not None
    assert ready.status.lab.lab_record_id
    assert [title for title in await rig.labs(worker) if session.id in title]

    learner = await rig.learner(session.id)
    await learner.start()
    await rig.reach(session.id, P.RUNNING)
    await learner.finish()
    ended = await rig.reach(session.id, P.TERMINATED)

    assert ended.status.outcome is SessionOutcome.COMPLETED
    report = await rig.score(session.id)
    assert (report.score, report.passed) == (report.max_score, True)
    assert await rig.labs(worker) == []
    assert await rig.lds_states(session.id) == ["ARCHIVED"]
