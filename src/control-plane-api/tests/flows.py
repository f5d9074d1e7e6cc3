"""What tests do again and again through the API."""

import io
import uuid
import zipfile
from datetime import UTC, datetime, timedelta

import httpx
from domain_samples import all_good, derived_content, explanation
from plane_process import PlaneProcess

from lcm_core.clients.control_plane import ControlPlaneClient
from lcm_core.contracts.common import Resources, Slot
from lcm_core.contracts.definitions import SyncResult
from lcm_core.contracts.sessions import PlacementBatch, PlacementResult, PlaceSession, SessionView
from lcm_core.contracts.workers import CmlInfo, ReportWorker, WorkerView
from lcm_core.domain.vocabulary import WorkerPhase


def unique(word: str) -> str:
    """A name no other test uses."""
    return f"{word}-{uuid.uuid4().hex[:8]}"


def package() -> bytes:
    """A small zip file; what is inside is the lablet controller's business."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("cml.yaml", "lab: {}\n")
    return buffer.getvalue()


async def declare(author: httpx.AsyncClient, name: str, version: str = "1.0.0") -> str:
    """Upload a package and declare a definition; its id."""
    upload = await author.post("/api/artifacts", files={"file": ("package.zip", package(), "application/zip")})
    assert upload.status_code == 201, upload.text
    body = {
        "name": name,
        "semantic_version": version,
        "form_qualified_name": "Exam Lab 1 OSPF v1 r1",
        "title": "OSPF",
        "artifact_id": upload.json()["id"],
    }
    made = await author.post("/api/lablet-definitions", json=body)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def active_definition(plane: PlaneProcess, name: str | None = None, version: str = "1.0.0") -> str:
    """A definition that may be reserved."""
    async with plane.caller("author") as author, plane.controller("lablet-controller") as lablets:
        key = await declare(author, name or unique("ospf"), version)
        await lablets.sync_result(key, SyncResult(observed_generation=1, content=derived_content()))
    return key


async def running_worker(plane: PlaneProcess) -> WorkerView:
    """A worker that takes sessions."""
    async with plane.caller("admin") as admin, plane.controller("worker-controller") as workers:
        made = await admin.post("/api/workers", json={"template_id": "metal-many", "name": unique("w")})
        assert made.status_code == 201, made.text
        key = made.json()["id"]
        for phase in (WorkerPhase.PROVISIONING, WorkerPhase.STARTING, WorkerPhase.RUNNING):
            report = ReportWorker(
                phase=phase, reason="Seen", message=str(phase), conditions=all_good(), cml=CmlInfo(ready=True)
            )
            await workers.report_worker(key, report)
        return await workers.worker(key)


async def reserve(user: httpx.AsyncClient, definition_id: str, *, hours: float = 1.0, **more: object) -> SessionView:
    """A session in so many hours."""
    start = datetime.now(UTC) + timedelta(hours=hours)
    slot = {"start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat()}
    made = await user.post("/api/lablet-sessions", json={"definition_id": definition_id, "slot": slot, **more})
    assert made.status_code == 201, made.text
    return SessionView.model_validate_json(made.content)


def place_wish(session: SessionView, worker_id: str, claim_id: str | None = None, cores: int = 4) -> PlaceSession:
    """The scheduler's wish to place a session."""
    slot: Slot = session.spec.slot
    return PlaceSession(
        session_id=session.id,
        expected_version=session.version,
        worker_id=worker_id,
        claim_id=claim_id or unique("claim"),
        booked=slot,
        claim_from=slot.start - timedelta(minutes=15),
        claim_until=slot.end + timedelta(minutes=5),
        resources=Resources(cores=cores, nodes=5),
        explanation=explanation(),
    )


async def place(scheduler: ControlPlaneClient, wish: PlaceSession) -> PlacementResult:
    """Place one session."""
    return (await scheduler.place(PlacementBatch(items=[wish]))).items[0]
