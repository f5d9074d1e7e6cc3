"""Decisions while a worker serves: RUNNING and DRAINING. Nothing here ends a session but an administrator's force."""

from datetime import datetime, timedelta

from lcm_core.contracts.workers import WorkerView
from lcm_core.domain.vocabulary import TaskSeverity, WorkerCondition, WorkerDesired, WorkerPhase
from lcm_core.spi.ec2 import InstanceState
from worker_controller.licensing.decide import requested_action
from worker_controller.lifecycle.decision import Concern, Decision, act, move, wait
from worker_controller.lifecycle.facts import Facts
from worker_controller.lifecycle.rising import layers, lost_instance
from worker_controller.lifecycle.upkeep import upkeep
from worker_controller.lifecycle.words import false_for, state_words
from worker_controller.pace import Pace
from worker_controller.settings import WorkerSettings


def running(worker: WorkerView, facts: Facts, now: datetime, settings: WorkerSettings) -> Decision:
    """Keep it usable, carry out wishes, and leave when told to and nobody is harmed."""
    machine = _machine(worker, facts, now, settings)
    if machine is not None:
        return machine
    if worker.spec.drain:
        return move(WorkerPhase.DRAINING, "DrainWanted", worker.spec.desired_reason or "It takes no new sessions.")
    if worker.spec.desired is not WorkerDesired.RUNNING:
        if facts.busy and not worker.spec.force:
            return wait("SessionsInUse", f"It goes when {_sessions(facts)} ended.", Pace.STEADY)
        return move(WorkerPhase.STOPPING, "StopWanted", worker.spec.desired_reason or "It is not wanted any more.")
    return _in_service(worker, facts, now, settings)


def draining(worker: WorkerView, facts: Facts, now: datetime, settings: WorkerSettings) -> Decision:
    """Wait for the last session; at the deadline ask a person and go on waiting."""
    lost = lost_instance(worker, facts, now, settings)
    if lost is not None:
        return lost
    if not worker.spec.drain and worker.spec.desired is WorkerDesired.RUNNING:
        return move(WorkerPhase.RUNNING, "DrainCanceled", "The drain was canceled; it takes sessions again.")
    if worker.spec.force or not facts.busy:
        target = WorkerPhase.TERMINATING if worker.spec.desired is WorkerDesired.TERMINATED else WorkerPhase.STOPPING
        if worker.spec.desired is WorkerDesired.RUNNING:
            return wait("Drained", "It is empty and kept running, without new sessions.", Pace.STEADY)
        return move(target, "Drained", "The last session ended." if not facts.busy else "An administrator ends it.")
    decision = wait("Draining", f"Waits until {_sessions(facts)} ended.", Pace.STEADY)
    deadline = worker.status.drain_deadline
    if deadline is not None and now >= deadline:
        text = f"{worker.spec.name} should have been empty by {deadline:%Y-%m-%d %H:%M} UTC. {decision.sentence}"
        concern = Concern("drain", "A drain is over time", text, TaskSeverity.WARNING)
        return wait("DrainOverdue", text, Pace.STEADY).with_concerns(concern)
    return decision


def _sessions(facts: Facts) -> str:
    if facts.bookings is None:
        return "its bookings are known and those sessions"
    parts = [
        f"{count} {name} session{'s' if count > 1 else ''}"
        for count, name in ((facts.bookings.live, "live"), (facts.bookings.imminent, "imminent"))
        if count
    ]
    return " and ".join(parts) or "every session"


def _machine(worker: WorkerView, facts: Facts, now: datetime, settings: WorkerSettings) -> Decision | None:
    """What the instance itself makes necessary."""
    lost = lost_instance(worker, facts, now, settings)
    if lost is not None:
        return lost
    if facts.state in (InstanceState.STOPPED, InstanceState.STOPPING, InstanceState.PENDING):
        if worker.spec.desired is WorkerDesired.STOPPED:
            return move(WorkerPhase.STOPPING, "StoppedOutside", "The instance was stopped outside, as was wanted.")
        text = f"The instance is {state_words(facts)} although it should run; it is started again."
        return move(WorkerPhase.STARTING, "StoppedOutside", text)
    tolerance = timedelta(seconds=settings.cml_lost_seconds)
    silent = facts.cml is not None and facts.cml.readiness.failing is not None
    if silent and false_for(worker, WorkerCondition.CML_READY, tolerance, now):
        assert facts.cml is not None
        return move(WorkerPhase.STARTING, "CmlLost", f"CML stopped working: {facts.cml.readiness.message}")
    return None


def _in_service(worker: WorkerView, facts: Facts, now: datetime, settings: WorkerSettings) -> Decision:
    state = layers(worker, facts, now, settings)
    if facts.cml is not None and facts.cml.ready and worker.spec.license_action:
        return requested_action(worker, facts)
    if state.reason != "Ready":
        return state
    chore = upkeep(worker, facts)
    if chore is not None:
        return act(chore[0], *chore[1:])
    return state
