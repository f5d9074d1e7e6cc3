"""The short way to an endpoint: past the outer application's routing and a walk through every route of the API.

The framework looks a request up in the outer application, then in the mounted one, by trying each route's expression in
turn, and wraps it in the error handling of both. An endpoint of the API answers every error itself, so a request that
fits one of its routes may go straight there. Whatever does not fit exactly (wrong method, other path, slash at the end)
takes the usual way and gets the usual answer.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from fastapi import FastAPI
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from control_plane_api.api.guard import GuardedRoute
from control_plane_api.kernel.errors import WiringError

Candidates = Mapping[tuple[str, str], Sequence[GuardedRoute]]
"""Routes by method and first part of the path, in the order in which they are matched."""


def candidates(api: FastAPI) -> Candidates:
    """The index of an application's routes. Raises ``WiringError`` when a path begins with a parameter."""
    found: dict[tuple[str, str], list[GuardedRoute]] = defaultdict(list)
    for route in api.router.routes:
        if not isinstance(route, GuardedRoute):
            continue
        first = _first(route.path_format)
        if not first or "{" in first:
            raise WiringError(f"{route.path_format} must begin with a fixed word: requests are looked up by it")
        for method in route.methods or ():
            found[method, first].append(route)
    return found


class Shortcut:
    """ASGI middleware in front of the outer application that serves the API's endpoints itself."""

    def __init__(self, app: ASGIApp, api: FastAPI, mount: str) -> None:
        self._app = app
        self._api = api
        self._mount = mount
        self._candidates = candidates(api)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "http" and scope["path"].startswith(self._mount + "/"):
            inner, route = self._found(scope)
            if route is not None:
                await route.app(inner, receive, send)
                return
        await self._app(scope, receive, send)

    def _found(self, scope: Scope) -> tuple[Scope, GuardedRoute | None]:
        """What the framework's mount and router would hand to the endpoint, and the route itself."""
        root = scope.get("root_path", "")
        inner = {
            **scope,
            "app": self._api,
            "app_root_path": scope.get("app_root_path", root),
            "root_path": root + self._mount,
        }
        key = scope["method"], _first(scope["path"][len(self._mount) :])
        for route in self._candidates.get(key, ()):
            match, found = route.matches(inner)
            if match is Match.FULL:
                return {**inner, **found, "router": self._api.router}, route
        return scope, None


def _first(path: str) -> str:
    return path[1:].partition("/")[0]
