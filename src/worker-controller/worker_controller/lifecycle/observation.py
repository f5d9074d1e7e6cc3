"""From facts to what is reported of a worker: only what changed, so that a look without news writes nothing."""

from collections.abc import Iterator
from datetime import datetime

from lcm_core.contracts.common import ConditionReport, Resources
from lcm_core.contracts.workers import CmlInfo, InstanceInfo, ReportWorker, WorkerView
from lcm_core.domain.vocabulary import ConditionStatus, WorkerCondition, WorkerPhase
from lcm_core.spi.cml_system import SystemStats
from lcm_core.spi.ec2 import InstanceState
from worker_controller.licensing.decide import licensed
from worker_controller.licensing.words import license_info, node_limit
from worker_controller.lifecycle.facts import CmlFacts, Facts
from worker_controller.lifecycle.words import condition
from worker_controller.scaling_down.idle import idleness

MISSING = "missing"
OVERHEAD = 0.95
"""A host shows a little less than its size on paper; down to this share the declared amount counts."""
MIB, GIB = 1024**2, 1024**3


def observation(worker: WorkerView, facts: Facts, now: datetime) -> ReportWorker:
    """Everything that differs from what the control plane knows; empty (no field set) when nothing does."""
    report = ReportWorker(conditions=[each for each in conditions(worker, facts) if _differs(worker, each)])
    changed: dict[str, object] = {}
    instance = _instance(worker, facts, now)
    if instance != worker.status.instance:
        changed["instance"] = instance
    if facts.instance is not None and facts.instance.state.live and facts.instance.endpoint != worker.status.endpoint:
        changed["endpoint"] = facts.instance.endpoint
    if facts.cml is not None:
        changed |= _cml(worker, facts.cml)
    changed |= _idle(worker, facts, now)
    return report.model_copy(update=changed)


def is_news(report: ReportWorker) -> bool:
    """Whether a report says anything."""
    return report != ReportWorker()


def conditions(worker: WorkerView, facts: Facts) -> Iterator[ConditionReport]:
    """The layers as conditions; what nobody looked at is left as it was."""
    if facts.ec2_known:
        yield _instance_condition(facts)
    if facts.ec2_known and facts.state is not InstanceState.RUNNING:
        for kind in (WorkerCondition.CML_REACHABLE, WorkerCondition.CML_READY):
            yield _no(kind, "InstanceNotRunning", "The instance does not run.")
    elif facts.cml is not None:
        yield from _cml_conditions(worker, facts.cml)
    if worker.status.phase is WorkerPhase.RUNNING:
        yield idleness(worker, facts)


def _instance_condition(facts: Facts) -> ConditionReport:
    kind = WorkerCondition.INSTANCE_RUNNING
    if facts.instance is None:
        return _no(kind, "NoInstance", "EC2 shows no instance.")
    if facts.instance.state is InstanceState.RUNNING:
        return _yes(kind, "Running", "The instance runs.")
    word = facts.instance.state.value
    return _no(kind, "Instance" + "".join(part.title() for part in word.split("-")), f"The instance is {word}.")


def _cml_conditions(worker: WorkerView, cml: CmlFacts) -> Iterator[ConditionReport]:
    readiness = cml.readiness
    if not readiness.reachable:
        yield _no(WorkerCondition.CML_REACHABLE, f"{readiness.failing}Failing", readiness.message)
        yield _no(WorkerCondition.CML_READY, "NotReachable", readiness.message)
        return
    yield _yes(WorkerCondition.CML_REACHABLE, "Answers", "CML answers over TLS.")
    if readiness.failing is not None:
        yield _no(WorkerCondition.CML_READY, f"{readiness.failing}Failing", readiness.message)
        return
    yield _yes(WorkerCondition.CML_READY, "Ready", "CML is ready.")
    if cml.license is not None:
        word = cml.license.authorization or cml.license.registration.value
        text = f"Registration {cml.license.registration}, authorization {word}."
        if licensed(worker, cml.license):
            yield _yes(WorkerCondition.LICENSED, "InCompliance", text)
        else:
            yield _no(WorkerCondition.LICENSED, "NotInCompliance", f"{text} {cml.license.failure}".strip())
    if cml.stats is not None:
        yield _yes(WorkerCondition.CAPACITY_KNOWN, "Measured", "CML told its size.")


