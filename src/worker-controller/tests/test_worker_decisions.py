"""What is decided about a worker, by phase."""

from dataclasses import replace
from datetime import timedelta

import pytest
from worker_samples import (
    FREE,
    LIVE,
    NOW,
    SOON,
    a_license,
    attempted,
    cml,
    facts,
    false_since,
    instance,
    worker,
)

from lcm_core.contracts.workers import LicenseInfo, ReportWorker
from lcm_core.domain.vocabulary import LicenseType, WorkerDesired, WorkerFinalizer, WorkerPhase
from lcm_core.spi.cml_system import Layer, Registration
from lcm_core.spi.ec2 import DEPLOYMENT_TAG, MANAGED_TAGS_TAG, WORKER_TAG, InstanceState
from worker_controller.lifecycle.act import told
from worker_controller.lifecycle.decide import decide
from worker_controller.lifecycle.decision import Decision, StepKind
from worker_controller.lifecycle.facts import Facts
from worker_controller.settings import WorkerSettings

SETTINGS = WorkerSettings()
PAST, FUTURE = NOW - timedelta(seconds=1), NOW + timedelta(minutes=5)
S = InstanceState
STOP, END, RUN = WorkerDesired.STOPPED, WorkerDesired.TERMINATED, WorkerDesired.RUNNING


def decided(view: object, seen: Facts) -> Decision:
    return decide(view, seen, NOW, SETTINGS)  # type: ignore[arg-type]


def nothing(**fields: object) -> Facts:
    """EC2 answers and shows no instance."""
    return Facts(**{"instance": None, "bookings": FREE, **fields})  # type: ignore[arg-type]


class TestOnTheWayUp:
    def test_a_new_worker_is_launched_with_its_first_attempt(self) -> None:
        step = decided(worker(WorkerPhase.PENDING), nothing()).step
        assert step is not None
        assert (step.kind, step.number) == (StepKind.LAUNCH, 1)

    def test_a_recorded_attempt_is_repeated_with_its_number(self) -> None:
        step = decided(worker(WorkerPhase.PENDING, attempt=attempted(number=3)), nothing()).step
        assert step is not None
        assert step.number == 3

    def test_an_instance_that_carries_the_tag_is_adopted_instead_of_launching(self) -> None:
        view = worker(WorkerPhase.PENDING, attempt=attempted())
        assert decided(view, facts(instance(S.RUNNING))).move_to is WorkerPhase.STARTING
        assert decided(view, facts(instance(S.PENDING))).move_to is WorkerPhase.PROVISIONING
        assert decided(view, facts(instance(S.STOPPED))).move_to is WorkerPhase.STOPPED

    def test_nothing_is_launched_while_ec2_does_not_answer(self) -> None:
        decision = decided(worker(WorkerPhase.PENDING), Facts(ec2_known=False))
        assert (decision.step, decision.move_to, decision.reason) == (None, None, "Ec2Silent")

    def test_a_worker_that_nobody_wants_to_run_any_more_ends_without_a_launch(self) -> None:
        wanted_off = worker(WorkerPhase.PENDING, desired=STOP, deadline=FUTURE)
        held = decided(wanted_off, nothing())
        assert (held.step, held.move_to, held.reason) == (None, None, "LaunchHeld")
        over = decided(worker(WorkerPhase.PENDING, desired=STOP, deadline=PAST), nothing())
        assert (over.step, over.move_to, over.reason) == (None, WorkerPhase.TERMINATING, "NeverLaunched")

    def test_a_resting_template_fails_the_worker_with_the_end_of_the_rest(self) -> None:
        decision = decided(worker(WorkerPhase.PENDING), nothing(blocked_until=FUTURE))
        assert (decision.move_to, decision.reason) == (WorkerPhase.FAILED, "TemplateResting")
        assert "09:05" in decision.sentence

    def test_a_launch_that_never_succeeds_fails_at_its_deadline_with_the_error(self) -> None:
        view = worker(WorkerPhase.PENDING, attempt=attempted("throttled"), deadline=PAST)
        decision = decided(view, nothing())
        assert (decision.move_to, decision.reason) == (WorkerPhase.FAILED, "LaunchTimedOut")
        assert "throttled" in decision.sentence

    def test_an_instance_that_ec2_ends_at_once_fails_with_its_words(self) -> None:
        dead = instance(S.TERMINATED, state_reason="Server.InternalError")
        for view in (worker(WorkerPhase.PENDING, attempt=attempted()), worker(WorkerPhase.PROVISIONING)):
            decision = decided(view, facts(dead))
            assert (decision.move_to, decision.reason) == (WorkerPhase.FAILED, "LaunchFailed")
            assert "Server.InternalError" in decision.sentence

    def test_an_imported_instance_is_marked_then_adopted(self) -> None:
        view = worker(WorkerPhase.PENDING, import_instance_id="i-0123456789abcdef0")
        step = decided(view, facts(instance(tags={}))).step
        assert step is not None
        assert step.kind is StepKind.ADOPT
        assert decided(view, facts(instance())).move_to is WorkerPhase.STARTING

    def test_an_instance_of_another_worker_is_not_imported(self) -> None:
        view = worker(WorkerPhase.PENDING, import_instance_id="i-0123456789abcdef0")
        assert decided(view, facts(instance(tags={WORKER_TAG: "w2"}))).reason == "ImportTaken"

    @pytest.mark.parametrize("layer", list(Layer))
    def test_starting_names_the_layer_that_fails_also_at_its_deadline(self, layer: Layer) -> None:
        waits = decided(worker(WorkerPhase.STARTING, deadline=FUTURE), facts(cml=cml(layer)))
        late = decided(worker(WorkerPhase.STARTING, deadline=PAST), facts(cml=cml(layer)))
        word = "CmlNotReady" if layer is Layer.READY else f"{layer}Failing"
        assert (waits.move_to, waits.reason) == (None, word)
        assert (late.move_to, late.reason) == (WorkerPhase.FAILED, f"{word}TimedOut")

    def test_a_stopped_instance_of_a_starting_worker_is_started(self) -> None:
        step = decided(worker(WorkerPhase.STARTING), facts(instance(S.STOPPED), cml=None)).step
        assert step is not None
        assert step.kind is StepKind.START

    def test_it_serves_when_every_layer_works(self) -> None:
        assert decided(worker(WorkerPhase.STARTING), facts()).move_to is WorkerPhase.RUNNING


