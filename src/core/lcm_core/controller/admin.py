"""The admin API of a controller process: health, metrics, and per key trigger, pause, resume and inspect.

A process that does not lead a key's shard forwards the request to the one that does.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Protocol

import httpx
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request, Response
from fastapi.responses import JSONResponse

from lcm_core.clients.errors import Unreachable
from lcm_core.contracts.common import UtcTime, View
from lcm_core.controller.controller import Controller
from lcm_core.observability.metrics import render_metrics
from lcm_core.security.verification import InvalidToken, Principal

ADMIN_ROLE = "admin"
FORWARDED = "X-LCM-Forwarded"


class Verifier(Protocol):
    """Tells whom a token speaks for."""

    async def verify(self, token: str) -> Principal:
        """Raises ``InvalidToken`` or ``Unreachable``."""


class Process(Protocol):
    """What the admin API needs to know of the process it serves."""

    def problems(self) -> dict[str, str]:
        """What keeps the process from being ready, by name of the dependency; empty when it is."""

    @property
    def started(self) -> bool:
        """Whether start-up is over."""

    def controllers_of(self, key: str) -> Sequence[Controller]:
        """The controllers of this process that own the key under a valid leadership."""

    async def leader_url(self, key: str) -> str | None:
        """Admin URL of the process that leads the key's shard, None when nobody does."""


class KeyView(View):
    """A key in one controller."""

    controller: str
    key: str
    phase: str
    paused: bool
    failures: int
    due_in_seconds: float | None = None
    outcome: str = ""
    reason: str = ""
    sentence: str = ""
    at: UtcTime | None = None


class KeyViews(View):
    """A key in every controller that owns it."""

    items: list[KeyView]


class HealthAnswer(View):
    """State of the process; ``checks`` names what is wrong."""

    status: str
    checks: dict[str, str]


def _view(controller: Controller, key: str) -> KeyView:
    state, report = controller.inspect(key)
    view = KeyView(
        controller=controller.spec.name,
        key=key,
        phase=state.phase.value,
        paused=state.paused,
        failures=state.failures,
        due_in_seconds=state.due_in,
    )
    if report is None:
        return view
    outcome = report.outcome
    return view.model_copy(
        update={
            "outcome": outcome.kind.value,
            "reason": outcome.reason,
            "sentence": outcome.sentence,
            "at": report.at,
        }
    )


def bearer(verifier: Verifier, *roles: str) -> Callable[..., object]:
    """Dependency that requires a valid token with one of the roles; 401, 403 or 503 otherwise."""

    async def principal(authorization: Annotated[str | None, Header()] = None) -> Principal:
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise HTTPException(401, "a bearer token is needed", {"WWW-Authenticate": "Bearer"})
        try:
            who = await verifier.verify(token)
        except InvalidToken as error:
            raise HTTPException(401, str(error), {"WWW-Authenticate": 'Bearer error="invalid_token"'}) from error
        except Unreachable as error:
            raise HTTPException(503, str(error)) from error
        if not who.roles.intersection(roles):
            raise HTTPException(403, f"one of these roles is needed: {', '.join(roles)}")
        return who

    return principal


def _health_router(process: Process) -> APIRouter:
    router = APIRouter(tags=["health"])

    def answer(problems: dict[str, str]) -> JSONResponse:
        body = HealthAnswer(status="unavailable" if problems else "ok", checks=problems)
        return JSONResponse(body.model_dump(), status_code=503 if problems else 200)

    @router.get("/health/live", response_model=HealthAnswer)
    async def live() -> JSONResponse:
        """The process serves requests."""
        return answer({})

    @router.get("/health/ready", response_model=HealthAnswer)
    async def ready() -> JSONResponse:
        """The process can do its work, as leader or standby."""
        return answer(process.problems())

    @router.get("/health/started", response_model=HealthAnswer)
    async def started() -> JSONResponse:
        """Start-up is over."""
        return answer({} if process.started else {"start": "starting"})

    @router.get("/metrics")
    async def metrics() -> Response:
        """Prometheus metrics."""
        text, content_type = render_metrics()
        return Response(text, media_type=content_type)

    return router


def _keys_router(process: Process, verifier: Verifier, http: httpx.AsyncClient) -> APIRouter:
    router = APIRouter(prefix="/admin/keys", tags=["admin"], dependencies=[Depends(bearer(verifier, ADMIN_ROLE))])

    async def forward(request: Request, key: str) -> Response:
        if FORWARDED in request.headers:
            raise HTTPException(503, "the leadership of this key is moving; try again")
        leader = await process.leader_url(key)
        if leader is None:
            raise HTTPException(503, "nobody leads this key's shard at the moment; try again")
        headers = {"Authorization": request.headers["Authorization"], FORWARDED: "1"}
        try:
            answer = await http.request(request.method, f"{leader}{request.url.path}", headers=headers)
        except httpx.TransportError as error:
            raise HTTPException(503, f"the leader at {leader} cannot be reached: {error}") from error
        return Response(answer.content, answer.status_code, media_type=answer.headers.get("content-type"))

    async def handle(request: Request, key: str, act: Callable[[Controller], None]) -> Response:
        controllers = process.controllers_of(key)
        if not controllers:
            return await forward(request, key)
        for controller in controllers:
            act(controller)
        views = KeyViews(items=[_view(controller, key) for controller in controllers])
        return Response(views.model_dump_json(), media_type="application/json")

    @router.get("/{key}", response_model=KeyViews)
    async def inspect(request: Request, key: str) -> Response:
        """Where the key is and how its last reconcile ended."""
        return await handle(request, key, lambda controller: None)

    @router.post("/{key}/trigger", response_model=KeyViews)
    async def trigger(request: Request, key: str) -> Response:
        """Reconcile the key now."""
        return await handle(request, key, lambda controller: controller.trigger(key))

    @router.post("/{key}/pause", response_model=KeyViews)
    async def pause(request: Request, key: str) -> Response:
        """Leave the key alone until it is resumed or another process becomes leader."""
        return await handle(request, key, lambda controller: controller.queue.pause(key))

    @router.post("/{key}/resume", response_model=KeyViews)
    async def resume(request: Request, key: str) -> Response:
        """End the pause."""
        return await handle(request, key, lambda controller: controller.queue.resume(key))

    return router


def create_admin_app(
    title: str, process: Process, verifier: Verifier, http: httpx.AsyncClient, routers: Sequence[APIRouter] = ()
) -> FastAPI:
    """The application: health and metrics for anybody, keys for administrators, and the service's own routers."""
    app = FastAPI(title=title, docs_url=None, redoc_url=None, openapi_url="/openapi.json")

    @app.exception_handler(HTTPException)
    async def problem(_: Request, error: HTTPException) -> JSONResponse:
        body = {"type": "about:blank", "title": str(error.detail), "status": error.status_code}
        return JSONResponse(body, error.status_code, error.headers, media_type="application/problem+json")

    app.include_router(_health_router(process))
    app.include_router(_keys_router(process, verifier, http))
    for router in routers:
        app.include_router(router)
    return app
