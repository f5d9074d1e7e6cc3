"""``/internal``: what only controllers may do; every write is fenced by the term of its leader."""

from typing import Annotated

from fastapi import Path, Query, UploadFile
from starlette.responses import Response

from control_plane_api.api.call import Call
from control_plane_api.api.guard import api_router, guard, internal
from control_plane_api.api.routes.definitions import UPLOAD_LIMIT
from control_plane_api.application.artifact.commands.upload_artifact import UploadArtifactCommand
from control_plane_api.application.artifact.queries.artifact_content import ArtifactContentQuery
from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.definition.commands.check_content import RecordContentCheckCommand
from control_plane_api.application.definition.commands.definition_commands import RecordSyncCommand
from control_plane_api.application.lab_record.commands.lab_commands import FinishLabActionCommand, ReportLabsCommand
from control_plane_api.application.runtime.commands.runtime_commands import HeartbeatCommand, ObtainTermCommand
from control_plane_api.application.task.commands.task_commands import CloseTaskCommand, OpenTaskCommand
from control_plane_api.application.worker.commands.controller_commands import (
    RecordMetricsCommand,
    ReportWorkerCommand,
    ReportWorkerLabsCommand,
    ScaleUpCommand,
    SetWorkerDesiredCommand,
)
from control_plane_api.application.worker.queries.worker_queries import ClaimChangesQuery, WorkerCredentialsQuery
from lcm_core.contracts.claims import ClaimChanges
from lcm_core.contracts.common import BulkResult, Written
from lcm_core.contracts.definitions import ArtifactView, ContentCheck, SyncResult
from lcm_core.contracts.labs import LabActionResult
from lcm_core.contracts.platform import CloseTask, ControllerHeartbeat, ObtainTerm, OpenTask, TermView
from lcm_core.contracts.workers import (
    LabRecordBatch,
    MetricsBatch,
    ReportWorker,
    ReportWorkerLabs,
    ScaleUpBatch,
    SetWorkerDesired,
    WorkerCredentials,
)

router = api_router("/internal", tags=["internal"])
ObjectId = Annotated[str, Path(min_length=1, max_length=120)]
BATCH_BYTES = 8 * 1024 * 1024


@router.post("/terms", response_model=TermView, summary="Present a won election")
@guard(Action.CONTROLLER_RUNTIME, replay=False)
async def terms(call: Call, body: ObtainTerm) -> Response:
    """The same election always has the same term."""
    return call.respond(await call.execute(ObtainTermCommand(call.principal, body)))


@router.post("/controllers/heartbeat", status_code=204, summary="Tell how a replica is")
@guard(Action.CONTROLLER_RUNTIME, replay=False)
async def heartbeat(call: Call, body: ControllerHeartbeat) -> Response:
    """Leaders and followers alike."""
    await call.execute(HeartbeatCommand(call.principal, body))
    return call.respond(None)


@router.post("/tasks:open", response_model=Written, summary="Ask a person to look")
@internal(Action.TASK_SYSTEM)
async def open_task(call: Call, body: OpenTask) -> Response:
    """One task per key."""
    return call.respond(await call.execute(OpenTaskCommand(call.principal, body)))


@router.post("/tasks:close", status_code=204, summary="Close a task whose reason went away")
@internal(Action.TASK_SYSTEM)
async def close_task(call: Call, body: CloseTask) -> Response:
    """Unknown keys are fine."""
    await call.execute(CloseTaskCommand(call.principal, body))
    return call.respond(None)


@router.get("/claims", response_model=ClaimChanges, summary="Follow the claims")
@guard(Action.CLAIM_READ)
async def claims(call: Call, since: Annotated[str, Query(max_length=60)] = "") -> Response:
    """Claim days changed since a cursor."""
    return call.respond(await call.execute(ClaimChangesQuery(call.principal, since)))


@router.post("/workers:scale-up", response_model=BulkResult, summary="Create workers, one per need")
@internal(Action.WORKER_SCALE)
async def scale_up(call: Call, body: ScaleUpBatch) -> Response:
    """A known need answers with its worker."""
    return call.respond(await call.execute(ScaleUpCommand(call.principal, body)))


