"""Aggregates as the control plane stores them, to fill a database before anybody reads it."""

from datetime import UTC, datetime, timedelta

from pydantic import BaseModel

from lcm_core.contracts.common import Resources, Slot, View
from lcm_core.contracts.definitions import DefinitionSpec, DefinitionStatus, DerivedContent, PortSlot
from lcm_core.contracts.sessions import SessionSpec, SessionStatus
from lcm_core.contracts.workers import TemplateSpec, WorkerSpec, WorkerStatus
from lcm_core.domain.vocabulary import DefinitionPhase, PortProtocol, SessionPhase, WorkerPhase

METAL = Resources(cores=48, memory_mb=192 * 1024, storage_gb=256, nodes=200)
NEEDS = Resources(cores=4, memory_mb=12 * 1024, storage_gb=10, nodes=8)
PORTS = 8


def document(object_id: str, kind: str, spec: View | BaseModel, status: View) -> dict[str, object]:
    """An aggregate as the control plane stores it."""
    now = datetime.now(UTC)
    return {
        "_id": object_id,
        "kind": kind,
        "version": 1,
        "generation": 1,
        "spec": spec.model_dump(mode="json"),
        "status": status.model_dump(mode="json"),
        "created_at": now,
        "updated_at": now,
        "created_by": "benchmark",
        "outbox": [],
    }


def template() -> TemplateSpec:
    """A machine that stays on while nothing runs on it."""
    return TemplateSpec(
        name="metal", instance_type="m5zn.metal", capacity=METAL, hourly_cost_usd=3.96, idle_timeout_minutes=600
    )


def worker(number: int) -> tuple[WorkerSpec, WorkerStatus]:
    """A running, schedulable worker."""
    spec = WorkerSpec(
        name=f"metal-{number:03}",
        template_id="metal",
        template_name="metal",
        region="us-east-1",
        instance_type="m5zn.metal",
        declared_capacity=METAL,
        hourly_cost_usd=3.96,
        idle_timeout_minutes=600,
    )
    status = WorkerStatus(
        phase=WorkerPhase.RUNNING, phase_since=datetime.now(UTC), capacity=METAL, schedulable=True, reason="Ready"
    )
    return spec, status


def definition() -> tuple[DefinitionSpec, DefinitionStatus]:
    """An active definition with a few ports."""
    content = DerivedContent(
        package_sha256="0" * 64,
        package_bucket="bench",
        package_key="packages/bench.zip",
        topology_sha256="0" * 64,
        node_count=NEEDS.nodes,
        node_definitions=["iosv"],
        estimated=NEEDS,
        port_template=[PortSlot(name=f"P{n}", node_label=f"r{n}", protocol=PortProtocol.SERIAL) for n in range(PORTS)],
        devices=[],
    )
    spec = DefinitionSpec(
        name="bench", semantic_version="1.0.0", form_qualified_name="b e n c h x", title="Benchmark", graded=False
    )
    return spec, DefinitionStatus(phase=DefinitionPhase.ACTIVE, content=content, requirements=NEEDS)


def session(number: int, phase: SessionPhase = SessionPhase.ARCHIVED) -> tuple[SessionSpec, SessionStatus]:
    """A session of the definition, an hour long, by one of fifty owners."""
    now = datetime.now(UTC)
    begin = now - timedelta(hours=2 + number % 500)
    spec = SessionSpec(
        definition_id="bench",
        definition_name="bench",
        definition_version="1.0.0",
        definition_title="Benchmark",
        graded=False,
        owner=f"user{number % 50:02}",
        department="north" if number % 2 else "south",
        slot=Slot(start=begin, end=begin + timedelta(hours=1)),
        duration_minutes=60,
        requirements=NEEDS,
    )
    return spec, SessionStatus(phase=phase, phase_since=now)


def stored_session(number: int, phase: SessionPhase = SessionPhase.ARCHIVED) -> dict[str, object]:
    """The same as a document."""
    return document(f"s{number:06}", "session", *session(number, phase))
