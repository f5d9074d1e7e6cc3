"""From the platform's wire models to placement's facts."""

from datetime import datetime, timedelta

from lcm_core.contracts.common import Resources
from lcm_core.contracts.definitions import DefinitionView
from lcm_core.contracts.sessions import SessionView
from lcm_core.contracts.workers import TemplateSpec, TemplateView, WorkerView
from lcm_core.domain import WORKER_PHASES_PLACEABLE
from lcm_core.domain.vocabulary import (
    PERSONAL_LICENSE_NODES,
    ConditionStatus,
    LicenseType,
    WorkerCondition,
    WorkerDesired,
    WorkerPhase,
)
from lcm_core.placement.amounts import pack, pack_amounts
from lcm_core.placement.instants import MINUTE, micros
from lcm_core.placement.model import Demand, Rules, WorkerFacts
from lcm_core.placement.versions import VersionRange

_ON_THE_WAY = frozenset({WorkerPhase.PENDING, WorkerPhase.PROVISIONING, WorkerPhase.STARTING})


def worker_facts(worker: WorkerView) -> WorkerFacts:
    """A worker as it stands. Capacity is what claims are checked against: less unmanaged use, within the license."""
    spec, status = worker.spec, worker.status
    refusal, refused_by = _refusal(worker)
    ready = status.phase_since + timedelta(minutes=spec.boot_minutes) if status.phase in _ON_THE_WAY else None
    taken = 0
    for number in status.unmanaged.ports:
        taken |= 1 << number
    return WorkerFacts(
        worker_id=worker.id,
        name=spec.name,
        region=spec.region,
        phase=status.phase,
        capacity=_capacity(worker),
        declared=status.capacity,
        port_low=spec.port_range.low,
        port_high=spec.port_range.high,
        ready_at=micros(ready) if ready else 0,
        boot=spec.boot_minutes * MINUTE,
        asleep=status.phase is WorkerPhase.STOPPED or _is_going_to_sleep(worker),
        refusal=refusal,
        refusal_filter=refused_by,
        taken_ports=taken,
        template_id=spec.template_id,
        license_type=spec.license_type,
        cml_version=status.cml.version,
        ami_name=status.instance.ami_name,
        node_definitions=frozenset(status.cml.node_definitions),
        nested_virtualization=spec.nested_virtualization or ".metal" in spec.instance_type,
        hourly_cost=spec.hourly_cost_usd,
        created=micros(worker.created_at),
    )


def _is_going_to_sleep(worker: WorkerView) -> bool:
    """Meant to be off although it still runs: it has to be woken like a stopped one."""
    return worker.spec.desired is WorkerDesired.STOPPED and worker.status.phase is WorkerPhase.RUNNING


def _capacity(worker: WorkerView) -> int:
    offered, used = worker.status.capacity, worker.status.unmanaged.resources
    nodes = min(offered.nodes, worker.status.license.node_limit or offered.nodes)
    if worker.spec.license_type is LicenseType.PERSONAL:
        nodes = min(nodes, PERSONAL_LICENSE_NODES)
    return pack_amounts(
        offered.cores - used.cores,
        offered.memory_mb - used.memory_mb,
        offered.storage_gb - used.storage_gb,
        nodes - used.nodes,
    )


def _refusal(worker: WorkerView) -> tuple[str, str]:
    """Why a worker takes no session at all, and which filter says so."""
    spec, status = worker.spec, worker.status
    if spec.drain:
        return "is being drained", "drain"
    if spec.desired is WorkerDesired.TERMINATED:
        return "is being terminated", "phase"
    if status.phase not in WORKER_PHASES_PLACEABLE:
        return f"is {status.phase}", "phase"
    if status.capacity == Resources():
        return "has not told its capacity yet", "capacity-known"
    if status.phase is WorkerPhase.RUNNING and not status.schedulable:
        return f"is not usable: {_failing_layer(worker)}", "health"
    return "", "phase"


def _failing_layer(worker: WorkerView) -> str:
    for condition in worker.status.conditions:
        if condition.type == WorkerCondition.SCHEDULABLE and condition.status is not ConditionStatus.TRUE:
            return (condition.message or condition.reason).rstrip(".")
    return "its layers have not been checked yet"


def template_facts(template: TemplateView, region: str, now: datetime, worker_id: str) -> WorkerFacts:
    """A worker that a template would launch in a region now."""
    spec = template.spec
    return WorkerFacts(
        worker_id=worker_id,
        name=f"a new {spec.name} in {region}",
        region=region,
        phase=WorkerPhase.PENDING,
        capacity=_template_capacity(spec),
        declared=spec.capacity,
        port_low=spec.port_range.low,
        port_high=spec.port_range.high,
        ready_at=micros(now) + spec.boot_minutes * MINUTE,
        boot=spec.boot_minutes * MINUTE,
        template_id=template.id,
        license_type=spec.license_type,
        nested_virtualization=spec.nested_virtualization or ".metal" in spec.instance_type,
        hourly_cost=spec.hourly_cost_usd,
        created=micros(now),
    )


def _template_capacity(spec: TemplateSpec) -> int:
    if spec.license_type is not LicenseType.PERSONAL:
        return pack(spec.capacity)
    nodes = min(spec.capacity.nodes, PERSONAL_LICENSE_NODES)
    return pack(spec.capacity.model_copy(update={"nodes": nodes}))


def rules_of(definition: DefinitionView) -> Rules:
    """What a definition version asks of workers."""
    asked, content = definition.spec.requirements, definition.status.content
    unreadable = ""
    ranges: list[VersionRange | None] = []
    for text in (asked.cml_version_range, asked.ami_version_range):
        try:
            ranges.append(VersionRange.parse(text) if text.strip() else None)
        except ValueError as error:
            ranges.append(None)
            unreadable = f"cannot be compared with the definition's version range: {error}"
    return Rules(
        key=definition.id,
        license_affinity=frozenset(asked.license_affinity),
        regions=frozenset(asked.regions),
        cml_versions=ranges[0],
        ami_versions=ranges[1],
        unreadable=unreadable,
        node_definitions=frozenset(content.node_definitions if content else ()),
        nested_virtualization=asked.nested_virtualization,
        port_names=tuple(slot.name for slot in content.port_template) if content else (),
    )


def demand_of(session: SessionView, rules: Rules) -> Demand:
    """A waiting session."""
    spec, status = session.spec, session.status
    tried = status.explanation.chosen_worker_id if status.explanation and status.placements_tried else ""
    return Demand(
        session_id=session.id,
        rules=rules,
        wanted=pack(spec.requirements),
        start=micros(spec.slot.start),
        end=micros(spec.slot.end),
        lead=spec.boot_lead_minutes * MINUTE,
        cleanup=spec.cleanup_minutes * MINUTE,
        soon=spec.as_soon_as_possible,
        duration=spec.duration_minutes * MINUTE,
        owner=spec.owner,
        priority=spec.priority,
        created=micros(session.created_at),
        avoid_worker=tried,
        deadline=micros(status.deadline) if status.deadline else None,
    )
