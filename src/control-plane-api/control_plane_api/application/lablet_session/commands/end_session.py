"""Cancel or terminate a session."""

from dataclasses import dataclass

from control_plane_api.application.administration.limits import release_quota
from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.base import BaseCommand, Handler
from control_plane_api.application.lablet_session.access import load_for
from control_plane_api.domain.lablet_session.session import LabletSession
from lcm_core.contracts.sessions import SessionView
from lcm_core.domain.vocabulary import SessionPhase


@dataclass(frozen=True, slots=True)
class EndSessionCommand(BaseCommand[SessionView]):
    """End it; what it holds is given back by the lablet controller."""

    session_id: str
    reason: str = ""
    expected_version: int | None = None


class EndSessionHandler(Handler[EndSessionCommand, SessionView]):
    """Sets the wish; a session that holds nothing ends at once and its claim is released."""

    async def handle_async(self, request: EndSessionCommand) -> SessionView:
        """Answers the session after the change."""
        await load_for(self._deps, request.principal, request.session_id, Action.SESSION_CHANGE)
        claims: list[str] = []

        def mutate(session: LabletSession) -> None:
            claims[:] = [session.end(request.reason, self._deps.clock.now(), self._deps.limits)]

        session = await self._deps.sessions.update(
            request.session_id, mutate, expected_version=request.expected_version
        )
        if claims[0] and session.status.placement is not None:
            await self._deps.claims.release(session.status.placement.worker_id, claims[0])
        if session.phase is SessionPhase.TERMINATED:
            await release_quota(self._deps, session.key, session.spec.owner, session.spec.department)
        return session.view(SessionView)
