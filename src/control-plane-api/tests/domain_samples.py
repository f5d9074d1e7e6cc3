"""Sessions, workers and claims with unremarkable values, for tests that care about one of them."""

from datetime import UTC, datetime, timedelta

from control_plane_api.domain.deadlines import DeadlineSettings
from control_plane_api.domain.definition.definition import LabletDefinition
from control_plane_api.domain.lablet_session.session import LabletSession
from control_plane_api.domain.worker.worker import Worker
from lcm_core.contracts.claims import ClaimView
from lcm_core.contracts.common import ConditionReport, Resources, Slot
from lcm_core.contracts.definitions import DefinitionSpec, DerivedContent
from lcm_core.contracts.sessions import Explanation, PlaceSession, SessionSpec
from lcm_core.contracts.workers import WorkerSpec
from lcm_core.domain.vocabulary import ConditionStatus, WorkerCondition

NOW = datetime(2031, 5, 6, 9, 0, tzinfo=UTC)
LIMITS = DeadlineSettings()
NEED = Resources(cores=4, memory_mb=8192, storage_gb=16, nodes=5)
CAPACITY = Resources(cores=48, memory_mb=196_608, storage_gb=256, nodes=200)
DIGEST = "0" * 64


def slot(start_minutes: float = 60, minutes: float = 60) -> Slot:
    """A slot that starts so many minutes after ``NOW``."""
    start = NOW + timedelta(minutes=start_minutes)
    return Slot(start=start, end=start + timedelta(minutes=minutes))


def session_spec(owner: str = "user", *, graded: bool = True, wanted: Slot | None = None) -> SessionSpec:
    """What a reservation asks for."""
    return SessionSpec(
        definition_id="ospf-1.0.0",
        definition_name="ospf",
        definition_version="1.0.0",
        graded=graded,
        owner=owner,
        department="networking",
        slot=wanted or slot(),
        duration_minutes=60,
        requirements=NEED,
    )


def a_session(key: str = "s1", *, graded: bool = True) -> LabletSession:
    """A fresh reservation."""
    return LabletSession.reserve(key, session_spec(graded=graded), "user", NOW, LIMITS)


def a_worker(key: str = "w1") -> Worker:
    """A worker that is wanted."""
    spec = WorkerSpec(name=key, template_id="metal-many", region="us-east-1", declared_capacity=CAPACITY)
    return Worker.want(key, spec, "Test", "for a test", "system", NOW, LIMITS)


def definition_spec(version: str = "1.0.0", artifact_id: str = "a1") -> DefinitionSpec:
    """What an author declares."""
    return DefinitionSpec(
        name="ospf",
        semantic_version=version,
        form_qualified_name="Exam Lab 1 OSPF v1 r1",
        title="OSPF",
        artifact_id=artifact_id,
    )


def a_definition(version: str = "1.0.0") -> LabletDefinition:
    """A declared definition."""
    return LabletDefinition.declare(f"ospf-{version}", definition_spec(version), "author", NOW)


def derived_content() -> DerivedContent:
    """What the lablet controller learns from a good package."""
    return DerivedContent(
        package_sha256=DIGEST,
        package_bucket="exam-lab-1-ospf-v1-r1",
        package_key=f"packages/{DIGEST}.zip",
        topology_sha256=DIGEST,
        node_count=5,
        node_definitions=["iosv"],
        estimated=NEED,
        port_template=[],
        devices=[],
    )


def explanation(reason: str = "Placed") -> Explanation:
    """A decision of the scheduler."""
    return Explanation(at=NOW, reason=reason, message="fits")


def placing(session_id: str, version: int, worker_id: str = "w1", claim_id: str = "c1") -> PlaceSession:
    """The scheduler's wish to place a session in the usual slot."""
    booked = slot()
    return PlaceSession(
        session_id=session_id,
        expected_version=version,
        worker_id=worker_id,
        claim_id=claim_id,
        booked=booked,
        claim_from=booked.start - timedelta(minutes=15),
        claim_until=booked.end + timedelta(minutes=5),
        resources=NEED,
        explanation=explanation(),
    )


def a_claim(
    claim_id: str, *, start: float = 0, minutes: float = 60, cores: int = 4, worker_id: str = "w1", **ports: int
) -> ClaimView:
    """A claim that starts so many minutes after ``NOW``."""
    begin = NOW + timedelta(minutes=start)
    return ClaimView(
        claim_id=claim_id,
        worker_id=worker_id,
        session_id=f"session-of-{claim_id}",
        resources=Resources(cores=cores),
        ports=ports,
        start=begin,
        end=begin + timedelta(minutes=minutes),
    )


def all_good() -> list[ConditionReport]:
    """Every layer of a worker is fine."""
    layers = (
        WorkerCondition.INSTANCE_RUNNING,
        WorkerCondition.CML_REACHABLE,
        WorkerCondition.CML_READY,
        WorkerCondition.LICENSED,
        WorkerCondition.CAPACITY_KNOWN,
    )
    return [ConditionReport(type=layer, status=ConditionStatus.TRUE, reason="Fine") for layer in layers]