def _yes(kind: WorkerCondition, reason: str, message: str) -> ConditionReport:
    return ConditionReport(type=kind, status=ConditionStatus.TRUE, reason=reason, message=message)


def _no(kind: WorkerCondition, reason: str, message: str) -> ConditionReport:
    return ConditionReport(type=kind, status=ConditionStatus.FALSE, reason=reason, message=message)


def _differs(worker: WorkerView, report: ConditionReport) -> bool:
    known = condition(worker, WorkerCondition(report.type))
    return known is None or (known.status, known.reason, known.message) != (
        report.status,
        report.reason,
        report.message,
    )


def _instance(worker: WorkerView, facts: Facts, now: datetime) -> InstanceInfo:
    """The EC2 side; a missing instance keeps its id, so that nothing about it is forgotten."""
    known = worker.status.instance
    if not facts.ec2_known:
        return known
    if facts.instance is None:
        if not known.instance_id or known.state == MISSING:
            return known
        return known.model_copy(update={"state": MISSING, "state_since": now})
    seen = facts.instance
    same = known.instance_id == seen.instance_id and known.state == seen.state.value
    return InstanceInfo(
        instance_id=seen.instance_id,
        state=seen.state.value,
        instance_type=seen.instance_type or known.instance_type,
        ami_id=seen.image_id or known.ami_id,
        ami_name=known.ami_name if seen.image_id in ("", known.ami_id) else "",
        private_ip=seen.private_ip,
        public_ip=seen.public_ip,
        launched_at=seen.launched_at or known.launched_at,
        state_since=known.state_since if same else now,
    )


def _cml(worker: WorkerView, cml: CmlFacts) -> dict[str, object]:
    changed: dict[str, object] = {}
    known = worker.status.cml
    info = CmlInfo(
        version=cml.readiness.version or known.version,
        ready=cml.ready,
        node_definitions=known.node_definitions if cml.node_definitions is None else list(cml.node_definitions),
    )
    if info != known:
        changed["cml"] = info
    if cml.license is not None and license_info(worker, cml.license) != worker.status.license:
        changed["license"] = license_info(worker, cml.license)
    if cml.stats is not None and cml.license is not None:
        capacity = measured(worker, cml.stats, node_limit(worker, cml.license))
        if capacity != worker.status.capacity:
            changed["capacity"] = capacity
    return changed


def measured(worker: WorkerView, stats: SystemStats, nodes: int) -> Resources:
    """What may be booked: as declared, less where the machine or its license is smaller."""
    declared = worker.spec.declared_capacity
    return Resources(
        cores=_lesser(declared.cores, stats.cores),
        memory_mb=_lesser(declared.memory_mb, stats.memory_total // MIB),
        storage_gb=_lesser(declared.storage_gb, stats.disk_total // GIB),
        nodes=min(declared.nodes, nodes) if nodes else declared.nodes,
    )


def _lesser(declared: int, seen: int) -> int:
    return declared if seen <= 0 or seen >= declared * OVERHEAD else seen


def _idle(worker: WorkerView, facts: Facts, now: datetime) -> dict[str, object]:
    """Since when nobody uses the worker."""
    idle = worker.status.phase is WorkerPhase.RUNNING and idleness(worker, facts).status is ConditionStatus.TRUE
    if idle:
        return {} if worker.status.idle_since is not None else {"idle_since": now}
    if worker.status.idle_since is None or idleness(worker, facts).status is ConditionStatus.UNKNOWN:
        return {}
    return {"clear_idle": True}
