"""Small questions about a worker that several decisions ask."""

from datetime import datetime, timedelta

from lcm_core.contracts.common import Condition
from lcm_core.contracts.workers import WorkerView
from lcm_core.domain.vocabulary import ConditionStatus, WorkerCondition
from worker_controller.lifecycle.facts import Facts


def overdue(worker: WorkerView, now: datetime) -> bool:
    """Whether the phase has lasted longer than it may."""
    return worker.status.deadline is not None and now >= worker.status.deadline


def condition(worker: WorkerView, kind: WorkerCondition) -> Condition | None:
    """A condition as last reported."""
    return next((each for each in worker.status.conditions if each.type == kind), None)


def false_for(worker: WorkerView, kind: WorkerCondition, duration: timedelta, now: datetime) -> bool:
    """Whether a condition has been false for at least so long."""
    found = condition(worker, kind)
    return found is not None and found.status is ConditionStatus.FALSE and now - found.since >= duration


def missing(facts: Facts) -> bool:
    """Whether EC2 answers and shows no trace of the instance, not even a terminated one."""
    return facts.ec2_known and facts.instance is None


def destroyed(facts: Facts) -> bool:
    """Whether EC2 shows the instance as terminated or about to be."""
    return facts.ec2_known and facts.instance is not None and not facts.instance.state.live


def state_words(facts: Facts) -> str:
    """The instance's state for a sentence."""
    if not facts.ec2_known:
        return "unknown, because EC2 does not answer"
    return facts.instance.state.value if facts.instance else "missing"


def why(facts: Facts) -> str:
    """EC2's own words about the last change, as a bracketed addition to a sentence."""
    return f" ({facts.instance.state_reason})" if facts.instance and facts.instance.state_reason else ""
