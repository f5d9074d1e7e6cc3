"""What holds for every decision, whatever the facts."""

import re
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from worker_samples import NOW, a_license, apply, attempted, cml, false_since, instance, stats, worker

from lcm_core.contracts.workers import ReportWorker, WorkerView
from lcm_core.domain import WORKER_STATES
from lcm_core.domain.vocabulary import (
    ConditionStatus,
    LicenseType,
    WorkerCondition,
    WorkerDesired,
    WorkerFinalizer,
    WorkerPhase,
)
from lcm_core.spi.cml_system import Layer, Registration
from lcm_core.spi.ec2 import InstanceState
from worker_controller.lifecycle.act import told
from worker_controller.lifecycle.decide import decide
from worker_controller.lifecycle.decision import StepKind
from worker_controller.lifecycle.facts import Bookings, CmlFacts, Facts
from worker_controller.lifecycle.observation import is_news, observation
from worker_controller.settings import WorkerSettings

SETTINGS = WorkerSettings()
ORDER = list(WorkerFinalizer)


def instants() -> st.SearchStrategy[object]:
    return st.sampled_from([None, NOW - timedelta(minutes=30), NOW - timedelta(seconds=1), NOW + timedelta(minutes=1)])


@st.composite
def workers(draw: st.DrawFn) -> WorkerView:
    attempt = draw(st.sampled_from([None, attempted(), attempted("no answer"), attempted(number=2)]))
    return worker(
        draw(st.sampled_from(list(WorkerPhase))),
        instance_id=draw(st.sampled_from(["i-0123456789abcdef0", ""])),
        generation=draw(st.integers(1, 2)),
        deadline=draw(instants()),  # type: ignore[arg-type]
        drain_deadline=draw(instants()),  # type: ignore[arg-type]
        reason=draw(st.sampled_from(["Observed", "TerminateTimedOut", "LaunchTimedOut", "TemplateResting"])),
        license_status=draw(st.sampled_from(["registered", "failed", "unknown", "deregistered"])),
        finalizers=ORDER[draw(st.integers(0, 3)) :],
        attempt=attempt,
        conditions=draw(st.sampled_from([[], [false_since("CmlReady", 10)], [false_since("InstanceRunning", 10)]])),
        idle_since=draw(instants()),  # type: ignore[arg-type]
        desired=draw(st.sampled_from(list(WorkerDesired))),
        drain=draw(st.booleans()),
        force=draw(st.sampled_from([False, False, True])),
        license_type=draw(st.sampled_from(list(LicenseType))),
        license_action=draw(st.sampled_from(["", "register", "renew", "deregister", "nonsense"])),
        import_instance_id=draw(st.sampled_from(["", "", "i-0123456789abcdef0"])),
        tags=draw(st.sampled_from([{}, {"team": "a"}])),
        detailed_monitoring=draw(st.booleans()),
    )


def controllers() -> st.SearchStrategy[CmlFacts | None]:
    licenses = st.builds(
        a_license,
        st.sampled_from(list(Registration)),
        expansion_nodes=st.sampled_from([None, 0, 180]),
        authorization=st.sampled_from(["IN_COMPLIANCE", "EVAL", "OUT_OF_COMPLIANCE"]),
    )
    working = st.builds(lambda held, nodes: cml(load=stats(nodes), license_now=held), licenses, st.sampled_from([0, 3]))
    return st.one_of(st.none(), st.builds(cml, st.sampled_from(list(Layer))), working)


@st.composite
def all_facts(draw: st.DrawFn) -> Facts:
    state = draw(st.sampled_from([None, *InstanceState]))
    return Facts(
        ec2_known=draw(st.sampled_from([True, True, False])),
        instance=None if state is None else instance(state, tags=draw(st.sampled_from([{}, {"lcm:worker-id": "w1"}]))),
        cml=draw(controllers()) if state is InstanceState.RUNNING else None,
        bookings=draw(st.sampled_from([None, Bookings(), Bookings(live=1), Bookings(imminent=2)])),
        has_license_token=draw(st.booleans()),
        blocked_until=draw(instants()),  # type: ignore[arg-type]
        license_retry_at=draw(instants()),  # type: ignore[arg-type]
        growth_refused=draw(st.booleans()),
    )


