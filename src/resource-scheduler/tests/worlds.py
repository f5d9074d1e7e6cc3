"""Makers of sessions, workers, templates and definitions for tests and benchmarks."""

from datetime import UTC, datetime, timedelta

from lcm_core.contracts.common import Resources, Slot
from lcm_core.contracts.definitions import (
    DefinitionSpec,
    DefinitionStatus,
    DefinitionView,
    DerivedContent,
    PortSlot,
    Requirements,
)
from lcm_core.contracts.sessions import SessionSpec, SessionStatus, SessionView
from lcm_core.contracts.workers import (
    ScaleUpNeed,
    TemplateSpec,
    TemplateStatus,
    TemplateView,
    WorkerSpec,
    WorkerStatus,
    WorkerView,
)
from lcm_core.domain.vocabulary import DefinitionPhase, LicenseType, PortProtocol, WorkerDesired, WorkerPhase

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
METAL = Resources(cores=48, memory_mb=192 * 1024, storage_gb=256, nodes=200)


def definition(
    name: str = "lab",
    *,
    needs: Resources = Resources(cores=4, memory_mb=8192, storage_gb=8, nodes=5),
    ports: int = 2,
    requirements: Requirements | None = None,
    node_definitions: tuple[str, ...] = ("iosv",),
) -> DefinitionView:
    """An active definition."""
    content = DerivedContent(
        package_sha256="0" * 64,
        package_bucket="b",
        package_key="k",
        topology_sha256="0" * 64,
        node_count=max(1, needs.nodes),
        node_definitions=list(node_definitions),
        estimated=needs,
        port_template=[
            PortSlot(name=f"P{number}", node_label="r1", protocol=PortProtocol.SERIAL) for number in range(ports)
        ],
        devices=[],
    )
    return DefinitionView(
        id=name,
        version=1,
        generation=1,
        created_at=NOW,
        updated_at=NOW,
        spec=DefinitionSpec(
            name=name,
            semantic_version="1.0.0",
            form_qualified_name="a b c d e f",
            title=name,
            requirements=requirements or Requirements(),
        ),
        status=DefinitionStatus(phase=DefinitionPhase.ACTIVE, content=content, requirements=needs),
    )


def session(
    session_id: str,
    lab: DefinitionView,
    *,
    start: datetime = NOW,
    minutes: int = 60,
    soon: bool = False,
    owner: str = "ann",
    priority: int = 0,
    lead: int = 15,
    cleanup: int = 5,
    latest: datetime | None = None,
    created: datetime = NOW,
    deadline: datetime | None = None,
) -> SessionView:
    """A waiting session."""
    end = latest or (start + timedelta(minutes=minutes + (720 if soon else 0)))
    return SessionView(
        id=session_id,
        version=1,
        generation=1,
        created_at=created,
        updated_at=created,
        spec=SessionSpec(
            definition_id=lab.id,
            definition_name=lab.id,
            definition_version="1.0.0",
            graded=False,
            owner=owner,
            priority=priority,
            slot=Slot(start=start, end=end),
            as_soon_as_possible=soon,
            duration_minutes=minutes,
            boot_lead_minutes=lead,
            cleanup_minutes=cleanup,
            requirements=lab.status.requirements,
        ),
        status=SessionStatus(phase_since=created, deadline=deadline),
    )


def template(
    name: str = "metal",
    *,
    capacity: Resources = METAL,
    cost: float = 4.0,
    boot: int = 10,
    limit: int = 10,
    regions: tuple[str, ...] = ("us-east-1",),
    license_type: LicenseType = LicenseType.ENTERPRISE,
    warm: int = 0,
    idle: int = 30,
    blocked_until: datetime | None = None,
    enabled: bool = True,
) -> TemplateView:
    """A worker template."""
    return TemplateView(
        id=f"t-{name}",
        version=1,
        generation=1,
        created_at=NOW,
        updated_at=NOW,
        spec=TemplateSpec(
            name=name,
            instance_type="m5zn.metal",
            capacity=capacity,
            license_type=license_type,
            regions=list(regions),
            hourly_cost_usd=cost,
            boot_minutes=boot,
            max_workers_per_region=limit,
            min_warm_workers=warm,
            idle_timeout_minutes=idle,
            enabled=enabled,
        ),
        status=TemplateStatus(blocked_until=blocked_until),
    )


def worker(
    worker_id: str,
    *,
    capacity: Resources = METAL,
    phase: WorkerPhase = WorkerPhase.RUNNING,
    since: datetime = NOW - timedelta(hours=1),
    made_from: TemplateView | None = None,
    desired: WorkerDesired | None = None,
    schedulable: bool = True,
    created: datetime = NOW - timedelta(hours=2),
    need_id: str = "",
    region: str = "us-east-1",
) -> WorkerView:
    """A worker, running unless said otherwise."""
    model = made_from or template(capacity=capacity)
    asleep = phase in (WorkerPhase.STOPPED, WorkerPhase.STOPPING)
    return WorkerView(
        id=worker_id,
        version=1,
        generation=1,
        created_at=created,
        updated_at=created,
        spec=WorkerSpec(
            name=worker_id,
            template_id=model.id,
            template_name=model.spec.name,
            region=region,
            desired=desired or (WorkerDesired.STOPPED if asleep else WorkerDesired.RUNNING),
            instance_type=model.spec.instance_type,
            license_type=model.spec.license_type,
            port_range=model.spec.port_range,
            declared_capacity=model.spec.capacity,
            hourly_cost_usd=model.spec.hourly_cost_usd,
            boot_minutes=model.spec.boot_minutes,
            idle_timeout_minutes=model.spec.idle_timeout_minutes,
            need_id=need_id,
        ),
        status=WorkerStatus(
            phase=phase,
            phase_since=since,
            capacity=model.spec.capacity,
            schedulable=schedulable and phase is WorkerPhase.RUNNING,
        ),
    )


def planned_worker(worker_id: str, model: TemplateView, need: ScaleUpNeed, now: datetime) -> WorkerView:
    """What the control plane makes of a need."""
    return worker(
        worker_id,
        phase=WorkerPhase.PENDING,
        since=now,
        made_from=model,
        created=now,
        need_id=need.need_id,
        region=need.region,
    )
