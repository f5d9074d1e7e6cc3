"""Decisions about a failed worker: it heals when its machine does, tries again when asked, and can always end."""

from dataclasses import replace
from datetime import datetime

from lcm_core.contracts.workers import WorkerView
from lcm_core.domain.vocabulary import TaskSeverity, WorkerDesired, WorkerPhase
from lcm_core.spi.ec2 import InstanceState
from worker_controller.lifecycle.decision import Concern, Decision, Step, StepKind, act, move
from worker_controller.lifecycle.facts import Facts
from worker_controller.lifecycle.rising import layers
from worker_controller.pace import Pace
from worker_controller.settings import WorkerSettings

LAUNCH_REASONS = frozenset({"LaunchTimedOut", "ProvisioningTimedOut", "InstanceTimedOut"})
"""Failures in which the instance may still come up after all."""


def has_failed(worker: WorkerView, facts: Facts, now: datetime, settings: WorkerSettings) -> Decision:
    """Rest with the reason kept in the status."""
    asked = worker.generation > worker.status.observed_generation
    if worker.spec.desired is WorkerDesired.RUNNING:
        up = _up_again(worker, facts, now, settings, asked)
        if up is not None:
            return up
    elif worker.spec.desired is WorkerDesired.STOPPED and facts.state is InstanceState.RUNNING and not facts.busy:
        text = "The failed worker is not wanted running; its instance is stopped."
        return replace(act(Step(StepKind.STOP), "StopWanted", text), tell=False)
    rests = Decision(worker.status.reason, worker.status.message or "It failed.", Pace.SLOW, tell=False)
    if worker.status.reason == "TemplateResting":
        return rests
    return rests.with_concerns(Concern("failed", "A worker failed", rests.sentence, TaskSeverity.CRITICAL))


def _up_again(
    worker: WorkerView, facts: Facts, now: datetime, settings: WorkerSettings, asked: bool
) -> Decision | None:
    live = facts.ec2_known and facts.instance is not None and facts.instance.state.live
    if asked and live:
        return move(WorkerPhase.STARTING, "TriedAgain", "It is tried again, as was asked.")
    if asked and facts.gone and not worker.spec.import_instance_id:
        number = worker.status.attempt.number + 1 if worker.status.attempt else 1
        return act(Step(StepKind.LAUNCH, number=number), "TriedAgain", "An instance is launched again, as was asked.")
    if facts.state is InstanceState.RUNNING:
        if worker.status.reason in LAUNCH_REASONS:
            return move(WorkerPhase.STARTING, "InstanceRunning", "The instance came up after all.")
        if layers(worker, facts, now, settings).reason == "Ready":
            return move(WorkerPhase.STARTING, "Healed", "The machine works again.")
    return None