class TestLicense:
    def unlicensed(self, registration: Registration = Registration.NOT_REGISTERED, **more: object) -> Facts:
        return facts(cml=cml(license_now=a_license(registration, failure="no")), **more)

    def test_it_is_registered_before_the_worker_serves(self) -> None:
        step = decided(worker(WorkerPhase.STARTING, license_status="unknown"), self.unlicensed()).step
        assert step is not None
        assert (step.kind, step.product) == (StepKind.REGISTER, "")

    def test_another_product_is_activated_first(self) -> None:
        view = worker(WorkerPhase.STARTING, license_status="unknown", license_type=LicenseType.PERSONAL)
        step = decided(view, self.unlicensed()).step
        assert step is not None
        assert step.product == "CML_Personal"

    def test_a_delayed_result_is_waited_for_and_not_asked_for_twice(self) -> None:
        decision = decided(worker(WorkerPhase.STARTING), self.unlicensed(Registration.IN_PROGRESS))
        assert (decision.step, decision.reason) == (None, "LicenseRegistering")

    def test_a_refused_registration_is_tried_again_later_and_opens_a_task(self) -> None:
        seen = self.unlicensed(Registration.FAILED, license_retry_at=FUTURE)
        decision = decided(worker(WorkerPhase.STARTING), seen)
        assert (decision.step, decision.reason) == (None, "RegistrationFailed")
        assert [concern.kind for concern in decision.concerns] == ["license"]
        assert decided(worker(WorkerPhase.STARTING), self.unlicensed(Registration.FAILED)).step is not None

    def test_without_a_token_a_person_is_asked(self) -> None:
        seen = self.unlicensed(has_license_token=False)
        assert decided(worker(WorkerPhase.STARTING), seen).reason == "NoLicenseToken"

    @pytest.mark.parametrize(
        ("known", "stored"),
        [("unknown", "registering"), ("unregistered", "registering"), ("registering", None), ("failed", None)],
    )
    def test_a_registration_is_on_record_before_it_is_asked_for(self, known: str, stored: str | None) -> None:
        view = worker(WorkerPhase.STARTING, license_status=known)
        decision = decided(view, self.unlicensed())
        assert decision.step is not None
        assert decision.step.kind is StepKind.REGISTER
        license_ = told(view, decision, ReportWorker()).license
        assert (license_.status if license_ is not None else None) == stored

    def test_expansion_nodes_are_taken_up_to_the_template(self) -> None:
        seen = facts(cml=cml(license_now=a_license(expansion_nodes=0)))
        step = decided(worker(WorkerPhase.STARTING), seen).step
        assert step is not None
        assert (step.kind, step.number) == (StepKind.SET_NODES, 180)
        refused = facts(cml=cml(license_now=a_license(expansion_nodes=0)), growth_refused=True)
        assert decided(worker(WorkerPhase.STARTING), refused).move_to is WorkerPhase.RUNNING

    def test_an_evaluation_serves_without_registration(self) -> None:
        view = worker(WorkerPhase.STARTING, license_type=LicenseType.EVALUATION)
        assert decided(view, self.unlicensed()).move_to is WorkerPhase.RUNNING

    def test_what_a_person_returned_is_not_registered_again_by_itself(self) -> None:
        decision = decided(worker(license_status="deregistered"), self.unlicensed())
        assert (decision.step, decision.reason) == (None, "LicenseReturned")

    @pytest.mark.parametrize(
        ("action", "kind"),
        [("register", StepKind.REGISTER), ("renew", StepKind.RENEW), ("deregister", StepKind.DEREGISTER)],
    )
    def test_a_persons_wish_is_carried_out(self, action: str, kind: StepKind) -> None:
        step = decided(worker(license_action=action), facts()).step
        assert step is not None
        assert (step.kind, step.requested) == (kind, True)

    def test_the_license_is_not_returned_under_a_session(self) -> None:
        assert decided(worker(license_action="deregister"), facts(bookings=LIVE)).reason == "SessionsInUse"


