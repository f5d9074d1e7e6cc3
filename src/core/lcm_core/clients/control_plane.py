"""Typed client of the control plane: every read and write a controller may make, one method each.

Reads use the public API with the controller's own identity; writes use ``/api/internal``. Controller, shard, term,
idempotency key and trace headers are added by :class:`~lcm_core.clients.http.ApiClient`; errors arrive as its typed
exceptions (``NotFound``, ``Conflict``, ``PreconditionFailed``, ``StaleTerm``, ``Invalid``, ``Unavailable``).
"""

from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from pydantic import BaseModel

from lcm_core.clients.http import ApiClient
from lcm_core.contracts.claims import ClaimChanges
from lcm_core.contracts.common import BulkResult, Page, Written
from lcm_core.contracts.definitions import ArtifactView, ContentCheck, DefinitionView, SyncResult
from lcm_core.contracts.labs import LabActionResult
from lcm_core.contracts.platform import CloseTask, ControllerHeartbeat, ObtainTerm, OpenTask, TaskView, TermView
from lcm_core.contracts.sessions import (
    ExplanationBatch,
    GradingSessionView,
    InboundEventBatch,
    InboundEventBatchResult,
    PlacementBatch,
    PlacementBatchResult,
    PutGradingSession,
    PutScoreReport,
    PutUserSession,
    ReportSession,
    ScoreReportView,
    SessionSecrets,
    SessionView,
    TransitionSession,
    UnscheduleSession,
    UserSessionView,
)
from lcm_core.contracts.workers import (
    LabRecordBatch,
    LabRecordView,
    MetricsBatch,
    ReportWorker,
    ReportWorkerLabs,
    ScaleUpBatch,
    SetWorkerDesired,
    TemplateView,
    WorkerCredentials,
    WorkerView,
)

ModelT = TypeVar("ModelT", bound=BaseModel)
PAGE_LIMIT = 200
"""Items per page when everything is read; the control plane's upper bound."""


OnWrite = Callable[[str, str, int], None]
"""Called with collection, object id and version after each write that answers with them."""


def _nobody(collection: str, object_id: str, version: int) -> None:
    """Nobody waits for versions."""


