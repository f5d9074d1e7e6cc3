"""Questions about the events that other systems sent."""

from dataclasses import dataclass

from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.authorization.require import require
from control_plane_api.application.base import BaseQuery, Reader
from control_plane_api.application.errors import InvalidError
from lcm_core.contracts.common import Page
from lcm_core.contracts.inbound import InboundEventView


@dataclass(frozen=True, slots=True)
class ListInboundEventsQuery(BaseQuery[Page[InboundEventView]]):
    """Of one session, or all."""

    session_id: str
    cursor: str
    limit: int


class ListInboundEventsReader(Reader[ListInboundEventsQuery, Page[InboundEventView]]):
    """With what came of each."""

    async def handle_async(self, request: ListInboundEventsQuery) -> Page[InboundEventView]:
        """Newest first. Raises ``InvalidError`` for a cursor that is none."""
        require(request.principal, Action.INBOUND_READ)
        try:
            return await self._deps.inbound.page(request.session_id, request.cursor, request.limit)
        except ValueError as error:
            raise InvalidError.field("BadCursor", "cursor", "this is not a cursor of the inbound events") from error
