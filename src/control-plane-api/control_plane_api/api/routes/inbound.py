"""``/inbound-events``: what the delivery system and the grading engine told."""

from typing import Annotated

from fastapi import Path, Query
from starlette.responses import Response

from control_plane_api.api.call import Call
from control_plane_api.api.guard import api_router, guard
from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.lablet_session.commands.replay_inbound import ReplayInboundEventCommand
from control_plane_api.application.lablet_session.queries.inbound_queries import ListInboundEventsQuery
from lcm_core.contracts.common import Page
from lcm_core.contracts.inbound import InboundEventResult, InboundEventView

router = api_router("/inbound-events", tags=["sessions"])
LARGEST_PAGE = 200


@router.get("", response_model=Page[InboundEventView], summary="List events that other systems sent")
@guard(Action.INBOUND_READ)
async def list_events(
    call: Call,
    session_id: Annotated[str, Query(max_length=80)] = "",
    cursor: Annotated[str, Query(max_length=120)] = "",
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 50,
) -> Response:
    """Newest first, of one session or all."""
    return call.respond(await call.execute(ListInboundEventsQuery(call.principal, session_id, cursor, limit)))


@router.post("/{event_id}/replay", response_model=InboundEventResult, summary="Look at a stored event again")
@guard(Action.INBOUND_REPLAY)
async def replay(call: Call, event_id: Annotated[str, Path(min_length=1, max_length=80)]) -> Response:
    """For one that was ignored; what was applied once is not applied again."""
    return call.respond(await call.execute(ReplayInboundEventCommand(call.principal, event_id)))
