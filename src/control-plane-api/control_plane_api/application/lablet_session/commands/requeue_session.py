"""An operator takes a session's place away, so that it queues again."""

from dataclasses import dataclass

from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.base import BaseCommand, Handler
from control_plane_api.application.lablet_session.access import load_for
from control_plane_api.domain.lablet_session.session import LabletSession
from lcm_core.contracts.sessions import SessionView, UnscheduleSession


@dataclass(frozen=True, slots=True)
class RequeueSessionCommand(BaseCommand[SessionView]):
    """Queue again."""

    session_id: str
    reason: str = ""
    expected_version: int | None = None


class RequeueSessionHandler(Handler[RequeueSessionCommand, SessionView]):
    """The session first, then its claim (ruling 7)."""

    async def handle_async(self, request: RequeueSessionCommand) -> SessionView:
        """The waiting session. Raises when it holds a lab or is not scheduled."""
        await load_for(self._deps, request.principal, request.session_id, Action.SESSION_OPERATE)
        message = request.reason or f"Queued again by {request.principal.actor}."
        body = UnscheduleSession(reason="RequeuedByOperator", message=message)
        held: list[tuple[str, str]] = []

        def mutate(session: LabletSession) -> None:
            worker_id = session.status.placement.worker_id if session.status.placement else ""
            held[:] = [(worker_id, session.unschedule(body, self._deps.clock.now(), self._deps.limits))]

        session = await self._deps.sessions.update(
            request.session_id, mutate, expected_version=request.expected_version
        )
        worker_id, claim = held[0]
        if claim:
            await self._deps.claims.release(worker_id, claim)
        return session.view(SessionView)
