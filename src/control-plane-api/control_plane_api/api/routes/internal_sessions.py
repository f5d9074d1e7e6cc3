"""``/internal`` for sessions: placing, moving, their children and inbound events."""

from typing import Annotated

from fastapi import Path
from starlette.responses import Response

from control_plane_api.api.call import Call
from control_plane_api.api.guard import api_router, guard, internal
from control_plane_api.api.routes.internal import BATCH_BYTES
from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.lablet_session.commands.explain_sessions import ExplainSessionsCommand
from control_plane_api.application.lablet_session.commands.move_session import (
    ReportSessionCommand,
    TransitionSessionCommand,
    UnscheduleSessionCommand,
)
from control_plane_api.application.lablet_session.commands.place_sessions import PlaceSessionsCommand
from control_plane_api.application.lablet_session.commands.put_children import (
    PutGradingSessionCommand,
    PutScoreReportCommand,
    PutUserSessionCommand,
)
from control_plane_api.application.lablet_session.commands.store_inbound import StoreInboundCommand
from control_plane_api.application.lablet_session.queries.session_queries import (
    GetGradingSessionQuery,
    GetSessionSecretsQuery,
    GetUserSessionQuery,
)
from lcm_core.contracts.common import BulkResult, Written
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
    TransitionSession,
    UnscheduleSession,
    UserSessionView,
)

router = api_router("/internal", tags=["internal"])
SessionId = Annotated[str, Path(min_length=1, max_length=80)]


@router.post("/placements:batch", response_model=PlacementBatchResult, summary="Place many sessions")
@internal(Action.SESSION_PLACE, body_bytes=BATCH_BYTES)
async def place(call: Call, body: PlacementBatch) -> Response:
    """Each item is accepted or refused on its own."""
    return call.respond(await call.execute(PlaceSessionsCommand(call.principal, body)))


@router.post("/explanations:batch", response_model=BulkResult, summary="Say why sessions wait")
@internal(Action.SESSION_PLACE, body_bytes=BATCH_BYTES)
async def explain(call: Call, body: ExplanationBatch) -> Response:
    """Stored only where it changed."""
    return call.respond(await call.execute(ExplainSessionsCommand(call.principal, body)))


@router.post("/sessions/{session_id}/unschedule", response_model=Written, summary="Take a session's place away")
@internal(Action.SESSION_TRANSITION)
async def unschedule(call: Call, session_id: SessionId, body: UnscheduleSession) -> Response:
    """Back to the queue; its claim is released."""
    return call.respond(await call.execute(UnscheduleSessionCommand(call.principal, session_id, body)))


@router.post("/sessions/{session_id}/transition", response_model=Written, summary="Move a session along its table")
@internal(Action.SESSION_TRANSITION)
async def transition(call: Call, session_id: SessionId, body: TransitionSession) -> Response:
    """409 with what would be legal when the table does not list the edge."""
    return call.respond(await call.execute(TransitionSessionCommand(call.principal, session_id, body)))


@router.post("/sessions/{session_id}/report", response_model=Written, summary="Report progress of a session")
@internal(Action.SESSION_TRANSITION)
async def report(call: Call, session_id: SessionId, body: ReportSession) -> Response:
    """Pipeline checkpoints, conditions, the lab."""
    return call.respond(await call.execute(ReportSessionCommand(call.principal, session_id, body)))


@router.get("/sessions/{session_id}/user-session", response_model=UserSessionView, summary="Read the delivery side")
@guard(Action.SESSION_CHILDREN)
async def user_session(call: Call, session_id: SessionId) -> Response:
    """Without secrets."""
    return call.respond(await call.execute(GetUserSessionQuery(call.principal, session_id)))


@router.get(
    "/sessions/{session_id}/grading-session", response_model=GradingSessionView, summary="Read the grading side"
)
@guard(Action.SESSION_CHILDREN)
async def grading_session(call: Call, session_id: SessionId) -> Response:
    """Evidence keys and attempts."""
    return call.respond(await call.execute(GetGradingSessionQuery(call.principal, session_id)))


@router.get("/sessions/{session_id}/secrets", response_model=SessionSecrets, summary="Read link and device access")
@guard(Action.SESSION_CHILDREN)
async def secrets(call: Call, session_id: SessionId) -> Response:
    """Lablet controller only."""
    return call.respond(await call.execute(GetSessionSecretsQuery(call.principal, session_id)))


@router.put("/sessions/{session_id}/user-session", response_model=UserSessionView, summary="Store the delivery side")
@internal(Action.SESSION_CHILDREN)
async def put_user_session(call: Call, session_id: SessionId, body: PutUserSession) -> Response:
    """Link and device access are encrypted."""
    return call.respond(await call.execute(PutUserSessionCommand(call.principal, session_id, body)))


@router.put(
    "/sessions/{session_id}/grading-session", response_model=GradingSessionView, summary="Store the grading side"
)
@internal(Action.SESSION_CHILDREN)
async def put_grading_session(call: Call, session_id: SessionId, body: PutGradingSession) -> Response:
    """One per session."""
    return call.respond(await call.execute(PutGradingSessionCommand(call.principal, session_id, body)))


@router.put("/sessions/{session_id}/score-report", response_model=ScoreReportView, summary="Store the score")
@internal(Action.SESSION_CHILDREN)
async def put_score_report(call: Call, session_id: SessionId, body: PutScoreReport) -> Response:
    """Immutable: the first one stays."""
    return call.respond(await call.execute(PutScoreReportCommand(call.principal, session_id, body)))


@router.post("/inbound-events:batch", response_model=InboundEventBatchResult, summary="Store inbound events")
@guard(Action.INBOUND_EVENTS, body_bytes=BATCH_BYTES, replay=False)
async def inbound_events(call: Call, body: InboundEventBatch) -> Response:
    """From any replica of the lablet controller; durable when answered."""
    return call.respond(await call.execute(StoreInboundCommand(call.principal, body)))
