"""Routes that cannot be reached without a decision about who may use them.

Every endpoint says ``@guard(Action.…)`` or ``@public``; a router refuses any other at import. The decision is taken
before FastAPI reads and validates the body (ruling 18).
"""

from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

import orjson
from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from control_plane_api.application.authorization.policy import Action
from control_plane_api.kernel.errors import WiringError
from lcm_core.contracts.common import Problem

EndpointT = TypeVar("EndpointT", bound=Callable[..., Any])
_MARK = "__lcm_guard__"
_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"description": "The body cannot be read", "model": Problem},
    401: {"description": "Not signed in", "model": Problem},
    403: {"description": "Not allowed", "model": Problem},
    404: {"description": "Not found", "model": Problem},
    409: {"description": "The present state does not allow it", "model": Problem},
    412: {"description": "Changed since it was read", "model": Problem},
    413: {"description": "Too large", "model": Problem},
    422: {"description": "Invalid input", "model": Problem},
    429: {"description": "Too many requests", "model": Problem},
    503: {"description": "A store is away", "model": Problem},
}


class Fencing(StrEnum):
    """Whether a write must come from a present leader."""

    NONE = "none"
    LEADER = "leader"


@dataclass(frozen=True, slots=True)
class Guard:
    """What an endpoint asks of its caller.

    ``action`` is None for public endpoints. ``fencing`` LEADER demands controller, shard and a present term.
    ``streams`` exempts from the time limit. ``body_bytes`` is this endpoint's own limit (0: the common one).
    ``replay`` False leaves ``Idempotency-Key`` to the command, which must be repeatable by itself.
    """

    action: Action | None
    fencing: Fencing = Fencing.NONE
    streams: bool = False
    body_bytes: int = 0
    replay: bool = True


def guard(
    action: Action,
    *,
    fencing: Fencing = Fencing.NONE,
    streams: bool = False,
    body_bytes: int = 0,
    replay: bool = True,
) -> Callable[[EndpointT], EndpointT]:
    """Only callers whose role permits the action, on some object at least, get in; ownership is the handler's."""

    def mark(endpoint: EndpointT) -> EndpointT:
        setattr(endpoint, _MARK, Guard(action, fencing, streams, body_bytes, replay))
        return endpoint

    return mark


def internal(action: Action, *, replay: bool = False, body_bytes: int = 0) -> Callable[[EndpointT], EndpointT]:
    """A controller's write: guarded, and fenced by its term.

    Controllers send expected versions and stable ids, so their writes are repeatable by themselves.
    """
    return guard(action, fencing=Fencing.LEADER, body_bytes=body_bytes, replay=replay)


def public(endpoint: EndpointT) -> EndpointT:
    """Anybody gets in."""
    setattr(endpoint, _MARK, Guard(None, replay=False))
    return endpoint


def guard_of(endpoint: Callable[..., Any]) -> Guard:
    """The guard of an endpoint. Raises ``WiringError`` when it has none."""
    found = getattr(endpoint, _MARK, None)
    if not isinstance(found, Guard):
        raise WiringError(f"endpoint {endpoint.__qualname__} says neither @guard(...) nor @public")
    return found


class _StrictRequest(Request):
    """Reads JSON as its standard has it: no NaN, and no half of a character, which no store could keep."""

    async def json(self) -> Any:
        """See ``Request``. Raises ``JSONDecodeError``, which FastAPI answers with the place of the fault."""
        return orjson.loads(await self.body())


class GuardedRoute(APIRoute):
    """A route that asks the edge first."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.guard = guard_of(endpoint)
        super().__init__(path, endpoint, **options)
        self.app = _served(self.get_route_handler())

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See ``APIRoute``."""
        handler = super().get_route_handler()
        wanted, method = self.guard, min(self.methods or {"GET"})

        async def guarded(request: Request) -> Response:
            # The route knows its path below the mounted application only; people look for the whole one.
            name = f"{method} {request.scope.get('root_path', '')}{self.path_format}"
            response: Response = await request.app.state.edge.handle(request, wanted, name, handler)
            return response

        return guarded


def _served(handler: Callable[[Request], Coroutine[Any, Any, Response]]) -> ASGIApp:
    """The handler as an application.

    FastAPI's own wrapping handles exceptions, which the edge has turned into answers already, and keeps a stack for
    each of three lifetimes; what is on them here (uploaded files) may all stay until the answer is sent.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async with AsyncExitStack() as stack:
            for name in ("fastapi_inner_astack", "fastapi_function_astack", "fastapi_middleware_astack"):
                scope[name] = stack
            response = await handler(_StrictRequest(scope, receive))
            await response(scope, receive, send)

    return app


def api_router(prefix: str = "", *, tags: list[str]) -> APIRouter:
    """A router whose endpoints must be guarded and whose errors are documented."""
    return APIRouter(prefix=prefix, tags=list(tags), route_class=GuardedRoute, responses=_ERRORS)
