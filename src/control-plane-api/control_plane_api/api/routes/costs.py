"""``/costs``: what sessions cost, summed by owner or department."""

from starlette.responses import Response

from control_plane_api.api.call import Call
from control_plane_api.api.guard import api_router, guard
from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.capacity.queries.cost_queries import CostsQuery
from lcm_core.contracts.common import UtcTime
from lcm_core.contracts.costs import CostGrouping, CostsView

router = api_router(tags=["capacity"])


@router.get("/costs", response_model=CostsView, summary="Cost of sessions by owner or department")
@guard(Action.COST_READ)
async def costs(
    call: Call, start: UtcTime | None = None, end: UtcTime | None = None, by: CostGrouping = CostGrouping.OWNER
) -> Response:
    """So far and as forecast, of the sessions you may see whose slots touch the window.

    Without a start the window begins 30 days ago, without an end it ends in 30 days; it may have 400 days.
    """
    return call.respond(await call.execute(CostsQuery(call.principal, start, end, by)))
