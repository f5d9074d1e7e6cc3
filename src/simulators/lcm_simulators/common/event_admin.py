"""The part of the admin API that concerns outgoing events."""

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lcm_simulators.common.cloudevents import EventSender
from lcm_simulators.common.event_faults import EventFault, EventFaultBook
from lcm_simulators.common.outbox import EventState, Outbox

_FAULTS = TypeAdapter(list[EventFault])


def event_admin_routes(outbox: Outbox, sender: EventSender, faults: EventFaultBook) -> list[BaseRoute]:
    """``/admin/events`` and ``/admin/event-faults``."""

    async def read_events(request: Request) -> Response:
        state = request.query_params.get("state", "")
        if state and state not in set(EventState):
            return JSONResponse({"detail": f"state is one of {', '.join(EventState)}"}, status_code=422)
        return JSONResponse({"events": [event.view() for event in outbox.events(state)]})

    async def resend_event(request: Request) -> Response:
        if not outbox.send_again(request.path_params["event_id"]):
            return JSONResponse({"detail": "there is no such event"}, status_code=404)
        sender.wake()
        return Response(status_code=202)

    async def read_faults(request: Request) -> Response:
        del request
        return JSONResponse(_FAULTS.dump_python(faults.faults, mode="json"))

    async def put_faults(request: Request) -> Response:
        try:
            faults.replace(_FAULTS.validate_json(await request.body()))
        except ValidationError as error:
            return JSONResponse({"detail": str(error)}, status_code=422)
        return await read_faults(request)

    async def clear_faults(request: Request) -> Response:
        del request
        faults.replace([])
        return Response(status_code=204)

    return [
        Route("/admin/events", read_events, methods=["GET"]),
        Route("/admin/events/{event_id}/resend", resend_event, methods=["POST"]),
        Route("/admin/event-faults", read_faults, methods=["GET"]),
        Route("/admin/event-faults", put_faults, methods=["PUT"]),
        Route("/admin/event-faults", clear_faults, methods=["DELETE"]),
    ]
