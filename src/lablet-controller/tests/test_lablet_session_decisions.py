"""What a session needs next is a pure function of what was observed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lablet_controller.pipeline.runner import ELSEWHERE, REASON
from lablet_controller.sessions.decide import LAB_STOPPED, Observed, decide
from lablet_controller.sessions.decisions import (
    Build,
    CleanUp,
    Compensate,
    Consume,
    Decision,
    Grade,
    Hold,
    Move,
    Pause,
    Rest,
    Restart,
    Resume,
    Retry,
    StopLab,
    Watch,
)
from lcm_core.contracts.common import Condition, Resources, Slot
from lcm_core.contracts.sessions import (
    LabRef,
    PipelineState,
    PipelineStep,
    Placement,
    SessionSpec,
    SessionStatus,
    SessionView,
    Signal,
)
from lcm_core.contracts.workers import WorkerSpec, WorkerStatus, WorkerView
from lcm_core.domain import SESSION_STATES
from lcm_core.domain.vocabulary import (
    ConditionStatus,
    SessionCondition,
    SessionDesired,
    SessionOutcome,
    SignalType,
    StepState,
    WorkerPhase,
)
from lcm_core.domain.vocabulary import SessionPhase as P

NOW = datetime(2031, 5, 6, 9, 0, tzinfo=UTC)


def worker(phase: WorkerPhase = WorkerPhase.RUNNING) -> WorkerView:
    return WorkerView(
        id="w1", version=1, generation=1, created_at=NOW, updated_at=NOW,
        spec=WorkerSpec(name="w1", region="us-east-1"), status=WorkerStatus(phase=phase, phase_since=NOW),
    )  # fmt: skip


def session(
    phase: P,
    *signals: SignalType,
    starts: float = -10,
    ends: float = 50,
    desired: SessionDesired = SessionDesired.RUNNING,
    graded: bool = True,
    tried: int = 1,
    deadline: float | None = None,
    outcome: SessionOutcome | None = None,
    pipeline: PipelineState | None = None,
    lab: bool = False,
    restart: datetime | None = None,
    retry: datetime | None = None,
    hold: int = 0,
) -> SessionView:
    slot = Slot(start=NOW + timedelta(minutes=starts), end=NOW + timedelta(minutes=ends))
    spec = SessionSpec(
        definition_id="d", definition_name="d", definition_version="1.0.0", graded=graded, owner="user", slot=slot,
        duration_minutes=60, boot_lead_minutes=15, desired=desired, restart_requested_at=restart,
        retry_requested_at=retry, retry_from="boot" if retry else "", hold_failed_minutes=hold,
    )  # fmt: skip
    placement = Placement(worker_id="w1", claim_id="c", booked=slot, resources=Resources(), placed_at=NOW)
    status = SessionStatus(
        phase=phase,
        phase_since=NOW,
        deadline=NOW + timedelta(minutes=ends if deadline is None else deadline),
        placement=None if phase is P.PENDING else placement,
        placements_tried=tried,
        outcome=outcome,
        pipeline=pipeline,
        lab=LabRef(cml_lab_id="lab") if lab else None,
        signals=[Signal(event_id=f"e{number}", type=kind, received_at=NOW) for number, kind in enumerate(signals)],
    )
    return SessionView(
        id="s1", version=1, generation=1, created_at=NOW, updated_at=NOW, spec=spec, status=status
    )  # fmt: skip


def decided(view: SessionView, phase: WorkerPhase | None = WorkerPhase.RUNNING) -> Decision:
    return decide(Observed(view, worker(phase) if phase else None, NOW))


def moves_to(decision: Decision) -> tuple[P, SessionOutcome | None]:
    assert isinstance(decision, Move), decision
    return decision.to, decision.outcome


def failed(*, elsewhere: bool) -> PipelineState:
    outputs = {REASON: "StartRefused", ELSEWHERE: "true" if elsewhere else ""}
    step = PipelineStep(name="boot", state=StepState.FAILED, ended_at=NOW - timedelta(minutes=3), outputs=outputs)
    return PipelineState(name="instantiate", steps=[step])


def test_a_placed_session_waits_for_its_boot_lead_then_for_its_worker_then_builds() -> None:
    early = decided(session(P.SCHEDULED, starts=60, ends=120))
    assert isinstance(early, Rest)
    assert early.until == NOW + timedelta(minutes=45)
    waiting = decided(session(P.SCHEDULED, starts=10), WorkerPhase.STARTING)
    assert isinstance(waiting, Rest)
    assert waiting.reason == "WaitsForWorker"
    assert moves_to(decided(session(P.SCHEDULED, starts=10))) == (P.INSTANTIATING, None)


def test_a_worker_that_never_came_lets_the_session_expire() -> None:
    late = session(P.SCHEDULED, starts=-60, ends=-1)
    assert moves_to(decided(late, WorkerPhase.STARTING)) == (P.TERMINATED, SessionOutcome.EXPIRED)
    assert moves_to(decided(session(P.SCHEDULED, starts=-60, ends=-1, lab=True))) == (
        P.STOPPING,
        SessionOutcome.EXPIRED,
    )


def test_a_failed_step_is_compensated_and_placed_again_once_where_that_may_help() -> None:
    first = decided(session(P.INSTANTIATING, pipeline=failed(elsewhere=True)))
    assert isinstance(first, Compensate)
    assert (first.again, first.reason) == (True, "StartRefused")
    second = decided(session(P.INSTANTIATING, pipeline=failed(elsewhere=True), tried=2))
    assert isinstance(second, Compensate)
    assert not second.again
    hopeless = decided(session(P.INSTANTIATING, pipeline=failed(elsewhere=False)))
    assert isinstance(hopeless, Compensate)
    assert not hopeless.again


def test_a_build_that_failed_for_good_is_kept_for_a_person_as_long_as_its_definition_says() -> None:
    held = decided(session(P.INSTANTIATING, pipeline=failed(elsewhere=False), hold=10))
    assert isinstance(held, Hold)
    assert held.until == NOW + timedelta(minutes=7)
    over = decided(session(P.INSTANTIATING, pipeline=failed(elsewhere=False), hold=2))
    assert isinstance(over, Compensate)
    ends_first = decided(session(P.INSTANTIATING, pipeline=failed(elsewhere=False), hold=60, ends=1))
    assert isinstance(ends_first, Hold)
    assert ends_first.until == NOW + timedelta(minutes=1)
    elsewhere = decided(session(P.INSTANTIATING, pipeline=failed(elsewhere=True), hold=10))
    assert isinstance(elsewhere, Compensate), "another worker is tried first"
    lost = decided(session(P.INSTANTIATING, pipeline=failed(elsewhere=False), hold=10), WorkerPhase.FAILED)
    assert isinstance(lost, Compensate)
    cancelled = session(P.INSTANTIATING, pipeline=failed(elsewhere=False), hold=10, desired=SessionDesired.ENDED)
    assert moves_to(decided(cancelled)) == (P.STOPPING, SessionOutcome.CANCELLED)


def test_a_retry_is_carried_out_once_per_request_and_never_against_a_cancellation() -> None:
    asked = NOW - timedelta(minutes=1)
    for phase in (P.INSTANTIATING, P.READY):
        assert decided(session(phase, pipeline=failed(elsewhere=True), retry=asked)) == Retry("boot", asked)
        ended = session(phase, pipeline=failed(elsewhere=True), retry=asked, desired=SessionDesired.ENDED)
        assert moves_to(decided(ended)) == (P.STOPPING, SessionOutcome.CANCELLED)
    answered = PipelineState(name="instantiate", retry_of=asked, steps=[PipelineStep(name="boot")])
    assert isinstance(decided(session(P.READY, pipeline=answered, retry=asked)), Build)
    assert isinstance(decided(session(P.READY, SignalType.LDS_STARTED, pipeline=answered, retry=asked)), Build)
    done = PipelineState(name="instantiate", retry_of=asked, steps=[PipelineStep(name="boot", state=StepState.DONE)])
    assert isinstance(decided(session(P.READY, pipeline=done, retry=asked)), Watch)
    again = failed(elsewhere=True).model_copy(update={"retry_of": asked})
    assert isinstance(decided(session(P.READY, pipeline=again, retry=asked)), Hold), "a ready lab is not torn down"


@pytest.mark.parametrize("phase", [WorkerPhase.FAILED, WorkerPhase.TERMINATED, WorkerPhase.STOPPED, None])
def test_a_lost_worker_counts_as_lab_wiped(phase: WorkerPhase | None) -> None:
    assert isinstance(decided(session(P.INSTANTIATING), phase), Compensate)
    assert moves_to(decided(session(P.READY), phase)) == (P.STOPPING, SessionOutcome.FAILED)
    assert moves_to(decided(session(P.STOPPING, outcome=SessionOutcome.FAILED), phase))[0] is P.STOPPED
    assert moves_to(decided(session(P.STOPPED), phase)) == (P.ARCHIVED, SessionOutcome.FAILED)


def test_events_that_come_early_wait_for_their_phase() -> None:
    early = (SignalType.LDS_STARTED, SignalType.LDS_ENDED)
    assert isinstance(decided(session(P.INSTANTIATING, *early)), Build)
    ready = decided(session(P.READY, *early))
    assert moves_to(ready)[0] is P.RUNNING
    assert isinstance(ready, Move)
    assert ready.consume == ("e0",)
    assert moves_to(decided(session(P.RUNNING, SignalType.LDS_ENDED)))[0] is P.COLLECTING


def test_an_end_without_a_start_counts_as_both() -> None:
    assert moves_to(decided(session(P.READY, SignalType.LDS_ENDED)))[0] is P.RUNNING


def test_the_end_of_the_slot_collects_a_graded_lab_and_stops_another() -> None:
    assert moves_to(decided(session(P.RUNNING, ends=-1)))[0] is P.COLLECTING
    assert moves_to(decided(session(P.RUNNING, ends=-1, graded=False))) == (P.STOPPING, SessionOutcome.COMPLETED)
    assert moves_to(decided(session(P.STOPPED, ends=-1)))[0] is P.COLLECTING
    assert moves_to(decided(session(P.STOPPED, ends=-1, graded=False))) == (P.ARCHIVED, SessionOutcome.COMPLETED)


def test_a_lab_that_is_graded_runs_no_longer_than_its_slot() -> None:
    assert decided(session(P.GRADING)) == Grade(stop_lab=False)
    assert decided(session(P.GRADING, ends=-1)) == Grade(stop_lab=True)
    assert decided(session(P.GRADING, ends=-1), None) == Grade(stop_lab=False), "a lost worker took its lab along"
    over = session(P.GRADING, ends=-1)
    stopped = Condition(
        type=SessionCondition.LAB_READY, status=ConditionStatus.FALSE, reason=LAB_STOPPED, message="", since=NOW
    )
    over.status.conditions = [stopped]
    assert decided(over) == Grade(stop_lab=False), "once is enough"


def test_a_learner_who_does_not_come_is_a_no_show_at_the_limit_and_expired_at_the_end() -> None:
    assert moves_to(decided(session(P.READY, deadline=-1))) == (P.STOPPING, SessionOutcome.NO_SHOW)
    assert moves_to(decided(session(P.READY, ends=-1))) == (P.STOPPING, SessionOutcome.EXPIRED)


def test_pause_and_resume_are_told_from_the_way_out_by_the_outcome() -> None:
    assert isinstance(decided(session(P.RUNNING, desired=SessionDesired.PAUSED)), Pause)
    assert isinstance(decided(session(P.STOPPED, desired=SessionDesired.PAUSED)), Rest)
    assert isinstance(decided(session(P.STOPPED)), Resume)
    assert moves_to(decided(session(P.STOPPED, outcome=SessionOutcome.COMPLETED)))[0] is P.ARCHIVED


def test_a_restart_is_carried_out_once_per_request() -> None:
    asked = NOW - timedelta(minutes=1)
    assert isinstance(decided(session(P.RUNNING, restart=asked)), Restart)
    step = PipelineStep(name="restart", state=StepState.DONE, outputs={"requested_at": asked.isoformat()})
    done = PipelineState(name="restart", steps=[step])
    assert isinstance(decided(session(P.RUNNING, restart=asked, pipeline=done)), Watch)
    assert isinstance(decided(session(P.RUNNING, restart=NOW, pipeline=done)), Restart)


def test_events_without_consequence_are_taken_note_of() -> None:
    noted = decided(session(P.RUNNING, SignalType.LDS_PAUSED, SignalType.COLLECTION_COMPLETED))
    assert isinstance(noted, Consume)
    assert noted.paused
    assert set(noted.events) == {"e0", "e1"}


@given(
    phase=st.sampled_from(list(P)),
    signals=st.lists(st.sampled_from(list(SignalType)), max_size=4),
    starts=st.integers(-90, 90),
    length=st.integers(1, 120),
    desired=st.sampled_from(list(SessionDesired)),
    graded=st.booleans(),
    tried=st.integers(0, 3),
    deadline=st.integers(-60, 60),
    outcome=st.sampled_from([None, *SessionOutcome]),
    lab=st.booleans(),
    worker_phase=st.sampled_from([None, *WorkerPhase]),
)
def test_every_decision_is_legal_and_leads_on(
    phase: P,
    signals: list[SignalType],
    starts: int,
    length: int,
    desired: SessionDesired,
    graded: bool,
    tried: int,
    deadline: int,
    outcome: SessionOutcome | None,
    lab: bool,
    worker_phase: WorkerPhase | None,
) -> None:
    view = session(
        phase, *signals, starts=starts, ends=starts + length, desired=desired, graded=graded, tried=tried,
        deadline=deadline, outcome=outcome, lab=lab,
    )  # fmt: skip
    decision = decided(view, worker_phase)
    if isinstance(decision, Move):
        assert SESSION_STATES.allows(phase, decision.to)
        if decision.to is P.STOPPING:
            assert decision.outcome is not None, "a session on its way out has an outcome"
        assert set(decision.consume) <= {signal.event_id for signal in view.status.signals}
    if isinstance(decision, Rest) and phase not in (P.TERMINATED, P.PENDING):
        assert decision.until is not None, "nothing waits without an end"
        assert decision.until > NOW, "a rest that is over already would spin"
    if desired is SessionDesired.ENDED and phase not in (P.STOPPING, P.STOPPED, P.ARCHIVED, P.TERMINATED):
        assert isinstance(decision, Move)
    if isinstance(decision, StopLab | CleanUp):
        assert phase in (P.STOPPING, P.ARCHIVED)
