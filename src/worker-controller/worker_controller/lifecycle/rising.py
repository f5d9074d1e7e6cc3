"""Decisions on the way up: PENDING, PROVISIONING, STARTING."""

from datetime import datetime, timedelta

from lcm_core.contracts.workers import WorkerView
from lcm_core.domain.vocabulary import WorkerDesired, WorkerPhase
from lcm_core.spi.cml_system import Layer
from lcm_core.spi.ec2 import InstanceState
from worker_controller.licensing.decide import license_decision, licensed
from worker_controller.lifecycle.decision import Concern, Decision, Step, StepKind, act, failed, move, wait
from worker_controller.lifecycle.facts import Facts
from worker_controller.lifecycle.words import destroyed, missing, overdue, state_words, why
from worker_controller.pace import Pace
from worker_controller.settings import WorkerSettings

IN_ORDER = "CML is ready, its license is valid and its resources are known."


def pending(worker: WorkerView, facts: Facts, now: datetime, settings: WorkerSettings) -> Decision:
    """Adopt what is there, else launch."""
    if not facts.ec2_known:
        return _pending_without_ec2(worker, now)
    if worker.spec.import_instance_id:
        return _import(worker, facts, now)
    if facts.instance is not None and facts.instance.state.live:
        return _adopt(worker, facts)
    attempt = worker.status.attempt
    if destroyed(facts) and attempt is not None:
        return failed("LaunchFailed", f"EC2 launched the instance and ended it at once{why(facts)}.")
    if worker.spec.desired is not WorkerDesired.RUNNING:
        if overdue(worker, now):
            return move(
                WorkerPhase.TERMINATING, "NeverLaunched", "Nothing was launched for it, and nobody wants it to run."
            )
        return wait("LaunchHeld", "No instance is launched while the worker is not wanted running.", Pace.STEADY)
    if attempt is not None and attempt.error and overdue(worker, now):
        return failed("LaunchTimedOut", f"The instance could not be launched in time: {attempt.error}")
    if attempt is None and facts.blocked_until is not None and facts.blocked_until > now:
        until = f"{facts.blocked_until:%Y-%m-%d %H:%M} UTC"
        text = (
            f"Template {worker.spec.template_name} rests in {worker.spec.region} after failed launches until {until}."
        )
        return move(WorkerPhase.FAILED, "TemplateResting", text)
    return act(Step(StepKind.LAUNCH, number=attempt.number if attempt else 1), "Launching", "The instance is launched.")


def _pending_without_ec2(worker: WorkerView, now: datetime) -> Decision:
    if overdue(worker, now) and worker.status.attempt is not None:
        return failed("LaunchTimedOut", "EC2 did not answer while the instance was launched; it is looked for further.")
    return wait("Ec2Silent", "EC2 does not answer.", Pace.INSTANCE)


def _import(worker: WorkerView, facts: Facts, now: datetime) -> Decision:
    wanted = worker.spec.import_instance_id
    if missing(facts) or destroyed(facts):
        if missing(facts) and not overdue(worker, now):
            return wait("ImportLooksFor", f"EC2 does not show {wanted} in {worker.spec.region} yet.", Pace.INSTANCE)
        return failed("ImportNotFound", f"There is no living instance {wanted} in {worker.spec.region}.")
    assert facts.instance is not None
    owner = facts.instance.worker_id
    if owner and owner != worker.id:
        return failed("ImportTaken", f"Instance {wanted} already belongs to worker {owner}.")
    if not owner:
        return act(Step(StepKind.ADOPT), "Importing", f"Instance {wanted} is marked as this worker's.")
    return _adopt(worker, facts)


def _adopt(worker: WorkerView, facts: Facts) -> Decision:
    assert facts.instance is not None
    name = facts.instance.instance_id
    match facts.instance.state:
        case InstanceState.RUNNING:
            return move(WorkerPhase.STARTING, "InstanceRunning", f"Instance {name} runs.")
        case InstanceState.PENDING:
            return move(WorkerPhase.PROVISIONING, "InstanceRequested", f"Instance {name} was launched.")
        case InstanceState.STOPPED:
            return move(WorkerPhase.STOPPED, "InstanceStopped", f"Instance {name} exists and is switched off.")
        case _:
            return wait("InstanceStopping", f"Instance {name} is being stopped.", Pace.INSTANCE)