class TestServing:
    @pytest.mark.parametrize("bookings", [LIVE, SOON, None])
    def test_it_is_never_stopped_under_live_imminent_or_unknown_sessions(self, bookings: object) -> None:
        for desired in (STOP, END):
            decision = decided(worker(desired=desired), facts(bookings=bookings))
            assert (decision.move_to, decision.reason) == (None, "SessionsInUse")

    def test_it_is_stopped_or_ended_when_nobody_is_harmed(self) -> None:
        assert decided(worker(desired=STOP), facts()).move_to is WorkerPhase.STOPPING
        assert decided(worker(desired=END), facts()).move_to is WorkerPhase.TERMINATING

    def test_drain_waits_for_the_last_session_and_then_goes_where_it_should(self) -> None:
        view = worker(WorkerPhase.DRAINING, desired=STOP, drain=True)
        assert decided(view, facts(bookings=LIVE)).reason == "Draining"
        assert decided(view, facts()).move_to is WorkerPhase.STOPPING
        ending = worker(WorkerPhase.DRAINING, desired=END, drain=True)
        assert decided(ending, facts()).move_to is WorkerPhase.TERMINATING

    def test_a_drain_over_time_opens_a_task_and_goes_on_waiting(self) -> None:
        view = worker(WorkerPhase.DRAINING, desired=STOP, drain=True, drain_deadline=PAST)
        decision = decided(view, facts(bookings=LIVE))
        assert decision.move_to is None
        assert [concern.kind for concern in decision.concerns] == ["drain"]

    def test_only_force_ends_sessions(self) -> None:
        view = worker(WorkerPhase.DRAINING, desired=STOP, drain=True, force=True)
        assert decided(view, facts(bookings=LIVE)).move_to is WorkerPhase.STOPPING

    def test_a_canceled_drain_takes_sessions_again(self) -> None:
        assert decided(worker(WorkerPhase.DRAINING), facts(bookings=LIVE)).move_to is WorkerPhase.RUNNING

    def test_a_silent_cml_is_tolerated_for_a_while(self) -> None:
        seen = facts(cml=cml(Layer.HTTP), bookings=LIVE)
        short = worker(conditions=[false_since("CmlReady", 0.5)])
        long = worker(conditions=[false_since("CmlReady", 2)])
        assert decided(short, seen).move_to is None
        assert decided(long, seen).move_to is WorkerPhase.STARTING

    def test_an_instance_stopped_outside_is_started_again(self) -> None:
        assert decided(worker(), facts(instance(S.STOPPED), cml=None)).move_to is WorkerPhase.STARTING

    def test_a_terminated_instance_fails_the_worker_at_once(self) -> None:
        assert decided(worker(), facts(instance(S.TERMINATED), cml=None)).reason == "InstanceLost"

    def test_a_missing_instance_fails_the_worker_after_a_grace(self) -> None:
        view = worker()
        assert decided(view, nothing()).reason == "InstanceMissing"
        view.status.instance.state, view.status.instance.state_since = "missing", NOW - timedelta(minutes=3)
        assert decided(view, nothing()).reason == "InstanceLost"

    def test_tags_and_monitoring_are_kept_as_wanted(self) -> None:
        tagged = worker(tags={"team": "a"})
        step = decided(tagged, facts()).step
        assert step is not None
        assert step.kind is StepKind.TAG
        fine = instance(tags={WORKER_TAG: "w1", "team": "a", MANAGED_TAGS_TAG: "team"})
        assert decided(tagged, facts(fine)).step is None
        step = decided(worker(), facts(fine)).step
        assert step is not None
        assert step.kind is StepKind.TAG, "a tag that was taken away is removed"
        step = decided(worker(detailed_monitoring=True), facts()).step
        assert step is not None
        assert (step.kind, step.enabled) == (StepKind.MONITOR, True)

    def test_two_instances_of_one_worker_are_a_persons_concern(self) -> None:
        decision = decided(worker(), facts(twins=("i-2",)))
        assert [concern.kind for concern in decision.concerns] == ["twins"]


