"""Have a stored event looked at again."""

from dataclasses import dataclass

from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.authorization.require import require
from control_plane_api.application.base import BaseCommand, Handler
from control_plane_api.application.errors import NotFoundError
from control_plane_api.application.lablet_session.commands.store_inbound import attach
from lcm_core.contracts.inbound import InboundEventResult


@dataclass(frozen=True, slots=True)
class ReplayInboundEventCommand(BaseCommand[InboundEventResult]):
    """Look at a stored event again."""

    event_id: str


class ReplayInboundEventHandler(Handler[ReplayInboundEventCommand, InboundEventResult]):
    """For an event that came when its session was not known yet; one that was applied changes nothing."""

    async def handle_async(self, request: ReplayInboundEventCommand) -> InboundEventResult:
        """What came of it. Raises ``NotFoundError``."""
        require(request.principal, Action.INBOUND_REPLAY)
        known = await self._deps.inbound.find(request.event_id)
        if known is None:
            raise NotFoundError("inbound event", request.event_id)
        if known.attached:
            return InboundEventResult(id=known.id, result="duplicate")
        attached = await attach(self._deps, known.event)
        return InboundEventResult(id=known.id, result="stored" if attached else "ignored")