def provisioning(worker: WorkerView, facts: Facts, now: datetime, settings: WorkerSettings) -> Decision:
    """Wait until the instance runs."""
    state = facts.state
    if state is InstanceState.RUNNING:
        return move(WorkerPhase.STARTING, "InstanceRunning", "The instance runs; CML is starting on it.")
    if destroyed(facts):
        return failed("LaunchFailed", f"EC2 ended the instance while it was starting{why(facts)}.")
    if overdue(worker, now):
        return failed("ProvisioningTimedOut", f"The instance did not run in time; it is {state_words(facts)}.")
    if state is InstanceState.STOPPED:
        return act(Step(StepKind.START), "InstanceStopped", "The instance was stopped outside and is started again.")
    return wait("InstancePending", f"The instance is {state_words(facts)}.", Pace.INSTANCE)


def starting(worker: WorkerView, facts: Facts, now: datetime, settings: WorkerSettings) -> Decision:
    """Bring the layers up one by one; the first that fails is the reason to wait."""
    if worker.spec.desired is WorkerDesired.STOPPED and not facts.busy:
        return move(WorkerPhase.STOPPING, "StopWanted", worker.spec.desired_reason or "It is not wanted any more.")
    lost = lost_instance(worker, facts, now, settings)
    if lost is not None:
        return lost
    if facts.state is not InstanceState.RUNNING:
        return _instance_up(worker, facts, now)
    decision = layers(worker, facts, now, settings)
    if decision.reason == "Ready" and worker.status.instance.instance_id:
        return move(WorkerPhase.RUNNING, "Ready", IN_ORDER)
    if overdue(worker, now) and decision.step is None:
        return failed(f"{decision.reason}TimedOut", f"The worker did not become usable in time: {decision.sentence}")
    return decision


def _instance_up(worker: WorkerView, facts: Facts, now: datetime) -> Decision:
    if overdue(worker, now):
        return failed("InstanceTimedOut", f"The instance did not run in time; it is {state_words(facts)}.")
    if facts.state is InstanceState.STOPPED:
        return act(Step(StepKind.START), "InstanceStarting", "The instance is started.")
    return wait("InstancePending", f"The instance is {state_words(facts)}.", Pace.INSTANCE)


def lost_instance(worker: WorkerView, facts: Facts, now: datetime, settings: WorkerSettings) -> Decision | None:
    """The verdict that the instance is lost, if it is: terminated, or missing for longer than EC2 may be behind."""
    if destroyed(facts):
        return failed("InstanceLost", f"The instance was terminated outside{why(facts)}.")
    since = worker.status.instance.state_since or worker.status.phase_since
    grace = timedelta(minutes=settings.vanished_grace_minutes)
    if missing(facts) and worker.status.instance.state == "missing" and now - since >= grace:
        name = worker.status.instance.instance_id or "that was launched"
        return failed("InstanceLost", f"EC2 does not know instance {name} any more.")
    if missing(facts):
        return wait("InstanceMissing", "EC2 does not show the instance.", Pace.INSTANCE)
    return None


def layers(worker: WorkerView, facts: Facts, now: datetime, settings: WorkerSettings) -> Decision:
    """From TCP to the license: what is next on the way to a usable CML. The reason is ``Ready`` when nothing is."""
    if facts.cml is None:
        return wait("AddressUnknown", "The instance has no address yet.", Pace.INSTANCE)
    readiness = facts.cml.readiness
    if readiness.failing is not None:
        return _failing_layer(readiness.failing, readiness.message)
    if not facts.cml.ready:
        return wait("CmlBusy", "CML is ready and does not tell its statistics and license yet.", Pace.READINESS)
    assert facts.cml.license is not None
    decision = license_decision(worker, facts.cml.license, facts, now, settings)
    if decision is not None:
        return decision
    assert licensed(worker, facts.cml.license)
    return wait("Ready", IN_ORDER, Pace.STEADY)


def _failing_layer(layer: Layer, message: str) -> Decision:
    decision = wait(f"{layer}Failing" if layer is not Layer.READY else "CmlNotReady", message, Pace.READINESS)
    if layer is Layer.SIGN_IN:
        concern = Concern("sign-in", "CML refuses the platform's sign-in", message)
        return decision.with_concerns(concern)
    return decision
