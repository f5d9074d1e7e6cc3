"""Move the end of a session to a later time."""

from dataclasses import dataclass
from datetime import timedelta

from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.base import BaseCommand, Handler
from control_plane_api.application.claim_limits import limits_of
from control_plane_api.application.errors import ConflictError
from control_plane_api.application.lablet_session.access import load_for
from control_plane_api.domain.lablet_session.session import LabletSession
from lcm_core.contracts.claims import ClaimView
from lcm_core.contracts.common import UtcTime
from lcm_core.contracts.sessions import SessionView


@dataclass(frozen=True, slots=True)
class ExtendSessionCommand(BaseCommand[SessionView]):
    """Extend to ``end``."""

    session_id: str
    end: UtcTime
    expected_version: int | None = None


class ExtendSessionHandler(Handler[ExtendSessionCommand, SessionView]):
    """Extends the claim first (the limiting write), then the session."""

    async def handle_async(self, request: ExtendSessionCommand) -> SessionView:
        """Answers the session. Raises ``ConflictError`` when the worker is booked afterwards."""
        session = await load_for(self._deps, request.principal, request.session_id, Action.SESSION_CHANGE)
        definition = await self._deps.definitions.get(session.spec.definition_id)
        longest = timedelta(minutes=definition.spec.max_duration_minutes)
        now = self._deps.clock.now()
        # Try the rules on a copy so that a refused request leaves the claim alone.
        session.extend(request.end, longest, self._deps.limits, now)
        await self._extend_claim(session, request.end)

        def mutate(current: LabletSession) -> None:
            current.extend(request.end, longest, self._deps.limits, now)

        extended = await self._deps.sessions.update(
            request.session_id, mutate, expected_version=request.expected_version
        )
        return extended.view(SessionView)

    async def _extend_claim(self, session: LabletSession, end: UtcTime) -> None:
        placement = session.status.placement
        if placement is None:
            return
        worker = await self._deps.workers.get(placement.worker_id)
        claim = ClaimView(
            claim_id=placement.claim_id,
            worker_id=placement.worker_id,
            session_id=session.key,
            resources=placement.resources,
            ports=placement.ports,
            start=placement.booked.start - timedelta(minutes=session.spec.boot_lead_minutes),
            end=placement.booked.end,
        )
        until = end + timedelta(minutes=session.spec.cleanup_minutes)
        refusal = await self._deps.claims.extend(claim, limits_of(worker), until)
        if refusal is not None:
            raise ConflictError(refusal.code, f"The session cannot be extended: {refusal.message}")