@settings(max_examples=600, deadline=None)
@given(workers(), all_facts())
def test_every_decision_keeps_the_promises(view: WorkerView, facts: Facts) -> None:
    decision = decide(view, facts, NOW, SETTINGS)
    phase, step = view.status.phase, decision.step

    assert re.fullmatch(r"[A-Z][A-Za-z0-9]{1,63}", decision.reason), "a reason code for machines"
    assert decision.sentence or phase is WorkerPhase.FAILED, "a sentence for people"
    assert decision.move_to is None or step is None, "a move or a step, not both"
    if decision.move_to is not None:
        assert WORKER_STATES.allows(phase, decision.move_to), "only along the state table"
    if facts.busy and not view.spec.force and phase in (WorkerPhase.RUNNING, WorkerPhase.DRAINING):
        ends = (WorkerPhase.STOPPING, WorkerPhase.TERMINATING)
        already_off = facts.state in (InstanceState.STOPPED, InstanceState.STOPPING, InstanceState.PENDING)
        assert decision.move_to not in ends or already_off, "no session is ended"
        assert step is None or step.kind not in (StepKind.STOP, StepKind.TERMINATE, StepKind.DEREGISTER)
    if step is not None and step.kind is StepKind.LAUNCH:
        assert facts.ec2_known, "no launch without knowing what is there"
        assert facts.instance is None or not facts.instance.state.live, "never a second instance"
        assert view.spec.desired is WorkerDesired.RUNNING
        assert phase in (WorkerPhase.PENDING, WorkerPhase.FAILED)
    if step is not None and step.kind is StepKind.TERMINATE:
        assert phase is WorkerPhase.TERMINATING
        assert WorkerFinalizer.LABS not in view.status.finalizers
        assert WorkerFinalizer.LICENSE not in view.status.finalizers
    if decision.move_to is WorkerPhase.TERMINATED:
        assert facts.gone, "gone only when nothing can run"
        assert set(view.status.finalizers) <= set(decision.clear)
    if decision.move_to is WorkerPhase.RUNNING and phase is WorkerPhase.STARTING:
        assert facts.cml is not None
        assert facts.cml.ready
    assert list(decision.clear) == [each for each in ORDER if each in decision.clear], "hooks clear in order"


@settings(max_examples=300, deadline=None)
@given(workers(), all_facts())
def test_a_second_look_at_the_same_facts_has_no_news(view: WorkerView, facts: Facts) -> None:
    once = apply(view, observation(view, facts, NOW))
    assert not is_news(observation(once, facts, NOW))


@settings(max_examples=300, deadline=None)
@given(workers(), all_facts())
def test_an_idle_worker_has_neither_sessions_nor_unknown_bookings(view: WorkerView, facts: Facts) -> None:
    after = apply(view, observation(view, facts, NOW))
    became_idle = view.status.idle_since is None and after.status.idle_since is not None
    if became_idle:
        assert facts.bookings == Bookings()
        assert after.status.phase is WorkerPhase.RUNNING
    idle = next((each for each in after.status.conditions if each.type == WorkerCondition.IDLE), None)
    if facts.busy and after.status.phase is WorkerPhase.RUNNING:
        assert idle is not None
        assert idle.status is not ConditionStatus.TRUE


@settings(max_examples=300, deadline=None)
@given(workers(), all_facts())
def test_telling_a_decision_twice_writes_once(view: WorkerView, facts: Facts) -> None:
    decision = decide(view, facts, NOW, SETTINGS)
    body = told(view, decision, ReportWorker())
    if decision.move_to is None and decision.step is None and not decision.drop_license_action:
        after = apply(view, body)
        assert not is_news(told(after, decision, ReportWorker()))
