"""``/lablet-sessions``: reserve, look, steer."""

from typing import Annotated

from fastapi import Path
from pydantic import Field
from starlette.responses import Response

from control_plane_api.api.call import Call
from control_plane_api.api.guard import api_router, guard
from control_plane_api.api.lists import list_parameters
from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.lablet_session.commands.bulk_sessions import BulkSessions, BulkSessionsCommand
from control_plane_api.application.lablet_session.commands.change_session import ChangeSessionCommand, SessionWish
from control_plane_api.application.lablet_session.commands.end_session import EndSessionCommand
from control_plane_api.application.lablet_session.commands.extend_session import ExtendSessionCommand
from control_plane_api.application.lablet_session.commands.requeue_session import RequeueSessionCommand
from control_plane_api.application.lablet_session.commands.reserve_session import ReserveSessionCommand
from control_plane_api.application.lablet_session.commands.retry_session import RetrySessionCommand
from control_plane_api.application.lablet_session.queries.session_queries import (
    GetGradingSessionQuery,
    GetLaunchQuery,
    GetScoreReportQuery,
    GetSessionQuery,
    GetUserSessionQuery,
    ListSessionsQuery,
)
from control_plane_api.application.listing import SESSIONS, ListRequest
from lcm_core.contracts.common import BulkResult, Page, RequestModel, Sentence
from lcm_core.contracts.sessions import (
    EndSession,
    ExtendSession,
    GradingSessionView,
    LaunchView,
    ReserveSession,
    RetrySession,
    ScoreReportView,
    SessionView,
    UserSessionView,
)

router = api_router("/lablet-sessions", tags=["sessions"])
bulk_router = api_router(tags=["sessions"])
SessionId = Annotated[str, Path(min_length=1, max_length=80)]


class Reason(RequestModel):
    """Why, in a sentence for the audit trail."""

    reason: Sentence = Field(default="")


@router.post("", status_code=201, response_model=SessionView, summary="Reserve a lab")
@guard(Action.SESSION_RESERVE)
async def reserve(call: Call, body: ReserveSession) -> Response:
    """For a slot, or as soon as possible."""
    made = await call.execute(ReserveSessionCommand(call.principal, body))
    return call.respond(made, status=201, headers={"Location": f"/api/lablet-sessions/{made.id}"})


@router.get("", response_model=Page[SessionView], summary="List sessions")
@guard(Action.SESSION_READ)
async def list_sessions(call: Call, page: ListRequest = list_parameters(SESSIONS, "Session")) -> Response:
    """Those the caller may see."""
    return call.respond(await call.execute(ListSessionsQuery(call.principal, page)))


@bulk_router.post("/lablet-sessions:bulk", response_model=BulkResult, summary="Act on many sessions")
@guard(Action.SESSION_CHANGE)
async def bulk(call: Call, body: BulkSessions) -> Response:
    """Each session has its own result; one refusal does not stop the others."""
    return call.respond(await call.execute(BulkSessionsCommand(call.principal, body)))


@router.get("/{session_id}", response_model=SessionView, summary="Look at a session")
@guard(Action.SESSION_READ)
async def get_session(call: Call, session_id: SessionId) -> Response:
    """With its phase, conditions, explanation, pipeline and history."""
    return call.respond(await call.execute(GetSessionQuery(call.principal, session_id)))


@router.get("/{session_id}/launch", response_model=LaunchView, summary="Read the learner's link")
@guard(Action.SESSION_LAUNCH)
async def launch(call: Call, session_id: SessionId) -> Response:
    """From ready until the end; each read is audited."""
    return call.respond(await call.execute(GetLaunchQuery(call.principal, session_id)))


@router.get("/{session_id}/score-report", response_model=ScoreReportView, summary="Read the score report")
@guard(Action.SESSION_READ)
async def score_report(call: Call, session_id: SessionId) -> Response:
    """404 until the session was graded."""
    return call.respond(await call.execute(GetScoreReportQuery(call.principal, session_id)))


@router.get("/{session_id}/user-session", response_model=UserSessionView, summary="Look at the delivery side")
@guard(Action.SESSION_READ)
async def user_session(call: Call, session_id: SessionId) -> Response:
    """Without secrets."""
    return call.respond(await call.execute(GetUserSessionQuery(call.principal, session_id)))


@router.get("/{session_id}/grading-session", response_model=GradingSessionView, summary="Look at the grading side")
@guard(Action.SESSION_READ)
async def grading_session(call: Call, session_id: SessionId) -> Response:
    """Evidence keys and attempts."""
    return call.respond(await call.execute(GetGradingSessionQuery(call.principal, session_id)))


@router.post("/{session_id}/cancel", response_model=SessionView, summary="Cancel or end a session")
@guard(Action.SESSION_CHANGE)
async def cancel(call: Call, session_id: SessionId, body: EndSession | None = None) -> Response:
    """What it holds is given back; a session that holds nothing ends at once."""
    reason = body.reason if body else ""
    return call.respond(
        await call.execute(EndSessionCommand(call.principal, session_id, reason, call.expected_version))
    )


@router.post("/{session_id}/extend", response_model=SessionView, summary="Extend a session")
@guard(Action.SESSION_CHANGE)
async def extend(call: Call, session_id: SessionId, body: ExtendSession) -> Response:
    """Refused when the worker is booked afterwards."""
    return call.respond(
        await call.execute(ExtendSessionCommand(call.principal, session_id, body.end, call.expected_version))
    )


@router.post("/{session_id}/requeue", response_model=SessionView, summary="Give up the place and queue again")
@guard(Action.SESSION_OPERATE)
async def requeue(call: Call, session_id: SessionId, body: Reason | None = None) -> Response:
    """For a scheduled session that holds nothing yet."""
    reason = body.reason if body else ""
    return call.respond(
        await call.execute(RequeueSessionCommand(call.principal, session_id, reason, call.expected_version))
    )


@router.post("/{session_id}/retry", response_model=SessionView, summary="Build again from a step on")
@guard(Action.SESSION_OPERATE)
async def retry(call: Call, session_id: SessionId, body: RetrySession) -> Response:
    """While the lab is being built or waits for its learner; what the steps made is undone first."""
    return call.respond(
        await call.execute(RetrySessionCommand(call.principal, session_id, body.step, call.expected_version))
    )


@router.post("/{session_id}/{wish}", response_model=SessionView, summary="Stop, resume, restart, grade, observe, start")
@guard(Action.SESSION_CHANGE)
async def change(call: Call, session_id: SessionId, wish: SessionWish) -> Response:
    """The lablet controller carries the wish out."""
    return call.respond(
        await call.execute(ChangeSessionCommand(call.principal, session_id, wish, call.expected_version))
    )
