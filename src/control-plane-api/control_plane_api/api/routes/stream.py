"""``/events/stream``: the live picture as server-sent events."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from control_plane_api.api.call import Call
from control_plane_api.api.guard import api_router, guard
from control_plane_api.application.authorization.authenticator import Authenticators
from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.authorization.principal import Principal
from control_plane_api.infrastructure.sse.encoding import encode, parse_position
from control_plane_api.infrastructure.sse.feed import LiveFeed
from control_plane_api.infrastructure.sse.stream import ClientQueue
from lcm_core.clock import Clock, DomainClock

router = api_router("/events", tags=["stream"])
CHECK_SECONDS = 10.0
_HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}


@router.get("/stream", summary="Follow every change", response_class=StreamingResponse)
@guard(Action.STREAM_READ, streams=True)
async def stream(call: Call) -> Response:
    """Snapshots of everything the caller may see, then changes; resumes after ``Last-Event-ID``."""
    request, principal = call.request, call.principal
    feed: LiveFeed = request.app.state.feed
    wanted = request.headers.get("last-event-id") or request.query_params.get("last_event_id", "")
    client = ClientQueue(principal)
    feed.add(client)
    body = _body(request, feed, client, wanted)
    return StreamingResponse(body, media_type="text/event-stream", headers=_HEADERS)


async def _body(request: Request, feed: LiveFeed, client: ClientQueue, wanted: str) -> AsyncGenerator[bytes, None]:
    ways: Authenticators = request.app.state.edge.authenticators
    guardian = asyncio.create_task(_end_when_due(feed, client, ways, client.principal))
    try:
        yield encode("connected", _greeting(request.app.state.clock, client.principal, feed.position))
        async with aclosing(feed.beginning(client.principal, parse_position(wanted))) as beginning:
            async for chunk in beginning:
                yield chunk
        async with aclosing(client.chunks()) as chunks:
            async for chunk in chunks:
                yield chunk
        if client.signed_out:
            yield encode("auth.session.expired", {})
        yield encode(feed.farewell, {})
    finally:
        guardian.cancel()
        feed.remove(client)


def _greeting(clock: Clock, principal: Principal, position: str) -> dict[str, str | float]:
    """With the time of the domain, which need not be that of the browser: deadlines and slots are counted in it."""
    factor = clock.factor if isinstance(clock, DomainClock) else 1.0
    return {
        "user": principal.username,
        "position": position,
        "now": clock.now().isoformat(),
        "clock_factor": factor,
    }


async def _end_when_due(feed: LiveFeed, client: ClientQueue, ways: Authenticators, principal: Principal) -> None:
    """Ends the stream after its time, or when the caller may not be signed in any more."""
    loop = asyncio.get_running_loop()
    until = loop.time() + feed.stream_seconds
    while loop.time() < until:
        await asyncio.sleep(min(CHECK_SECONDS, max(0.0, until - loop.time())))
        if not await ways.still_valid(principal):
            client.signed_out = True
            break
    client.close()
