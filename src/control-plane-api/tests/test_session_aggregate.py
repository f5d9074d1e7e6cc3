"""The session's rules, checked against its state table by random walks."""

from datetime import timedelta

import pytest
from domain_samples import LIMITS, NOW, a_session, explanation, placing
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from control_plane_api.domain.lablet_session.cost import hourly_share
from control_plane_api.domain.lablet_session.session import HISTORY_LIMIT, SIGNAL_LIMIT, SessionRuleError
from lcm_core.contracts.common import Resources
from lcm_core.contracts.sessions import (
    LabRef,
    PipelineState,
    PipelineStep,
    ReportSession,
    TransitionSession,
    UnscheduleSession,
)
from lcm_core.domain import SESSION_STATES
from lcm_core.domain.session_states import SESSION_PHASES_HOLDING_A_PLACE
from lcm_core.domain.state_table import IllegalTransition
from lcm_core.domain.vocabulary import SessionDesired, SessionOutcome, SessionPhase, SignalType, StepState


class SessionMachine(RuleBasedStateMachine):
    """Controllers, owner and scheduler in any order; every move must be one of the table's."""

    def __init__(self) -> None:
        super().__init__()
        self.session = a_session()
        self.now = NOW
        self.before = self.session.phase
        self.released: list[str] = []
        self.claims = 0
        self.begun: list[PipelineStep] = []

    def _step(self, act: object) -> None:
        self.now += timedelta(minutes=1)
        self.before = self.session.phase
        pipeline = self.session.status.pipeline
        begun = (StepState.RUNNING, StepState.DONE, StepState.FAILED)
        self.begun = [step for step in pipeline.steps if step.state in begun] if pipeline is not None else []
        versions = (self.session.phase, self.session.spec.model_copy(deep=True))
        events = len(self.session.pending_events)
        try:
            act()  # type: ignore[operator]
        except (IllegalTransition, SessionRuleError):
            assert self.session.phase is versions[0], "a refused request moved the session"
            assert len(self.session.pending_events) == events, "a refused request recorded an event"

    def _release(self, claim: str) -> None:
        if claim:
            assert claim not in self.released, "a claim was released twice"
            self.released.append(claim)

    @rule()
    def place(self) -> None:
        self.claims += 1
        wish = placing("s1", 0, claim_id=f"c{self.claims}")
        self._step(lambda: self.session.place(wish, "worker", self.now, LIMITS))

    @rule()
    def unschedule(self) -> None:
        body = UnscheduleSession(reason="WorkerLost", message="gone")
        self._step(lambda: self._release(self.session.unschedule(body, self.now, LIMITS)))

    @rule(
        to=st.sampled_from(list(SessionPhase)),
        lab=st.booleans(),
        clear=st.booleans(),
        outcome=st.sampled_from([None, *SessionOutcome]),
    )
    def transition(self, to: SessionPhase, lab: bool, clear: bool, outcome: SessionOutcome | None) -> None:
        body = TransitionSession(
            to=to,
            reason="Test",
            message="moved",
            outcome=outcome,
            lab=LabRef(cml_lab_id="lab") if lab else None,
            clear_lab=clear,
        )
        legal = SESSION_STATES.allows(self.session.phase, to)

        def act() -> None:
            self._release(self.session.transition(body, self.now, LIMITS))
            assert legal

        self._step(act)

    @rule(run=st.integers(min_value=0, max_value=4), state=st.sampled_from(list(StepState)), lab=st.booleans())
    def report_build(self, run: int, state: StepState, lab: bool) -> None:
        pipeline = PipelineState(name="instantiate", run=run, steps=[PipelineStep(name="lab", state=state)])
        held, known = self.session.status.lab, self.session.status.pipeline
        body = ReportSession(pipeline=pipeline, lab=LabRef(cml_lab_id="lab") if lab else None)
        self._step(lambda: self.session.report(body, self.now))
        if self.session.phase in (SessionPhase.PENDING, SessionPhase.SCHEDULED, SessionPhase.TERMINATED):
            assert (self.session.status.lab, self.session.status.pipeline) == (held, known), "a late word counted"
        if known is not None and self.session.status.pipeline is not None:
            assert self.session.status.pipeline.run >= known.run, "an older build counted"

    @invariant()
    def nothing_that_was_begun_is_forgotten(self) -> None:
        if self.before is SessionPhase.INSTANTIATING and self.session.phase is SessionPhase.PENDING:
            assert self.session.status.lab is None
            assert self.begun == []

    @rule(reason=st.text(max_size=5))
    def end(self, reason: str) -> None:
        self._step(lambda: self._release(self.session.end(reason, self.now, LIMITS)))

    @rule(minutes=st.integers(min_value=-10, max_value=300))
    def extend(self, minutes: int) -> None:
        end = self.session.spec.slot.end + timedelta(minutes=minutes)
        self._step(lambda: self.session.extend(end, timedelta(hours=4), LIMITS, self.now))

    @rule(wish=st.sampled_from(["pause", "resume"]))
    def wish(self, wish: str) -> None:
        self._step(getattr(self.session, wish))

    @rule(wish=st.sampled_from(["request_restart", "request_collection", "request_observation"]))
    def dated_wish(self, wish: str) -> None:
        self._step(lambda: getattr(self.session, wish)(self.now))

    @rule(number=st.integers(min_value=0, max_value=40), kind=st.sampled_from(list(SignalType)))
    def signal(self, number: int, kind: SignalType) -> None:
        known = {signal.event_id for signal in self.session.status.signals}
        taken = self.session.signal(f"e{number}", kind, self.now)
        assert taken == (f"e{number}" not in known and self.session.phase is not SessionPhase.TERMINATED)

    @rule()
    def consume(self) -> None:
        waiting = [signal.event_id for signal in self.session.status.signals if signal.consumed_at is None]
        self._step(lambda: self.session.report(ReportSession(consume_signals=waiting[:1]), self.now))

    @rule()
    def explain(self) -> None:
        changed = self.session.explain(explanation("NoCapacity"))
        assert not changed or self.session.phase is SessionPhase.PENDING

    @invariant()
    def every_move_is_in_the_table(self) -> None:
        phase = self.session.phase
        assert phase is self.before or SESSION_STATES.allows(self.before, phase)

    @invariant()
    def an_ended_session_has_exactly_one_outcome(self) -> None:
        if self.session.phase is SessionPhase.TERMINATED:
            assert self.session.status.outcome is not None
            assert self.session.status.ended_at is not None
            assert not self.session.status.launch_available

    @invariant()
    def a_place_is_held_exactly_while_the_table_says_so(self) -> None:
        placement = self.session.status.placement
        if self.session.phase in SESSION_PHASES_HOLDING_A_PLACE:
            assert placement is not None
            assert placement.claim_id not in self.released
        elif self.session.phase is SessionPhase.PENDING:
            assert placement is None
        elif placement is not None:
            assert placement.claim_id in self.released

    @invariant()
    def transient_phases_have_a_deadline(self) -> None:
        row = SESSION_STATES.row(self.session.phase)
        if row.kind == "transient":
            assert self.session.status.deadline is not None

    @invariant()
    def histories_are_bounded(self) -> None:
        assert len(self.session.status.history) <= HISTORY_LIMIT
        assert len(self.session.status.signals) <= SIGNAL_LIMIT


SessionMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestSessionWalks = SessionMachine.TestCase


def test_a_session_that_holds_nothing_ends_at_once_and_gives_its_claim_back() -> None:
    session = a_session()
    session.place(placing("s1", 0), "worker", NOW, LIMITS)
    assert session.end("changed my mind", NOW, LIMITS) == "c1"
    assert (session.phase, session.status.outcome) == (SessionPhase.TERMINATED, SessionOutcome.CANCELLED)


def test_a_session_that_holds_a_lab_only_wishes_to_end() -> None:
    session = a_session()
    session.place(placing("s1", 0), "worker", NOW, LIMITS)
    body = TransitionSession(to=SessionPhase.INSTANTIATING, reason="Begin", message="", lab=LabRef(cml_lab_id="l"))
    session.transition(body, NOW, LIMITS)
    assert session.end("enough", NOW, LIMITS) == ""
    assert session.phase is SessionPhase.INSTANTIATING
    assert session.spec.desired is SessionDesired.ENDED


def test_a_session_cancelled_while_it_was_being_placed_takes_no_place() -> None:
    session = a_session()
    session.end("", NOW, LIMITS)
    with pytest.raises(IllegalTransition):
        session.place(placing("s1", 0), "worker", NOW, LIMITS)


def test_a_session_costs_its_largest_share_of_the_worker_while_it_holds_the_lab() -> None:
    wanted, whole = Resources(cores=12, memory_mb=1000, nodes=5), Resources(cores=48, memory_mb=192_000, nodes=10)
    hourly = hourly_share(wanted, whole, 4.0)
    assert hourly == 2.0, "half of the nodes"
    assert hourly_share(Resources(cores=99), whole, 4.0) == 4.0
    session = a_session()
    session.place(placing("s1", 0), "worker", NOW, LIMITS, hourly)
    at = NOW + timedelta(hours=5)
    P = SessionPhase
    for phase, hours in ((P.INSTANTIATING, 0.25), (P.STOPPING, 0.25), (P.STOPPED, 0.25), (P.ARCHIVED, 3)):
        body = TransitionSession(to=phase, reason="Next", message="", outcome=SessionOutcome.FAILED)
        session.transition(body, at, LIMITS)
        at += timedelta(hours=hours)
    session.transition(TransitionSession(to=SessionPhase.TERMINATED, reason="Over", message=""), at, LIMITS)
    assert session.status.cost_usd == 1.5, "neither the wait before nor the record after costs anything"


def test_a_pending_session_expires_when_its_slot_can_no_longer_be_kept() -> None:
    session = a_session()
    assert session.status.deadline == session.spec.slot.start + timedelta(minutes=LIMITS.pending_grace_minutes)


def test_the_record_of_a_signal_names_the_event_and_has_an_id_of_its_own() -> None:
    session = a_session()
    session.signal("/lds#1", SignalType.LDS_STARTED, NOW)
    recorded = session.pending_events[-1]
    assert recorded.model_dump()["inbound_id"] == "/lds#1"
    assert recorded.event_id != "/lds#1"


def test_unconsumed_signals_are_never_displaced_by_consumed_ones() -> None:
    session = a_session()
    for number in range(SIGNAL_LIMIT - 1):
        session.signal(f"done{number}", SignalType.LDS_STARTED, NOW)
    done = [signal.event_id for signal in session.status.signals]
    session.report(ReportSession(consume_signals=done), NOW)
    for number in range(5):
        session.signal(f"new{number}", SignalType.LDS_ENDED, NOW)
    waiting = {signal.event_id for signal in session.status.signals if signal.consumed_at is None}
    assert waiting == {f"new{number}" for number in range(5)}


def test_a_late_word_of_the_delivery_system_gives_an_ended_session_nothing_to_hold() -> None:
    session = a_session()
    session.end("changed my mind", NOW, LIMITS)
    assert session.phase is SessionPhase.TERMINATED
    assert not session.link_children(user_session_id="us-s1")
    assert session.status.user_session_id == ""
    assert session.link_children(grading_session_id="gs-s1"), "the verdict may come afterwards"
