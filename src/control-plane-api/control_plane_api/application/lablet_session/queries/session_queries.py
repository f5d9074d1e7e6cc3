"""Questions about sessions and their children."""

from dataclasses import dataclass

from control_plane_api.application.audit.log import AuditLog
from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.base import BaseQuery, Reader
from control_plane_api.application.errors import ConflictError, NotFoundError
from control_plane_api.application.lablet_session.access import load_for
from control_plane_api.application.listing import SESSIONS, ListRequest
from control_plane_api.application.ports import Deps
from lcm_core.contracts.common import Page
from lcm_core.contracts.sessions import (
    GradingSessionView,
    LaunchView,
    ScoreReportView,
    SessionSecrets,
    SessionView,
    UserSessionView,
)
from lcm_core.domain.vocabulary import UserSessionPhase


@dataclass(frozen=True, slots=True)
class GetSessionQuery(BaseQuery[SessionView]):
    """One session."""

    session_id: str


class GetSessionReader(Reader[GetSessionQuery, SessionView]):
    """Visible to its owner, managers of its department, admins and controllers."""

    async def handle_async(self, request: GetSessionQuery) -> SessionView:
        """The session. Raises ``NotFoundError``, also for a session the caller may not see."""
        session = await load_for(self._deps, request.principal, request.session_id, Action.SESSION_READ)
        return session.view(SessionView)


@dataclass(frozen=True, slots=True)
class ListSessionsQuery(BaseQuery[Page[SessionView]]):
    """A page of sessions."""

    page: ListRequest


class ListSessionsReader(Reader[ListSessionsQuery, Page[SessionView]]):
    """Only those the caller may see."""

    async def handle_async(self, request: ListSessionsQuery) -> Page[SessionView]:
        """The page."""
        query = SESSIONS.query(request.page, request.principal, Action.SESSION_READ)
        found = await self._deps.sessions.list(query)
        items = [session.view(SessionView) for session in found.items]
        return Page[SessionView].model_construct(items=items, next_cursor=found.next_cursor, total=found.total)


@dataclass(frozen=True, slots=True)
class GetLaunchQuery(BaseQuery[LaunchView]):
    """The learner's link."""

    session_id: str


class GetLaunchReader(Reader[GetLaunchQuery, LaunchView]):
    """Only while the session may be entered; each read leaves a trace."""

    def __init__(self, deps: Deps, audit: AuditLog) -> None:
        super().__init__(deps)
        self._audit = audit

    async def handle_async(self, request: GetLaunchQuery) -> LaunchView:
        """The link. Raises ``ConflictError`` before the session is ready and after it ended."""
        session = await load_for(self._deps, request.principal, request.session_id, Action.SESSION_LAUNCH)
        secrets = await self._deps.children.secrets(request.session_id)
        if not session.status.launch_available or secrets is None or not secrets.launch_url:
            raise ConflictError(
                "NotLaunchable",
                f"The session is {session.phase}; its link exists from ready until it ends.",
                {"current_state": session.phase},
            )
        child = await self._deps.children.user_session(request.session_id)
        if child is not None and child.phase is UserSessionPhase.PROVISIONING:
            raise ConflictError("BuiltAgain", "The lab is being built again; its link is new when that is done.")
        await self._audit.accepted(request.principal, "ReadLaunchUrl", "session", request.session_id)
        return LaunchView(url=secrets.launch_url, expires_at=session.status.deadline)


@dataclass(frozen=True, slots=True)
class GetScoreReportQuery(BaseQuery[ScoreReportView]):
    """The verdict."""

    session_id: str


class GetScoreReportReader(Reader[GetScoreReportQuery, ScoreReportView]):
    """Visible with its session."""

    async def handle_async(self, request: GetScoreReportQuery) -> ScoreReportView:
        """The report. Raises ``NotFoundError`` while there is none."""
        await load_for(self._deps, request.principal, request.session_id, Action.SESSION_READ)
        report = await self._deps.children.score_report(request.session_id)
        if report is None:
            raise NotFoundError("score report of session", request.session_id)
        return report


@dataclass(frozen=True, slots=True)
class GetUserSessionQuery(BaseQuery[UserSessionView]):
    """The LDS side."""

    session_id: str


class GetUserSessionReader(Reader[GetUserSessionQuery, UserSessionView]):
    """Visible with its session; never with secrets."""

    async def handle_async(self, request: GetUserSessionQuery) -> UserSessionView:
        """The child. Raises ``NotFoundError`` while there is none."""
        await load_for(self._deps, request.principal, request.session_id, Action.SESSION_READ)
        child = await self._deps.children.user_session(request.session_id)
        if child is None:
            raise NotFoundError("user session of session", request.session_id)
        return child


@dataclass(frozen=True, slots=True)
class GetGradingSessionQuery(BaseQuery[GradingSessionView]):
    """The grading side."""

    session_id: str


class GetGradingSessionReader(Reader[GetGradingSessionQuery, GradingSessionView]):
    """Visible with its session."""

    async def handle_async(self, request: GetGradingSessionQuery) -> GradingSessionView:
        """The child. Raises ``NotFoundError`` while there is none."""
        await load_for(self._deps, request.principal, request.session_id, Action.SESSION_READ)
        child = await self._deps.children.grading_session(request.session_id)
        if child is None:
            raise NotFoundError("grading session of session", request.session_id)
        return child


@dataclass(frozen=True, slots=True)
class GetSessionSecretsQuery(BaseQuery[SessionSecrets]):
    """Launch URL and device access, for the lablet controller after a restart."""

    session_id: str


class GetSessionSecretsReader(Reader[GetSessionSecretsQuery, SessionSecrets]):
    """The edge lets only the lablet controller in."""

    async def handle_async(self, request: GetSessionSecretsQuery) -> SessionSecrets:
        """The secrets; empty while there are none."""
        await self._deps.sessions.get(request.session_id)
        return await self._deps.children.secrets(request.session_id) or SessionSecrets()