class TestOnTheWayDown:
    LABS, LICENSE, INSTANCE = WorkerFinalizer.LABS, WorkerFinalizer.LICENSE, WorkerFinalizer.INSTANCE

    def ending(self, *finalizers: WorkerFinalizer, **fields: object) -> object:
        return worker(WorkerPhase.TERMINATING, desired=END, finalizers=list(finalizers), **fields)  # type: ignore[arg-type]

    def test_stopping_stops_and_becomes_stopped(self) -> None:
        view = worker(WorkerPhase.STOPPING, desired=STOP)
        step = decided(view, facts()).step
        assert step is not None
        assert step.kind is StepKind.STOP
        assert decided(view, facts(instance(S.STOPPED), cml=None)).move_to is WorkerPhase.STOPPED

    def test_a_stopped_worker_wakes_when_wanted(self) -> None:
        off = facts(instance(S.STOPPED), cml=None)
        assert decided(worker(WorkerPhase.STOPPED, desired=STOP), off).reason == "Resting"
        assert decided(worker(WorkerPhase.STOPPED), off).move_to is WorkerPhase.STARTING

    def test_termination_waits_for_the_labs_first(self) -> None:
        decision = decided(self.ending(self.LABS, self.LICENSE, self.INSTANCE), facts())
        assert (decision.step, decision.reason) == (None, "LabsClearing")

    def test_the_license_is_returned_before_the_instance_goes(self) -> None:
        view = self.ending(self.LICENSE, self.INSTANCE)
        step = decided(view, facts()).step
        assert step is not None
        assert step.kind is StepKind.DEREGISTER
        free = facts(cml=cml(license_now=a_license(Registration.NOT_REGISTERED)))
        assert decided(view, free).clear == (self.LICENSE,)

    def test_the_instance_is_terminated_last(self) -> None:
        step = decided(self.ending(self.INSTANCE), facts()).step
        assert step is not None
        assert step.kind is StepKind.TERMINATE
        gone = decided(self.ending(self.INSTANCE), facts(instance(S.TERMINATED), cml=None))
        assert (gone.move_to, gone.clear) == (WorkerPhase.TERMINATED, (self.INSTANCE,))

    def test_a_stopped_worker_is_started_once_more_to_return_its_license(self) -> None:
        off = facts(instance(S.STOPPED), cml=None)
        step = decided(self.ending(self.LABS, self.LICENSE, self.INSTANCE), off).step
        assert step is not None
        assert step.kind is StepKind.START
        free = self.ending(self.LABS, self.LICENSE, self.INSTANCE, license_status="unregistered")
        assert decided(free, off).clear == (self.LABS, self.LICENSE)

    def test_a_silent_cml_keeps_the_license_only_for_the_grace(self) -> None:
        view = self.ending(self.LICENSE, self.INSTANCE)
        assert decided(view, facts(cml=cml(Layer.TCP))).reason == "LicenseWaits"
        view.status.phase_since = NOW - timedelta(minutes=11)  # type: ignore[attr-defined]
        just_seen = facts(cml=cml(Layer.TCP), license_silent_since=NOW - timedelta(minutes=1))
        assert decided(view, just_seen).reason == "LicenseWaits", "the control plane's clock may be far behind"
        long_silent = facts(cml=cml(Layer.TCP), license_silent_since=NOW - timedelta(minutes=10))
        decision = decided(view, long_silent)
        assert decision.clear == (self.LICENSE,)
        assert [concern.kind for concern in decision.concerns] == ["license-left"]

    def test_a_registration_whose_end_was_not_heard_is_looked_for_until_it_has_settled(self) -> None:
        seen = facts(cml=cml(license_now=a_license(Registration.NOT_REGISTERED)))
        shown = ReportWorker(license=LicenseInfo(status="unregistered"))
        leaving = worker(WorkerPhase.STARTING, desired=END, license_status="registering")
        assert decided(leaving, seen).move_to is WorkerPhase.TERMINATING
        for held in (leaving, self.ending(self.LABS, license_status="registering")):
            assert told(held, decided(held, seen), shown).license is None, "it stays on record"

        view = self.ending(self.LICENSE, self.INSTANCE, license_status="registering")
        waits = decided(view, replace(seen, license_settles_in=30.0))
        assert (waits.reason, waits.clear) == ("LicenseSettles", ())
        assert told(view, waits, shown).license is None
        registered = decided(view, facts()).step
        assert registered is not None
        assert registered.kind is StepKind.DEREGISTER

        settled = decided(view, seen)
        assert settled.clear == (self.LICENSE,)
        assert told(view, settled, shown).license == shown.license

    def test_a_worker_that_never_had_an_instance_is_gone_at_once(self) -> None:
        view = self.ending(self.LABS, self.LICENSE, self.INSTANCE, instance_id="")
        decision = decided(view, nothing())
        assert decision.move_to is WorkerPhase.TERMINATED
        assert decision.clear == (self.LABS, self.LICENSE, self.INSTANCE)

    def test_a_launch_that_may_still_appear_is_waited_for(self) -> None:
        recent = attempted()
        recent.started_at = NOW - timedelta(seconds=30)
        view = self.ending(self.LABS, self.LICENSE, self.INSTANCE, instance_id="", attempt=recent)
        assert decided(view, nothing()).move_to is None

    def test_an_overdue_termination_rests_and_goes_on(self) -> None:
        late = decided(self.ending(self.LABS, deadline=PAST), facts())
        assert (late.move_to, late.reason) == (WorkerPhase.FAILED, "TerminateTimedOut")
        rests = worker(WorkerPhase.FAILED, desired=END, reason="TerminateTimedOut")
        assert decided(rests, facts()).move_to is None
        rests.status.phase_since = NOW - timedelta(minutes=6)
        assert decided(rests, facts()).move_to is WorkerPhase.TERMINATING


