"""A delivery session that comes to be after it was looked for is looked for again before its session is let go."""

from collections.abc import Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from test_lablet_session_decisions import NOW, session, worker

from lablet_controller.outside import Deps
from lablet_controller.sessions.building import compensate
from lablet_controller.sessions.context import Acting
from lablet_controller.sessions.decide import Observed, decide
from lablet_controller.sessions.decisions import CleanUp, Compensate
from lablet_controller.sessions.unheard import delivery_unsettled
from lcm_core.clock import ManualClock
from lcm_core.contracts.sessions import PipelineState, PipelineStep
from lcm_core.controller import Outcome
from lcm_core.controller.settling import Settling
from lcm_core.domain.vocabulary import CallState, SessionPhase, StepState, WorkerPhase
from lcm_core.spi.lds import LdsSession, LdsState

SETTLING = 30.0  # s
HEARD = {"lds_session_id": "lds-1"}


def build(state: StepState, call: CallState, **outputs: str) -> PipelineState:
    step = PipelineStep(name="delivery", state=state, attempts=1, call=call, outputs=outputs)
    return PipelineState(name="instantiate", steps=[PipelineStep(name="lab", state=StepState.DONE, attempts=1), step])


@pytest.mark.parametrize("state", StepState)
@pytest.mark.parametrize("call", CallState)
def test_only_a_call_without_an_answer_is_waited_for(state: StepState, call: CallState) -> None:
    assert delivery_unsettled(build(state, call)) is (call in (CallState.MADE, CallState.UNHEARD))
    assert not delivery_unsettled(None)


def observed(pipeline: PipelineState, now: datetime, phase: SessionPhase, settles_in: float = 0.0) -> Observed:
    return Observed(session(phase, pipeline=pipeline), worker(WorkerPhase.FAILED), now, settles_in)


def test_a_session_is_not_over_before_its_last_call_has_settled() -> None:
    unheard, phase = build(StepState.RUNNING, CallState.MADE), SessionPhase.ARCHIVED
    assert decide(observed(unheard, NOW, phase, 12.5)) == CleanUp(late=False, settles_in=12.5)
    assert decide(observed(unheard, NOW, phase)) == CleanUp(late=False)


class Delivery:
    """A delivery system with the sessions that are there now."""

    def __init__(self) -> None:
        self.sessions: list[str] = []

    async def find(self, auth_id: str) -> Sequence[LdsSession]:
        return [LdsSession(each, auth_id, LdsState.PENDING, "") for each in self.sessions]

    async def release(self, session_id: str) -> None:
        self.sessions.remove(session_id)


class ControlPlane:
    """Takes down what it is told, and answers as for a session nobody else changes."""

    def __init__(self) -> None:
        self.pipeline: PipelineState | None = None
        self.queued_again = False

    async def report_session(self, session_id: str, body: Any) -> Any:
        self.pipeline = body.pipeline or self.pipeline
        return SimpleNamespace(generation=1, version=1, phase=SessionPhase.INSTANTIATING)

    async def unschedule(self, session_id: str, body: Any) -> None:
        self.queued_again = True


async def test_a_failed_build_queues_again_only_after_its_last_call_has_settled() -> None:
    delivery, plane, clock = Delivery(), ControlPlane(), ManualClock(NOW)

    async def definition(_: str) -> Any:
        return SimpleNamespace(status=SimpleNamespace(content=None))

    deliveries = SimpleNamespace(of=lambda region: delivery, all=(delivery,))
    deps = SimpleNamespace(
        control_plane=plane,
        clock=clock,
        settling=Settling(SETTLING, clock),
        outside=SimpleNamespace(deliveries=deliveries),
        definitions=SimpleNamespace(get=definition),
        settings=SimpleNamespace(
            delivery_required=False,
            step_attempts=1,
            step_pause_seconds=1.0,
            step_longest_pause_seconds=1.0,
        ),
    )

    async def compensated(pipeline: PipelineState) -> Outcome | None:
        seen = observed(pipeline, clock.now(), SessionPhase.INSTANTIATING)
        decision = Compensate("WorkerLost", "The worker is gone.", again=True)
        return await compensate(Acting(cast("Deps", deps), seen), decision)

    # The lab step was never begun, so that only the delivery is undone.
    unheard = PipelineState(name="instantiate", steps=build(StepState.RUNNING, CallState.MADE).steps[1:])
    outcome = await compensated(unheard)
    assert outcome is not None
    assert outcome.after == SETTLING
    assert not plane.queued_again, "the session could end in the queue, and nobody would look again"

    delivery.sessions = ["lds-late"]
    clock.advance(SETTLING)
    assert plane.pipeline is not None
    assert await compensated(plane.pipeline) is None
    assert plane.queued_again
    assert delivery.sessions == []