class ControlPlaneClient:
    """The control plane as a controller sees it.

    ``on_write`` learns of each version written; the controller runtime passes its ``record_write``.
    """

    def __init__(self, api: ApiClient, *, on_write: OnWrite = _nobody) -> None:
        self._api = api
        self._on_write = on_write

    # Reads -----------------------------------------------------------------------------------------------------

    async def session(self, session_id: str) -> SessionView:
        """One session."""
        return await self._api.call("GET", f"/api/lablet-sessions/{session_id}", response=SessionView)

    def sessions(self, **filters: str) -> AsyncIterator[SessionView]:
        """All sessions that match, page by page."""
        return self._pages("/api/lablet-sessions", SessionView, filters)

    async def worker(self, worker_id: str) -> WorkerView:
        """One worker."""
        return await self._api.call("GET", f"/api/workers/{worker_id}", response=WorkerView)

    def workers(self, **filters: str) -> AsyncIterator[WorkerView]:
        """All workers that match, page by page."""
        return self._pages("/api/workers", WorkerView, filters)

    async def template(self, template_id: str) -> TemplateView:
        """One worker template."""
        return await self._api.call("GET", f"/api/worker-templates/{template_id}", response=TemplateView)

    def templates(self, **filters: str) -> AsyncIterator[TemplateView]:
        """All worker templates that match."""
        return self._pages("/api/worker-templates", TemplateView, filters)

    async def definition(self, definition_id: str) -> DefinitionView:
        """One definition version."""
        return await self._api.call("GET", f"/api/lablet-definitions/{definition_id}", response=DefinitionView)

    def definitions(self, **filters: str) -> AsyncIterator[DefinitionView]:
        """All definitions that match."""
        return self._pages("/api/lablet-definitions", DefinitionView, filters)

    async def lab_record(self, record_id: str) -> LabRecordView:
        """One lab record."""
        return await self._api.call("GET", f"/api/lab-records/{record_id}", response=LabRecordView)

    def lab_records(self, **filters: str) -> AsyncIterator[LabRecordView]:
        """All lab records that match."""
        return self._pages("/api/lab-records", LabRecordView, filters)

    def tasks(self, **filters: str) -> AsyncIterator[TaskView]:
        """All operator tasks that match."""
        return self._pages("/api/tasks", TaskView, filters)

    async def claim_changes(self, since: str = "") -> ClaimChanges:
        """Claim days changed since a cursor (all of them for an empty one); call again until ``items`` is empty."""
        return await self._api.call("GET", "/api/internal/claims", params={"since": since}, response=ClaimChanges)

    async def user_session(self, session_id: str) -> UserSessionView:
        """The LDS side of a session."""
        path = f"/api/internal/sessions/{session_id}/user-session"
        return await self._api.call("GET", path, response=UserSessionView)

    async def grading_session(self, session_id: str) -> GradingSessionView:
        """The grading side of a session."""
        path = f"/api/internal/sessions/{session_id}/grading-session"
        return await self._api.call("GET", path, response=GradingSessionView)

    async def session_secrets(self, session_id: str) -> SessionSecrets:
        """Launch URL and device credentials (lablet controller only)."""
        return await self._api.call("GET", f"/api/internal/sessions/{session_id}/secrets", response=SessionSecrets)

    async def worker_credentials(self, worker_id: str) -> WorkerCredentials:
        """CML credentials of a worker; the licence token only for the worker controller."""
        path = f"/api/internal/workers/{worker_id}/credentials"
        return await self._api.call("GET", path, response=WorkerCredentials)

    async def artifact_content(self, artifact_id: str) -> bytes:
        """Bytes of an uploaded artifact."""
        return await self._api.download(f"/api/internal/artifacts/{artifact_id}/content")

    # Runtime ---------------------------------------------------------------------------------------------------

    async def obtain_term(self, body: ObtainTerm) -> TermView:
        """Present a won election; the answer is the term to write with."""
        return await self._post("/api/internal/terms", body, TermView)

    async def heartbeat(self, body: ControllerHeartbeat) -> None:
        """Tell how this replica is."""
        await self._api.call("POST", "/api/internal/controllers/heartbeat", body=body)

    async def open_task(self, body: OpenTask) -> Written:
        """Ask a person to look; repeated calls with the same key are one task."""
        return await self._write("tasks", "/api/internal/tasks:open", body)

    async def close_task(self, body: CloseTask) -> None:
        """The reason of a task went away; unknown keys are fine."""
        await self._api.call("POST", "/api/internal/tasks:close", body=body)

    # Scheduler -------------------------------------------------------------------------------------------------

    async def place(self, body: PlacementBatch) -> PlacementBatchResult:
        """Place many sessions; each item has its own result."""
        result = await self._post("/api/internal/placements:batch", body, PlacementBatchResult)
        for item in result.items:
            if item.version is not None:
                self._on_write("sessions", item.session_id, item.version)
        return result

    async def explain(self, body: ExplanationBatch) -> BulkResult:
        """Store why sessions wait."""
        return await self._write_many("sessions", "/api/internal/explanations:batch", body)

    async def unschedule(self, session_id: str, body: UnscheduleSession) -> Written:
        """Take a session's place away."""
        return await self._write("sessions", f"/api/internal/sessions/{session_id}/unschedule", body)

    async def scale_up(self, body: ScaleUpBatch) -> BulkResult:
        """Create workers, one per need; a known need answers with its worker's id."""
        return await self._write_many("workers", "/api/internal/workers:scale-up", body)

    async def set_worker_desired(self, worker_id: str, body: SetWorkerDesired) -> Written:
        """Wake, stop, drain or terminate a worker."""
        return await self._write("workers", f"/api/internal/workers/{worker_id}/desired", body)

    # Worker controller -----------------------------------------------------------------------------------------

    async def report_worker(self, worker_id: str, body: ReportWorker) -> Written:
        """Store what was observed of a machine."""
        return await self._write("workers", f"/api/internal/workers/{worker_id}/report", body)

    async def report_metrics(self, body: MetricsBatch) -> None:
        """Store metrics samples; never changes a worker's version."""
        await self._api.call("POST", "/api/internal/worker-metrics:batch", body=body)

    # Lablet controller -----------------------------------------------------------------------------------------

    async def transition(self, session_id: str, body: TransitionSession) -> Written:
        """Move a session along its table."""
        return await self._write("sessions", f"/api/internal/sessions/{session_id}/transition", body)

    async def report_session(self, session_id: str, body: ReportSession) -> Written:
        """Store progress without a move."""
        return await self._write("sessions", f"/api/internal/sessions/{session_id}/report", body)

    async def put_user_session(self, session_id: str, body: PutUserSession) -> UserSessionView:
        """Store the LDS side of a session."""
        path = f"/api/internal/sessions/{session_id}/user-session"
        return await self._api.call("PUT", path, body=body, response=UserSessionView)

    async def put_grading_session(self, session_id: str, body: PutGradingSession) -> GradingSessionView:
        """Store the grading side of a session."""
        path = f"/api/internal/sessions/{session_id}/grading-session"
        return await self._api.call("PUT", path, body=body, response=GradingSessionView)

    async def put_score_report(self, session_id: str, body: PutScoreReport) -> ScoreReportView:
        """Store the score; immutable, repeating the same report is fine."""
        path = f"/api/internal/sessions/{session_id}/score-report"
        return await self._api.call("PUT", path, body=body, response=ScoreReportView)

    async def store_inbound(self, body: InboundEventBatch) -> InboundEventBatchResult:
        """Make inbound events durable; duplicates by (source, id) are recognized."""
        return await self._post("/api/internal/inbound-events:batch", body, InboundEventBatchResult)

    async def report_worker_labs(self, worker_id: str, body: ReportWorkerLabs) -> Written:
        """Store what unmanaged labs take on a worker, or clear its ``labs`` finalizer."""
        return await self._write("workers", f"/api/internal/workers/{worker_id}/labs-report", body)

    async def report_labs(self, body: LabRecordBatch) -> BulkResult:
        """Store the labs seen on a worker."""
        return await self._write_many("lab-records", "/api/internal/lab-records:batch", body)

    async def finish_lab_action(self, record_id: str, body: LabActionResult) -> Written:
        """Report the outcome of a pending lab action."""
        return await self._write("lab-records", f"/api/internal/lab-records/{record_id}/action-result", body)

    async def sync_result(self, definition_id: str, body: SyncResult) -> Written:
        """Report the verdict on a definition's content."""
        return await self._write("definitions", f"/api/internal/definitions/{definition_id}/sync-result", body)

    async def content_check(self, definition_id: str, body: ContentCheck) -> Written:
        """Report what the bucket of an active definition holds."""
        return await self._write("definitions", f"/api/internal/definitions/{definition_id}/content-check", body)

    async def upload_artifact(self, filename: str, content_type: str, content: bytes) -> ArtifactView:
        """Hand bytes (an exported topology) to the control plane."""
        return await self._api.upload(
            "/api/internal/artifacts",
            filename=filename,
            content_type=content_type,
            content=content,
            response=ArtifactView,
        )

    async def _write(self, collection: str, path: str, body: BaseModel) -> Written:
        written = await self._post(path, body, Written)
        self._on_write(collection, written.id, written.version)
        return written

    async def _write_many(self, collection: str, path: str, body: BaseModel) -> BulkResult:
        result = await self._post(path, body, BulkResult)
        for item in result.items:
            if item.version is not None:
                self._on_write(collection, item.id, item.version)
        return result

    async def _post(self, path: str, body: BaseModel, response: type[ModelT]) -> ModelT:
        return await self._api.call("POST", path, body=body, response=response)

    async def _pages(self, path: str, item: type[ModelT], filters: dict[str, str]) -> AsyncIterator[ModelT]:
        cursor = ""
        while True:
            params = {**filters, "limit": str(PAGE_LIMIT)} | ({"cursor": cursor} if cursor else {})
            page: Page[ModelT] = await self._api.call("GET", path, params=params, response=Page[item])  # type: ignore[valid-type]
            for entry in page.items:
                yield entry
            cursor = page.next_cursor
            if not cursor:
                return
