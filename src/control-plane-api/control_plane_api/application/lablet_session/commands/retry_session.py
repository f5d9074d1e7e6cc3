"""An operator has a build repeated from one of its steps on."""

from dataclasses import dataclass

from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.base import BaseCommand, Handler
from control_plane_api.application.lablet_session.access import load_for
from control_plane_api.domain.lablet_session.session import LabletSession
from lcm_core.contracts.sessions import SessionView


@dataclass(frozen=True, slots=True)
class RetrySessionCommand(BaseCommand[SessionView]):
    """Retry from a step."""

    session_id: str
    step: str
    expected_version: int | None = None


class RetrySessionHandler(Handler[RetrySessionCommand, SessionView]):
    """Checks the rule on the aggregate and stores the wish; the lablet controller undoes and builds."""

    async def handle_async(self, request: RetrySessionCommand) -> SessionView:
        """Answers the session after the change."""
        await load_for(self._deps, request.principal, request.session_id, Action.SESSION_OPERATE)

        def mutate(session: LabletSession) -> None:
            session.request_retry(request.step, self._deps.clock.now())

        session = await self._deps.sessions.update(
            request.session_id, mutate, expected_version=request.expected_version
        )
        return session.view(SessionView)
