"""HTTP without a network: requests go straight to the control plane's guarded routes, answers straight back.

Everything between the client's retries and the edge's guard that costs time and decides nothing is left out:
``httpx``, the ASGI server, the middlewares and the search through the routing table.
"""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import httpx
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.requests import Request

from control_plane_api.api.router import ROUTERS
from lcm_core.clients.http import ApiClient


@dataclass(frozen=True, slots=True)
class Call:
    """One request."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """One response, with what the client looks at."""

    status_code: int
    content: bytes
    headers: Headers

    @property
    def is_success(self) -> bool:
        """Whether the call was carried out."""
        return self.status_code < 300

    @property
    def is_server_error(self) -> bool:
        """Whether the fault is the server's."""
        return self.status_code >= 500

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode()

    @property
    def reason_phrase(self) -> str:
        """The status in words."""
        return HTTPStatus(self.status_code).phrase


@cache
def _routes() -> dict[tuple[str, int], list[tuple[APIRoute, Any]]]:
    """Routes with their handlers by method and number of parts of the path, in the order of the product."""
    found: dict[tuple[str, int], list[tuple[APIRoute, Any]]] = {}
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            handler = route.get_route_handler()
            for method in sorted(route.methods or ()):
                found.setdefault((method, route.path.count("/")), []).append((route, handler))
    return found


async def answer(call: Call, state: SimpleNamespace) -> Answer:
    """What the application with this state answers. Raises ``LookupError`` for a path that no route has."""
    path = call.path.removeprefix("/api")
    for route, handler in _routes().get((call.method, path.count("/")), ()):
        match = route.path_regex.match(path)
        if match is None:
            continue
        return await _handle(call, path, match.groupdict(), handler, state)
    raise LookupError(f"no route for {call.method} {call.path}")


async def _handle(call: Call, path: str, parameters: dict[str, str], handler: Any, state: SimpleNamespace) -> Answer:
    stack = AsyncExitStack()
    scope = {
        "type": "http",
        "method": call.method,
        "path": path,
        "root_path": "",
        "query_string": call.query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in call.headers.items()],
        "path_params": parameters,
        "app": SimpleNamespace(state=state),
        "fastapi_middleware_astack": stack,
        "fastapi_inner_astack": stack,
        "fastapi_function_astack": stack,
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": call.body, "more_body": False}

    response = await handler(Request(scope, receive))  # type: ignore[arg-type]
    return Answer(response.status_code, bytes(response.body), Headers(raw=response.raw_headers))


class Way:
    """How a process reaches the control plane; may raise ``Unreachable``."""

    async def carry(self, call: Call) -> Answer:
        """Bring a request there and its answer back."""
        raise NotImplementedError


_NO_NETWORK = httpx.MockTransport(lambda _: httpx.Response(HTTPStatus.NOT_IMPLEMENTED))
"""Never used; a transport of ``httpx`` itself would prepare TLS for every client."""


class DirectClient(ApiClient):
    """The product's client with its retries, idempotency keys and typed errors, but without ``httpx`` below."""

    def __init__(self, way: Way, word: str, **options: Any) -> None:
        super().__init__("http://plane", name="control plane", transport=_NO_NETWORK, **options)
        self._way = way
        self._word = word

    async def _once(self, method: str, path: str, **request: Any) -> Any:
        headers = {**request.get("headers", {}), "authorization": f"Bearer {self._word}"}
        call = Call(method, path, urlencode(request.get("params") or {}), headers, request.get("content") or b"")
        found = await self._way.carry(call)
        if found.is_success:
            return found
        raise self._error(found, f"{method} {path}")  # type: ignore[arg-type]
