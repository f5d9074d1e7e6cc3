"""The short way to an endpoint leads to where the framework's own routing leads, with the same things in hand."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send

from control_plane_api.api.guard import GuardedRoute, api_router, public
from control_plane_api.api.router import ROUTERS, include_routes
from control_plane_api.api.shortcut import Shortcut, candidates
from control_plane_api.kernel.errors import WiringError

HANDED = ("app", "app_root_path", "root_path", "path", "path_params", "endpoint", "route")
"""What an endpoint and the edge may read of a scope."""


class Arrivals:
    """Both ways to the same routes, whose endpoints only note what arrives."""

    def __init__(self) -> None:
        self.seen: list[Scope] = []
        self.api, self.outer = FastAPI(), FastAPI()
        include_routes(self.api)
        self.outer.mount("/api", self.api)
        self.shortcut = Shortcut(self.usual, self.api, "/api")
        self.took_usual = False

    async def note(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        self.seen.append(dict(scope))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def usual(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.took_usual = True
        await self.outer(scope, receive, send)

    async def through(self, app: Any, method: str, path: str) -> tuple[int, Scope | None]:
        """Status and what arrived at an endpoint."""
        self.seen.clear()
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b""}

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "root_path": ""}
        scope |= {"headers": [], "query_string": b"", "scheme": "http", "server": ("127.0.0.1", 1), "client": ("c", 1)}
        await app(scope, receive, send)
        return sent[0]["status"], self.seen[0] if self.seen else None


@pytest.fixture
def arrivals(monkeypatch: pytest.MonkeyPatch) -> Arrivals:
    made = Arrivals()
    for route in routes():
        monkeypatch.setattr(route, "app", made.note)
    return made


def routes() -> Iterator[GuardedRoute]:
    for router in ROUTERS:
        yield from (route for route in router.routes if isinstance(route, GuardedRoute))


CALLS = [(method, route.path_format) for route in routes() for method in sorted(route.methods)]


def test_every_call_arrives_by_both_ways_with_the_same_things(arrivals: Arrivals) -> None:
    assert len(CALLS) > 100

    async def compare() -> None:
        for method, template in CALLS:
            path = "/api" + re.sub(r"{[^}]+}", "01m8b4hh0pqv5ftqm48ygayvdx", template)
            status, usual = await arrivals.through(arrivals.outer, method, path)
            arrivals.took_usual = False
            assert (await arrivals.through(arrivals.shortcut, method, path))[0] == status == 204
            short = arrivals.seen[0]
            assert usual is not None, path
            assert not arrivals.took_usual, f"{method} {path} went the long way"
            assert {name: short[name] for name in HANDED} == {name: usual[name] for name in HANDED}, path

    asyncio.run(compare())


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PATCH", "/api/workers", 405),
        ("GET", "/api/workers/", 307),
        ("GET", "/api/nothing", 404),
        ("GET", "/api/", 404),
        ("GET", "/apiworkers", 404),
        ("GET", "/workers", 404),
        ("HEAD", "/api/workers", 405),
    ],
)
def test_what_does_not_fit_exactly_takes_the_usual_way(arrivals: Arrivals, method: str, path: str, status: int) -> None:
    answered, arrived = asyncio.run(arrivals.through(arrivals.shortcut, method, path))
    assert arrivals.took_usual
    assert (answered, arrived) == (status, None)


def test_a_path_that_begins_with_a_parameter_is_refused_at_start() -> None:
    router = api_router(tags=["Strange"])

    @router.get("/{anything}/here")
    @public
    async def strange() -> None:
        """Never called."""

    api = FastAPI()
    api.router.routes.extend(router.routes)
    with pytest.raises(WiringError, match="must begin with a fixed word"):
        candidates(api)
