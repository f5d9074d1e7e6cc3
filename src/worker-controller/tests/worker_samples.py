"""Workers and facts for tests, each with everything in order unless a test says otherwise."""

from datetime import UTC, datetime, timedelta

from lcm_core.contracts.common import Condition, Resources
from lcm_core.contracts.workers import (
    CmlInfo,
    InstanceInfo,
    LaunchAttempt,
    LicenseInfo,
    ReportWorker,
    WorkerSpec,
    WorkerStatus,
    WorkerView,
)
from lcm_core.domain.vocabulary import ConditionStatus, WorkerFinalizer, WorkerPhase
from lcm_core.spi.cml_system import Layer, License, Readiness, Registration, SystemStats
from lcm_core.spi.ec2 import WORKER_TAG, Instance, InstanceState
from worker_controller.lifecycle.facts import Bookings, CmlFacts, Facts

NOW = datetime(2030, 3, 4, 9, 0, tzinfo=UTC)
GIB = 1024**3
CAPACITY = Resources(cores=48, memory_mb=192 * 1024, storage_gb=256, nodes=200)
FREE = Bookings()
LIVE = Bookings(live=1)
SOON = Bookings(imminent=1)


def worker(
    phase: WorkerPhase = WorkerPhase.RUNNING,
    *,
    instance_id: str = "i-0123456789abcdef0",
    generation: int = 1,
    observed_generation: int = 1,
    deadline: datetime | None = None,
    reason: str = "Observed",
    message: str = "",
    license_status: str = "registered",
    finalizers: list[WorkerFinalizer] | None = None,
    attempt: LaunchAttempt | None = None,
    conditions: list[Condition] | None = None,
    idle_since: datetime | None = None,
    drain_deadline: datetime | None = None,
    **spec: object,
) -> WorkerView:
    """A worker of an enterprise template."""
    has_instance = phase is not WorkerPhase.PENDING and bool(instance_id)
    wanted = {
        "name": "worker-1",
        "template_id": "metal",
        "template_name": "metal",
        "region": "us-east-1",
        "instance_type": "m5zn.metal",
        "ami_pattern": "cml-*",
        "declared_capacity": CAPACITY,
        **spec,
    }
    return WorkerView(
        id="w1",
        version=5,
        generation=generation,
        created_at=NOW,
        updated_at=NOW,
        spec=WorkerSpec.model_validate(wanted),
        status=WorkerStatus(
            phase=phase,
            phase_since=NOW - timedelta(minutes=1),
            deadline=deadline,
            drain_deadline=drain_deadline,
            reason=reason,
            message=message,
            observed_generation=observed_generation,
            capacity=CAPACITY,
            finalizers=list(WorkerFinalizer) if finalizers is None else finalizers,
            attempt=attempt,
            instance=InstanceInfo(instance_id=instance_id if has_instance else "", state="running"),
            cml=CmlInfo(),
            license=LicenseInfo(status=license_status),
            conditions=conditions or [],
            idle_since=idle_since,
        ),
    )


def attempted(error: str = "", number: int = 1) -> LaunchAttempt:
    """A recorded launch attempt."""
    return LaunchAttempt(
        client_token=f"lcm-w1-{number}", number=number, started_at=NOW - timedelta(minutes=1), error=error
    )


def false_since(kind: str, minutes: float) -> Condition:
    """A condition that has been false for so long."""
    since = NOW - timedelta(minutes=minutes)
    return Condition(type=kind, status=ConditionStatus.FALSE, reason="Test", since=since)


def instance(state: InstanceState = InstanceState.RUNNING, **fields: object) -> Instance:
    """The worker's instance."""
    known: dict[str, object] = {
        "instance_id": "i-0123456789abcdef0",
        "region": "us-east-1",
        "state": state,
        "instance_type": "m5zn.metal",
        "image_id": "ami-1",
        "public_ip": "127.0.0.9",
        "tags": {WORKER_TAG: "w1"},
    }
    return Instance(**{**known, **fields})  # type: ignore[arg-type]


def stats(running_nodes: int = 0, **fields: int) -> SystemStats:
    """A large host at rest."""
    known = {
        "cores": 48,
        "memory_total": 192 * GIB,
        "memory_used": 8 * GIB,
        "disk_total": 256 * GIB,
        "disk_used": 20 * GIB,
    }
    return SystemStats(cpu_percent=2.0, running_nodes=running_nodes, **{**known, **fields})


def a_license(registration: Registration = Registration.COMPLETED, **fields: object) -> License:
    """An enterprise license with as many nodes as the template wants."""
    compliant = registration is Registration.COMPLETED
    known: dict[str, object] = {
        "registration": registration,
        "authorization": "IN_COMPLIANCE" if compliant else "EVAL",
        "product": "CML_Enterprise",
        "expires": NOW + timedelta(days=300),
        "expansion_nodes": 180,
        "expansion_maximum": 500,
    }
    return License(**{**known, **fields})  # type: ignore[arg-type]


def cml(
    failing: Layer | None = None, *, load: SystemStats | None = None, license_now: License | None = None
) -> CmlFacts:
    """A CML that works up to a layer."""
    if failing is not None:
        return CmlFacts(Readiness(failing, f"{failing} does not work."))
    return CmlFacts(Readiness(None, "CML is ready.", "2.9.1+build.7"), load or stats(), license_now or a_license())


def facts(seen: Instance | None = None, **fields: object) -> Facts:
    """A running instance with a CML in order and nobody on it."""
    known: dict[str, object] = {"instance": seen or instance(), "cml": cml(), "bookings": FREE}
    return Facts(**{**known, **fields})  # type: ignore[arg-type]


def apply(view: WorkerView, report: ReportWorker, now: datetime = NOW) -> WorkerView:
    """What the control plane makes of a report."""
    after = view.model_copy(deep=True)
    status = after.status
    for name in ("instance", "attempt", "endpoint", "cml", "license", "capacity"):
        value = getattr(report, name)
        if value is not None:
            setattr(status, name, value)
    for each in report.conditions:
        status.conditions = [known for known in status.conditions if known.type != each.type]
        status.conditions.append(Condition(**each.model_dump(), since=now))
    if report.clear_idle:
        status.idle_since = None
    elif report.idle_since is not None:
        status.idle_since = report.idle_since
    status.finalizers = [each for each in status.finalizers if each not in report.clear_finalizers]
    if report.observed_generation is not None:
        status.observed_generation = report.observed_generation
    if report.clear_license_action:
        after.spec.license_action = ""
    if report.phase is not None and report.phase is not status.phase:
        status.phase, status.phase_since = report.phase, now
    status.reason = report.reason or status.reason
    status.message = status.message if report.message is None else report.message
    after.version += 1
    return after
