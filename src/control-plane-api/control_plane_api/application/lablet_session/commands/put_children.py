"""Write the children of a session: user session, grading session, score report."""

from dataclasses import dataclass

from control_plane_api.application.base import BaseCommand, Handler
from control_plane_api.application.lablet_session.commands.store_inbound import attach_early
from control_plane_api.domain.lablet_session.session import LabletSession
from lcm_core.contracts.sessions import (
    GradingSessionView,
    PutGradingSession,
    PutScoreReport,
    PutUserSession,
    ScoreReportView,
    ScoreSummary,
    UserSessionView,
)


@dataclass(frozen=True, slots=True)
class PutUserSessionCommand(BaseCommand[UserSessionView]):
    """Store the LDS side."""

    session_id: str
    body: PutUserSession


class PutUserSessionHandler(Handler[PutUserSessionCommand, UserSessionView]):
    """The child first (unique per session), then its id on the session."""

    async def handle_async(self, request: PutUserSessionCommand) -> UserSessionView:
        """The stored child."""
        await self._deps.sessions.get(request.session_id)
        child = await self._deps.children.put_user_session(request.session_id, request.body, self._deps.clock.now())

        def mutate(session: LabletSession) -> None:
            session.link_children(user_session_id=child.id)

        await self._deps.sessions.update(request.session_id, mutate)
        await attach_early(self._deps, request.body.lds_session_id or "")
        return child


@dataclass(frozen=True, slots=True)
class PutGradingSessionCommand(BaseCommand[GradingSessionView]):
    """Store the grading side."""

    session_id: str
    body: PutGradingSession


class PutGradingSessionHandler(Handler[PutGradingSessionCommand, GradingSessionView]):
    """The child first (unique per session), then its id on the session."""

    async def handle_async(self, request: PutGradingSessionCommand) -> GradingSessionView:
        """The stored child."""
        await self._deps.sessions.get(request.session_id)
        child = await self._deps.children.put_grading_session(request.session_id, request.body, self._deps.clock.now())

        def mutate(session: LabletSession) -> None:
            session.link_children(grading_session_id=child.id)

        await self._deps.sessions.update(request.session_id, mutate)
        await attach_early(self._deps, request.body.engine_id or "")
        return child


@dataclass(frozen=True, slots=True)
class PutScoreReportCommand(BaseCommand[ScoreReportView]):
    """Store the verdict."""

    session_id: str
    body: PutScoreReport


class PutScoreReportHandler(Handler[PutScoreReportCommand, ScoreReportView]):
    """The report first (immutable), then its headline on the session."""

    async def handle_async(self, request: PutScoreReportCommand) -> ScoreReportView:
        """The stored report, which is the first one if they differ."""
        await self._deps.sessions.get(request.session_id)
        report = await self._deps.children.put_score_report(request.session_id, request.body, self._deps.clock.now())
        summary = ScoreSummary(
            score_report_id=report.id,
            score=report.score,
            max_score=report.max_score,
            cut_score=report.cut_score,
            passed=report.passed,
        )

        def mutate(session: LabletSession) -> None:
            session.score(summary)

        await self._deps.sessions.update(request.session_id, mutate)
        return report