@router.post("/workers/{worker_id}/desired", response_model=Written, summary="Wake, stop, drain or terminate")
@internal(Action.WORKER_SCALE)
async def desired(call: Call, worker_id: ObjectId, body: SetWorkerDesired) -> Response:
    """Refused when live or imminent claims would be harmed."""
    return call.respond(await call.execute(SetWorkerDesiredCommand(call.principal, worker_id, body)))


@router.post("/workers/{worker_id}/report", response_model=Written, summary="Report what was observed of a machine")
@internal(Action.WORKER_REPORT)
async def report_worker(call: Call, worker_id: ObjectId, body: ReportWorker) -> Response:
    """Unset fields keep their value."""
    return call.respond(await call.execute(ReportWorkerCommand(call.principal, worker_id, body)))


@router.post("/worker-metrics:batch", status_code=204, summary="Report metrics samples")
@internal(Action.WORKER_REPORT)
async def metrics(call: Call, body: MetricsBatch) -> Response:
    """Never changes a worker's version."""
    await call.execute(RecordMetricsCommand(call.principal, body))
    return call.respond(None)


@router.get("/workers/{worker_id}/credentials", response_model=WorkerCredentials, summary="Read CML credentials")
@guard(Action.WORKER_CREDENTIALS)
async def credentials(call: Call, worker_id: ObjectId) -> Response:
    """The licence token only for the worker controller."""
    return call.respond(await call.execute(WorkerCredentialsQuery(call.principal, worker_id)))


@router.post("/workers/{worker_id}/labs-report", response_model=Written, summary="Report unmanaged use of a worker")
@internal(Action.WORKER_LABS)
async def labs_report(call: Call, worker_id: ObjectId, body: ReportWorkerLabs) -> Response:
    """May clear the labs finalizer."""
    return call.respond(await call.execute(ReportWorkerLabsCommand(call.principal, worker_id, body)))


@router.post("/lab-records:batch", response_model=BulkResult, summary="Report the labs of a worker")
@internal(Action.WORKER_LABS)
async def report_labs(call: Call, body: LabRecordBatch) -> Response:
    """A complete list also tells which labs are gone."""
    return call.respond(await call.execute(ReportLabsCommand(call.principal, body)))


@router.post("/lab-records/{record_id}/action-result", response_model=Written, summary="Report a lab action's outcome")
@internal(Action.WORKER_LABS)
async def action_result(call: Call, record_id: ObjectId, body: LabActionResult) -> Response:
    """Ends the pending action."""
    return call.respond(await call.execute(FinishLabActionCommand(call.principal, record_id, body)))


@router.post("/definitions/{definition_id}/sync-result", response_model=Written, summary="Report a content's verdict")
@internal(Action.DEFINITION_SYNC)
async def sync_result(call: Call, definition_id: ObjectId, body: SyncResult) -> Response:
    """Activates the definition or stores its errors."""
    return call.respond(await call.execute(RecordSyncCommand(call.principal, definition_id, body)))


@router.post("/definitions/{definition_id}/content-check", response_model=Written, summary="Report what a bucket holds")
@internal(Action.DEFINITION_SYNC)
async def content_check(call: Call, definition_id: ObjectId, body: ContentCheck) -> Response:
    """A package that no version knows becomes the next version."""
    return call.respond(await call.execute(RecordContentCheckCommand(call.principal, definition_id, body)))


@router.get(
    "/artifacts/{artifact_id}/content",
    summary="Read an uploaded artifact",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}, "description": "The bytes of the file"}},
)
@guard(Action.ARTIFACT_READ)
async def artifact_content(call: Call, artifact_id: ObjectId) -> Response:
    """Its bytes."""
    content = await call.execute(ArtifactContentQuery(call.principal, artifact_id))
    return Response(content, media_type="application/octet-stream")


@router.post("/artifacts", status_code=201, response_model=ArtifactView, summary="Hand over bytes")
@guard(Action.ARTIFACT_WRITE, body_bytes=UPLOAD_LIMIT, replay=False)
async def upload(call: Call, file: UploadFile) -> Response:
    """An exported topology, for example."""
    command = UploadArtifactCommand(
        call.principal, file.filename or "", file.content_type or "application/octet-stream", await file.read()
    )
    return call.respond(await call.execute(command), status=201)
