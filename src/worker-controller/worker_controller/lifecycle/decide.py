"""From a worker and the facts to a decision. Pure: the same input gives the same answer."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from lcm_core.contracts.workers import WorkerView
from lcm_core.domain.vocabulary import TaskSeverity, WorkerDesired, WorkerPhase
from worker_controller.lifecycle.decision import Concern, Decision, move
from worker_controller.lifecycle.facts import Facts
from worker_controller.lifecycle.failing import has_failed
from worker_controller.lifecycle.falling import stopped, stopping, terminating
from worker_controller.lifecycle.rising import pending, provisioning, starting
from worker_controller.lifecycle.serving import draining, running
from worker_controller.pace import Pace
from worker_controller.settings import WorkerSettings

Rule = Callable[[WorkerView, Facts, datetime, WorkerSettings], Decision]


def _terminated(worker: WorkerView, facts: Facts, now: datetime, settings: WorkerSettings) -> Decision:
    return Decision("Terminated", "It is gone.", Pace.SLOW, tell=False)


RULES: Mapping[WorkerPhase, Rule] = {
    WorkerPhase.PENDING: pending,
    WorkerPhase.PROVISIONING: provisioning,
    WorkerPhase.STARTING: starting,
    WorkerPhase.RUNNING: running,
    WorkerPhase.DRAINING: draining,
    WorkerPhase.STOPPING: stopping,
    WorkerPhase.STOPPED: stopped,
    WorkerPhase.TERMINATING: terminating,
    WorkerPhase.FAILED: has_failed,
    WorkerPhase.TERMINATED: _terminated,
}
_MAY_END = frozenset(
    {
        WorkerPhase.PENDING,
        WorkerPhase.PROVISIONING,
        WorkerPhase.STARTING,
        WorkerPhase.RUNNING,
        WorkerPhase.STOPPED,
        WorkerPhase.FAILED,
    }
)


def decide(worker: WorkerView, facts: Facts, now: datetime, settings: WorkerSettings) -> Decision:
    """What to do about one worker now."""
    ending = _ending(worker, facts, now, settings)
    decision = ending or RULES[worker.status.phase](worker, facts, now, settings)
    if facts.twins:
        names = ", ".join(facts.twins)
        text = f"{worker.spec.name} has more than one instance; also {names}. Terminate the ones that hold no labs."
        decision = decision.with_concerns(Concern("twins", "A worker has two instances", text, TaskSeverity.CRITICAL))
    return decision


def _ending(worker: WorkerView, facts: Facts, now: datetime, settings: WorkerSettings) -> Decision | None:
    """The move to TERMINATING, when that is wanted and harms nobody."""
    phase = worker.status.phase
    if worker.spec.desired is not WorkerDesired.TERMINATED:
        return None
    wanted = move(
        WorkerPhase.TERMINATING, "TerminationWanted", worker.spec.desired_reason or "It is not wanted any more."
    )
    if phase is WorkerPhase.FAILED and worker.status.reason == "TerminateTimedOut":
        rested = now - worker.status.phase_since >= timedelta(minutes=settings.terminate_retry_minutes)
        return wanted if rested or worker.generation > worker.status.observed_generation else None
    harms = facts.busy and phase is not WorkerPhase.FAILED and not worker.spec.force
    drains_first = phase is WorkerPhase.RUNNING and worker.spec.drain
    return wanted if phase in _MAY_END and not harms and not drains_first else None
