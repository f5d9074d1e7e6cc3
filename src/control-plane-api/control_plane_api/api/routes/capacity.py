"""``/capacity`` and ``/placement``: what is booked, and what would happen."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from control_plane_api.api.call import Call
from control_plane_api.api.guard import api_router, guard
from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.capacity.queries.capacity_queries import CalendarQuery, PreviewPlacementQuery
from lcm_core.contracts.capacity import CalendarView, PreviewPlacement, PreviewView
from lcm_core.contracts.common import UtcTime

router = api_router(tags=["capacity"])


@router.get("/capacity/calendar", response_model=CalendarView, summary="Bookings against supply")
@guard(Action.CAPACITY_READ)
async def calendar(
    call: Call, start: UtcTime, end: UtcTime, step_minutes: Annotated[int, Query(ge=5, le=1440)] = 60
) -> Response:
    """The greatest use of each step, the workers it needs and what they cost."""
    return call.respond(await call.execute(CalendarQuery(call.principal, start, end, step_minutes)))


@router.post("/placement/preview", response_model=PreviewView, summary="What would happen to a session?")
@guard(Action.CAPACITY_READ, replay=False)
async def preview(call: Call, body: PreviewPlacement) -> Response:
    """The scheduler's own decision, without reserving anything."""
    return call.respond(await call.execute(PreviewPlacementQuery(call.principal, body)))
