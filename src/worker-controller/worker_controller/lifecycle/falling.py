"""Decisions on the way down: STOPPING, STOPPED, TERMINATING."""

from datetime import datetime, timedelta

from lcm_core.contracts.workers import WorkerView
from lcm_core.domain.vocabulary import TaskSeverity, WorkerDesired, WorkerFinalizer, WorkerPhase
from lcm_core.spi.cml_system import Registration
from lcm_core.spi.ec2 import InstanceState
from worker_controller.licensing.words import REGISTERED_WORDS
from worker_controller.lifecycle.decision import Concern, Decision, Step, StepKind, act, failed, move, wait
from worker_controller.lifecycle.facts import Facts
from worker_controller.lifecycle.rising import lost_instance
from worker_controller.lifecycle.words import missing, overdue, state_words
from worker_controller.pace import Pace
from worker_controller.settings import WorkerSettings

UNHEARD = "A registration was begun and its end was not heard: the license is looked for once more."


def stopping(worker: WorkerView, facts: Facts, now: datetime, settings: WorkerSettings) -> Decision:
    """Wait until the instance is off."""
    lost = lost_instance(worker, facts, now, settings)
    if lost is not None:
        return lost
    if facts.state is InstanceState.STOPPED:
        return move(WorkerPhase.STOPPED, "InstanceStopped", "The instance is switched off; its disk and license stay.")
    if overdue(worker, now):
        return failed("StopTimedOut", f"The instance did not stop in time; it is {state_words(facts)}.")
    if facts.state is InstanceState.RUNNING:
        return act(Step(StepKind.STOP), "InstanceStopping", "The instance is stopped.")
    return wait("InstanceStopping", f"The instance is {state_words(facts)}.", Pace.INSTANCE)


def stopped(worker: WorkerView, facts: Facts, now: datetime, settings: WorkerSettings) -> Decision:
    """Rest until somebody wants it."""
    lost = lost_instance(worker, facts, now, settings)
    if lost is not None:
        return lost
    if worker.spec.desired is WorkerDesired.RUNNING:
        return move(WorkerPhase.STARTING, "StartWanted", worker.spec.desired_reason or "It is wanted again.")
    if facts.state is InstanceState.RUNNING:
        return act(Step(StepKind.STOP), "StartedOutside", "The instance was started outside and is stopped again.")
    return wait("Resting", "It is switched off and wakes when it is needed.", Pace.STEADY)


def terminating(worker: WorkerView, facts: Facts, now: datetime, settings: WorkerSettings) -> Decision:
    """Labs, license, instance: each hook when the one before is done; each step may be repeated."""
    if not facts.ec2_known:
        return _or_overdue(worker, now, wait("Ec2Silent", "EC2 does not answer.", Pace.INSTANCE))
    if _no_instance_left(worker, facts, now, settings):
        return _gone(worker)
    if facts.instance is None or not facts.instance.state.live:
        return wait("InstanceEnding", f"The instance is {state_words(facts)}.", Pace.INSTANCE)
    left = worker.status.finalizers
    if WorkerFinalizer.LABS in left:
        return _or_overdue(worker, now, _labs(worker, facts))
    if WorkerFinalizer.LICENSE in left:
        return _or_overdue(worker, now, _license(worker, facts, now, settings))
    return _or_overdue(worker, now, act(Step(StepKind.TERMINATE), "InstanceEnding", "The instance is terminated."))


def _or_overdue(worker: WorkerView, now: datetime, decision: Decision) -> Decision:
    if overdue(worker, now) and decision.step is None and not decision.clear:
        return failed("TerminateTimedOut", f"The termination did not end in time: {decision.sentence}")
    return decision


def _no_instance_left(worker: WorkerView, facts: Facts, now: datetime, settings: WorkerSettings) -> bool:
    """Whether nothing can run any more. A launch may stay invisible for a while, so absence must have lasted."""
    if facts.instance is not None:
        return facts.instance.state is InstanceState.TERMINATED
    attempt = worker.status.attempt
    if attempt is None and not worker.status.instance.instance_id:
        return True
    known_since = max(
        attempt.started_at if attempt else worker.status.phase_since,
        worker.status.instance.state_since or worker.status.phase_since,
    )
    return missing(facts) and now - known_since >= timedelta(minutes=settings.vanished_grace_minutes)


def _gone(worker: WorkerView) -> Decision:
    """Nothing runs: labs went with the disk; a license that was registered is left behind and named."""
    decision = move(
        WorkerPhase.TERMINATED, "InstanceGone", "The instance is gone.", clear=tuple(worker.status.finalizers)
    )
    if WorkerFinalizer.LICENSE in worker.status.finalizers and worker.status.license.status in REGISTERED_WORDS:
        text = (
            f"The instance of {worker.spec.name} went before its license was returned; free it at the license server."
        )
        return decision.with_concerns(Concern("license-left", "A license was left registered", text))
    return decision


def _labs(worker: WorkerView, facts: Facts) -> Decision:
    if facts.state is InstanceState.STOPPED and worker.status.license.status not in REGISTERED_WORDS:
        clear = (WorkerFinalizer.LABS, WorkerFinalizer.LICENSE)
        return Decision("NothingToReturn", "The instance is off and holds no license.", Pace.INSTANCE, clear=clear)
    if facts.state is InstanceState.STOPPED:
        return act(Step(StepKind.START), "StartToReturn", "The instance is started once more to return its license.")
    return wait("LabsClearing", "Waits until its labs are stopped and cleared.", Pace.INSTANCE)


def _license(worker: WorkerView, facts: Facts, now: datetime, settings: WorkerSettings) -> Decision:
    done = Decision("LicenseReturned", "The license is returned.", Pace.INSTANCE, clear=(WorkerFinalizer.LICENSE,))
    license_now = facts.cml.license if facts.cml is not None else None
    if license_now is not None:
        if license_now.registration is Registration.NOT_REGISTERED:
            # Before it settled a call that nobody hears of any more may still register the machine.
            if facts.license_settles_in > 0:
                return wait("LicenseSettles", UNHEARD, Pace.READINESS)
            return done
        return act(Step(StepKind.DEREGISTER), "LicenseReturning", "The license is returned.", Pace.READINESS)
    if worker.status.license.status not in REGISTERED_WORDS and facts.state is not InstanceState.RUNNING:
        return done
    # By the clock of this process as well: that of the control plane may be far behind after it was set back.
    silent_since = max(worker.status.phase_since, facts.license_silent_since or worker.status.phase_since)
    if now - silent_since >= timedelta(minutes=settings.license_grace_minutes):
        text = (
            f"CML on {worker.spec.name} did not answer; its license may stay registered. Free it at the license server."
        )
        concern = Concern("license-left", "A license may be left registered", text, TaskSeverity.CRITICAL)
        given_up = Decision("LicenseGivenUp", text, Pace.INSTANCE, clear=(WorkerFinalizer.LICENSE,))
        return given_up.with_concerns(concern)
    if facts.state is InstanceState.STOPPED:
        return act(Step(StepKind.START), "StartToReturn", "The instance is started once more to return its license.")
    said = facts.cml.readiness.message if facts.cml is not None else f"The instance is {state_words(facts)}."
    return wait("LicenseWaits", f"The license is returned as soon as CML answers. {said}", Pace.READINESS)
