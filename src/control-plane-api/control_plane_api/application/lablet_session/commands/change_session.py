"""Wishes that are one change of the specification: start, stop, resume, restart, collect, observe."""

from dataclasses import dataclass
from enum import StrEnum

from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.base import BaseCommand, Handler
from control_plane_api.application.lablet_session.access import load_for
from control_plane_api.domain.lablet_session.session import LabletSession
from lcm_core.contracts.sessions import SessionView


class SessionWish(StrEnum):
    """What may be asked of a session beside ending and extending."""

    STOP = "stop"
    RESUME = "resume"
    RESTART = "restart"
    COLLECT_AND_GRADE = "collect-and-grade"
    OBSERVE = "observe"
    START = "start"


@dataclass(frozen=True, slots=True)
class ChangeSessionCommand(BaseCommand[SessionView]):
    """Record a wish; the lablet controller carries it out."""

    session_id: str
    wish: SessionWish
    expected_version: int | None = None


class ChangeSessionHandler(Handler[ChangeSessionCommand, SessionView]):
    """Checks the rule on the aggregate and stores the wish."""

    async def handle_async(self, request: ChangeSessionCommand) -> SessionView:
        """Answers the session after the change."""
        await load_for(self._deps, request.principal, request.session_id, Action.SESSION_CHANGE)

        def mutate(session: LabletSession) -> None:
            now = self._deps.clock.now()
            match request.wish:
                case SessionWish.STOP:
                    session.pause()
                case SessionWish.RESUME:
                    session.resume()
                case SessionWish.RESTART:
                    session.request_restart(now)
                case SessionWish.COLLECT_AND_GRADE:
                    session.request_collection(now)
                case SessionWish.OBSERVE:
                    session.request_observation(now)
                case SessionWish.START:
                    session.request_start(now)

        session = await self._deps.sessions.update(
            request.session_id, mutate, expected_version=request.expected_version
        )
        return session.view(SessionView)
