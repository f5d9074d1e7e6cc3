"""Whether a worker is idle: nobody has or will soon have a session on it, and nothing runs on it."""

from lcm_core.contracts.common import ConditionReport
from lcm_core.contracts.workers import WorkerView
from lcm_core.domain.vocabulary import ConditionStatus, WorkerCondition
from worker_controller.lifecycle.facts import Facts


def idleness(worker: WorkerView, facts: Facts) -> ConditionReport:
    """The ``Idle`` condition. Unknown bookings or statistics never make a worker idle."""
    if facts.bookings is None:
        return _condition(ConditionStatus.UNKNOWN, "BookingsUnknown", "The bookings are not known.")
    if facts.bookings.live:
        return _condition(ConditionStatus.FALSE, "SessionsLive", "Sessions are live on it.")
    if facts.bookings.imminent:
        return _condition(ConditionStatus.FALSE, "SessionsImminent", "Sessions begin on it soon.")
    stats = facts.cml.stats if facts.cml is not None else None
    if stats is None:
        return _condition(ConditionStatus.UNKNOWN, "LoadUnknown", "CML does not tell what runs on it.")
    if stats.running_nodes or worker.status.unmanaged.resources.nodes:
        return _condition(ConditionStatus.FALSE, "NodesRunning", "Nodes run on it outside of any session.")
    return _condition(ConditionStatus.TRUE, "NothingRuns", "Nobody uses it.")


def _condition(status: ConditionStatus, reason: str, message: str) -> ConditionReport:
    return ConditionReport(type=WorkerCondition.IDLE, status=status, reason=reason, message=message)