class TestFailed:
    def test_it_keeps_its_reason_and_asks_a_person(self) -> None:
        decision = decided(worker(WorkerPhase.FAILED, reason="TlsFailing", message="No."), facts(cml=cml(Layer.TLS)))
        assert (decision.move_to, decision.step, decision.reason) == (None, None, "TlsFailing")
        assert not decision.tell
        assert [concern.kind for concern in decision.concerns] == ["failed"]

    def test_it_heals_with_its_machine(self) -> None:
        assert decided(worker(WorkerPhase.FAILED, reason="TlsFailing"), facts()).move_to is WorkerPhase.STARTING

    def test_it_tries_again_when_asked(self) -> None:
        asked = {"generation": 2, "observed_generation": 1}
        again = worker(WorkerPhase.FAILED, **asked)  # type: ignore[arg-type]
        assert decided(again, facts(cml=cml(Layer.TLS))).move_to is WorkerPhase.STARTING
        lost = worker(WorkerPhase.FAILED, attempt=attempted(), **asked)  # type: ignore[arg-type]
        step = decided(lost, facts(instance(S.TERMINATED), cml=None)).step
        assert step is not None
        assert (step.kind, step.number) == (StepKind.LAUNCH, 2)

    def test_it_is_switched_off_when_not_wanted_and_keeps_its_reason(self) -> None:
        decision = decided(worker(WorkerPhase.FAILED, desired=STOP), facts())
        assert decision.step is not None
        assert (decision.step.kind, decision.tell) == (StepKind.STOP, False)
        ending = worker(WorkerPhase.FAILED, desired=END, reason="TerminateTimedOut")
        assert decided(ending, facts()).step is None, "a stopped machine could not return its license"

    def test_it_can_always_end(self) -> None:
        assert decided(worker(WorkerPhase.FAILED, desired=END), nothing()).move_to is WorkerPhase.TERMINATING


def test_the_launch_tags_name_worker_need_and_installation() -> None:
    from worker_controller.lifecycle.upkeep import launch_tags

    tags = launch_tags(worker(WorkerPhase.PENDING, need_id="n1", tags={"team": "a"}), "lab")
    assert tags[WORKER_TAG] == "w1"
    assert tags[DEPLOYMENT_TAG] == "lab"
    assert tags["team"] == "a"
