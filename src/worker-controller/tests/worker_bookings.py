"""Sessions placed on workers, as the scheduler and the lablet controller would have it."""

import io
import uuid
import zipfile
from datetime import timedelta

from worker_world import WorkerWorld

from lcm_core.clock import DomainClock
from lcm_core.contracts.common import Resources, Slot
from lcm_core.contracts.definitions import ArtifactView, CreateDefinition, DefinitionView, DerivedContent, SyncResult
from lcm_core.contracts.sessions import (
    Explanation,
    PlacementBatch,
    PlaceSession,
    ReserveSession,
    SessionView,
    UnscheduleSession,
)

DIGEST = "0" * 64
NEED = Resources(cores=2, memory_mb=2048, storage_gb=4, nodes=4)


async def definition(world: WorkerWorld) -> str:
    """A definition that may be reserved."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("cml.yaml", "lab: {}\n")
    artifact = await world.api.upload(
        "/api/artifacts",
        filename="package.zip",
        content_type="application/zip",
        content=buffer.getvalue(),
        response=ArtifactView,
    )
    body = CreateDefinition(
        name=f"lab-{uuid.uuid4().hex[:8]}",
        form_qualified_name="Exam Lab 1 OSPF v1 r1",
        title="OSPF",
        artifact_id=artifact.id,
    )
    made = await world.api.call("POST", "/api/lablet-definitions", body=body, response=DefinitionView)
    content = DerivedContent(
        package_sha256=DIGEST,
        package_bucket="exam-lab-1-ospf-v1-r1",
        package_key=f"packages/{DIGEST}.zip",
        topology_sha256=DIGEST,
        node_count=4,
        node_definitions=["iosv"],
        estimated=NEED,
        port_template=[],
        devices=[],
    )
    async with world.service("lablet-controller") as lablets:
        await lablets.sync_result(made.id, SyncResult(observed_generation=1, content=content))
    return made.id


async def book(world: WorkerWorld, worker_id: str, *, in_minutes: float) -> str:
    """Place a session of 100 domain minutes on a worker; its id."""
    now = DomainClock(world.world.clock_file).now()
    start = now + timedelta(minutes=in_minutes)
    slot = Slot(start=max(start, now + timedelta(minutes=2)), end=start + timedelta(minutes=100))
    body = ReserveSession(definition_id=await definition(world), slot=slot)
    session = await world.api.call("POST", "/api/lablet-sessions", body=body, response=SessionView)
    wish = PlaceSession(
        session_id=session.id,
        expected_version=session.version,
        worker_id=worker_id,
        claim_id=f"claim-{session.id}",
        booked=session.spec.slot,
        claim_from=start,
        claim_until=session.spec.slot.end,
        resources=NEED,
        explanation=Explanation(at=now, reason="Placed", message="fits"),
    )
    async with world.service("resource-scheduler") as scheduler:
        [placed] = (await scheduler.place(PlacementBatch(items=[wish]))).items
    assert placed.version is not None, placed
    return session.id


async def give_up(world: WorkerWorld, session_id: str) -> None:
    """Take the session's place away again, which releases its claim."""
    async with world.service("resource-scheduler") as scheduler:
        await scheduler.unschedule(session_id, UnscheduleSession(reason="Moved", message="Elsewhere."))
