"""``POST /events``: 202 once the events are durable, and a clear refusal otherwise."""

import logging

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import Counter

from lablet_controller.events.access import EventAccess
from lablet_controller.events.intake import Intake, IntakeFull, SourceRates
from lablet_controller.events.parse import MalformedEvent, UnsupportedMedia, parse_events
from lcm_core.clients.errors import ApiError, Invalid

log = logging.getLogger(__name__)
RECEIVED = Counter("lcm_inbound_events_total", "Requests to the event intake by answer", ["status"])
RETRY_SECONDS = "1"
_TITLES = {
    400: "Malformed event",
    401: "Not authenticated",
    403: "Not allowed",
    413: "Too large",
    415: "Unsupported media type",
    429: "Too many events",
    503: "Not available",
}


def events_router(access: EventAccess, intake: Intake, rates: SourceRates, body_limit: int) -> APIRouter:
    """The route, for the admin server of every replica."""
    router = APIRouter(tags=["events"])

    @router.post("/events", status_code=202)
    async def receive(request: Request) -> Response:
        """Take CloudEvents in structured, binary or batch mode."""
        answer = await _receive(request, access, intake, rates, body_limit)
        RECEIVED.labels(str(answer.status_code)).inc()
        return answer

    return router


async def _receive(
    request: Request, access: EventAccess, intake: Intake, rates: SourceRates, body_limit: int
) -> Response:
    headers = {name.lower(): value for name, value in request.headers.items()}
    early = access.refuse_early(headers)
    if early is not None:
        return _problem(early.status, early.message)
    body = await _body(request, body_limit)
    if body is None:
        return _problem(413, f"the request is larger than {body_limit} bytes")
    refusal = await access.judge(headers, body)
    if refusal is not None:
        return _problem(refusal.status, refusal.message)
    try:
        events = parse_events(headers, body)
    except MalformedEvent as error:
        return _problem(400, str(error))
    except UnsupportedMedia as error:
        return _problem(415, str(error))
    busy = rates.take(events)
    if busy:
        return _problem(429, f"source {busy} sends more events than one source may")
    for event in events:
        if event.signal is None:
            log.info("event %s of unknown type %s from %s is recorded only", event.id, event.type, event.source)
    try:
        await intake.accept(events)
    except Invalid as error:
        return _problem(400, error.sentence)
    except (ApiError, IntakeFull) as error:
        return _problem(503, f"the events cannot be stored now: {error or 'too many wait'}")
    return Response(status_code=202)


async def _body(request: Request, limit: int) -> bytes | None:
    """The body, None when it is larger than the limit, whatever its length header says."""
    announced = request.headers.get("content-length", "0")
    if announced.isascii() and announced.isdigit() and int(announced) > limit:
        return None
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            return None
        parts.append(part)
    return b"".join(parts)


def _problem(status: int, detail: str) -> JSONResponse:
    headers = {"Retry-After": RETRY_SECONDS} if status in (429, 503) else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    body = {"type": "about:blank", "title": _TITLES[status], "status": status, "detail": detail}
    return JSONResponse(body, status, headers, media_type="application/problem+json")
