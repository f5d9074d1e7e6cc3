"""Rules of workers, definitions and lab records."""

from datetime import timedelta

import pytest
from domain_samples import LIMITS, NOW, a_definition, a_worker, all_good, derived_content
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from control_plane_api.domain.definition.definition import DefinitionRuleError
from control_plane_api.domain.lab_record.lab_record import LabRecord, LabRuleError
from control_plane_api.domain.worker.worker import HISTORY_LIMIT, WorkerRuleError
from lcm_core.contracts.definitions import ContentError, SyncResult
from lcm_core.contracts.workers import LabRecordReport, ReportWorker, SetWorkerDesired
from lcm_core.domain import LAB_STATES, WORKER_STATES
from lcm_core.domain.state_table import IllegalTransition
from lcm_core.domain.vocabulary import (
    DefinitionPhase,
    LabPhase,
    LabSource,
    WorkerDesired,
    WorkerFinalizer,
    WorkerPhase,
)


class WorkerMachine(RuleBasedStateMachine):
    """Controller and operator in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.worker = a_worker()
        self.now = NOW
        self.before = self.worker.phase
        self.cost = 0.0

    def _step(self, act: object) -> None:
        self.now += timedelta(minutes=1)
        self.before, self.cost = self.worker.phase, self.worker.status.cost_usd
        try:
            act()  # type: ignore[operator]
        except (IllegalTransition, WorkerRuleError):
            assert self.worker.phase is self.before

    @rule(phase=st.sampled_from([None, *WorkerPhase]), good=st.booleans())
    def report(self, phase: WorkerPhase | None, good: bool) -> None:
        body = ReportWorker(phase=phase, reason="Seen", message="", conditions=all_good() if good else [])
        self._step(lambda: self.worker.report(body, self.now, LIMITS))

    @rule(finalizer=st.sampled_from(list(WorkerFinalizer)))
    def clear(self, finalizer: WorkerFinalizer) -> None:
        self._step(lambda: self.worker.report(ReportWorker(clear_finalizers=[finalizer]), self.now, LIMITS))

    @rule(desired=st.sampled_from(list(WorkerDesired)), drain=st.sampled_from([None, True, False]))
    def want(self, desired: WorkerDesired, drain: bool | None) -> None:
        wish = SetWorkerDesired(desired=desired, drain=drain, reason="Test", message="")
        self._step(lambda: self.worker.set_desired(wish, self.now))

    @rule(change=st.sampled_from(["refresh", "labs-refresh", "license-register", "license-renew", "nonsense"]))
    def ask(self, change: str) -> None:
        self._step(lambda: self.worker.request(change, self.now))

    @invariant()
    def every_move_is_in_the_table(self) -> None:
        assert self.worker.phase is self.before or WORKER_STATES.allows(self.before, self.worker.phase)

    @invariant()
    def nothing_is_gone_while_a_finalizer_is_left(self) -> None:
        assert self.worker.phase is not WorkerPhase.TERMINATED or not self.worker.status.finalizers

    @invariant()
    def only_a_running_worker_that_is_not_drained_takes_sessions(self) -> None:
        if self.worker.status.schedulable and self.worker.phase is not self.before:
            assert self.worker.phase is WorkerPhase.RUNNING

    @invariant()
    def cost_never_falls_and_histories_are_bounded(self) -> None:
        assert self.worker.status.cost_usd >= self.cost
        assert len(self.worker.status.history) <= HISTORY_LIMIT


WorkerMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestWorkerWalks = WorkerMachine.TestCase


def test_finalizers_clear_in_their_order_only() -> None:
    worker = a_worker()
    with pytest.raises(WorkerRuleError, match="labs must be cleared before license"):
        worker.clear_finalizer(WorkerFinalizer.LICENSE)


def test_draining_makes_a_worker_unschedulable_at_once() -> None:
    worker = a_worker()
    for phase in (WorkerPhase.PROVISIONING, WorkerPhase.STARTING, WorkerPhase.RUNNING):
        worker.report(ReportWorker(phase=phase, reason="Seen", conditions=all_good()), NOW, LIMITS)
    assert worker.status.schedulable
    worker.set_desired(
        SetWorkerDesired(desired=WorkerDesired.STOPPED, drain=True, reason="Drain", message="maintenance"), NOW
    )
    assert not worker.status.schedulable
    assert worker.status.drain_deadline is not None


def test_a_worker_says_which_layer_keeps_it_from_taking_sessions() -> None:
    worker = a_worker()
    for phase in (WorkerPhase.PROVISIONING, WorkerPhase.STARTING, WorkerPhase.RUNNING):
        worker.report(ReportWorker(phase=phase, reason="Seen", conditions=all_good()[:2]), NOW, LIMITS)
    condition = next(item for item in worker.status.conditions if item.type == "Schedulable")
    assert condition.reason == "NotCmlReady"


def test_content_with_errors_leaves_a_definition_pending_with_the_list() -> None:
    definition = a_definition()
    errors = [ContentError(field="nodes[0].label", message="is missing", file="cml.yaml", line=3)]
    definition.synced(SyncResult(observed_generation=1, errors=errors), NOW)
    assert definition.phase is DefinitionPhase.PENDING_SYNC
    assert definition.status.sync.errors == errors


def test_an_active_definition_is_immutable() -> None:
    definition = a_definition()
    definition.synced(SyncResult(observed_generation=1, content=derived_content()), NOW)
    assert definition.phase is DefinitionPhase.ACTIVE
    with pytest.raises(DefinitionRuleError):
        definition.request_sync(NOW, "another-upload")
    definition.request_sync(NOW)
    assert (definition.phase, definition.spec.check_requested_at) == (DefinitionPhase.ACTIVE, NOW)


@pytest.mark.parametrize("first", list(LabPhase))
@pytest.mark.parametrize("then", list(LabPhase))
def test_a_lab_moves_along_its_table_only(first: LabPhase, then: LabPhase) -> None:
    record = LabRecord.found("r1", "w1", _seen(first), "system", NOW)
    if first is then or LAB_STATES.allows(first, then):
        record.observed(_seen(then), NOW)
        assert record.status.phase is then
    else:
        with pytest.raises(IllegalTransition):
            record.observed(_seen(then), NOW)


def test_a_lab_of_a_session_cannot_be_wiped_or_deleted_by_hand() -> None:
    record = LabRecord.found("r1", "w1", _seen(LabPhase.BOOTED, session_id="s1"), "system", NOW)
    for action in ("wipe", "delete"):
        with pytest.raises(LabRuleError, match="end that first"):
            record.request(action, "manager", NOW)


def test_seeing_the_same_lab_again_is_no_news() -> None:
    record = LabRecord.found("r1", "w1", _seen(LabPhase.BOOTED), "system", NOW)
    assert not record.observed(_seen(LabPhase.BOOTED), NOW + timedelta(minutes=1))


def _seen(phase: LabPhase, session_id: str = "") -> LabRecordReport:
    return LabRecordReport(
        cml_lab_id="lab1", title="OSPF", phase=phase, source=LabSource.SESSION, session_id=session_id
    )
