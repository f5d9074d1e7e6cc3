"""The admin API that all simulators share, and its installation into an application."""

from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from lcm_simulators.common.clock import SimulatedClock
from lcm_simulators.common.faults import Fault, FaultBook
from lcm_simulators.common.journal import Journal
from lcm_simulators.common.middleware import FaultAndJournalMiddleware

CallIdentity = Callable[[Scope], tuple[str, str]]
_FAULTS = TypeAdapter(list[Fault])


class ClockBody(BaseModel):
    """Body of `PUT /admin/clock`."""

    model_config = ConfigDict(extra="forbid")

    factor: float = Field(gt=0, le=100_000)


def install_admin(
    app: Starlette,
    *,
    simulator: str,
    journal: Journal,
    faults: FaultBook,
    clock: SimulatedClock,
    identify: CallIdentity | None = None,
) -> None:
    """Add `/admin/*`, `/health`, the fault middleware and the journal to a Starlette or FastAPI application.

    Call it while the application is built, before it serves. Without `identify`, the operation of a call is the name
    of its route (the endpoint's function name) and the key its `Idempotency-Key` header, else its last path parameter.
    """
    app.router.routes[:0] = admin_routes(simulator=simulator, journal=journal, faults=faults, clock=clock)
    app.add_middleware(
        FaultAndJournalMiddleware,
        journal=journal,
        faults=faults,
        identify=identify or _identify_by_route(app.router.routes),
    )


def admin_routes(*, simulator: str, journal: Journal, faults: FaultBook, clock: SimulatedClock) -> list[BaseRoute]:
    """The routes of the admin API and `/health`, for simulators that build their router themselves."""

    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ok", "simulator": simulator})

    async def read_journal(request: Request) -> Response:
        raw = request.query_params.get("since", "0")
        if not raw.isdigit():
            return _refused("since must be a number of an entry")
        return JSONResponse(journal.as_json(int(raw)))

    async def clear_journal(request: Request) -> Response:
        journal.clear()
        return Response(status_code=204)

    async def read_faults(request: Request) -> Response:
        return JSONResponse(_FAULTS.dump_python(faults.faults, mode="json"))

    async def put_faults(request: Request) -> Response:
        try:
            faults.replace(_FAULTS.validate_json(await request.body()))
        except ValidationError as error:
            return _refused(str(error))
        return JSONResponse(_FAULTS.dump_python(faults.faults, mode="json"))

    async def clear_faults(request: Request) -> Response:
        faults.clear()
        return Response(status_code=204)

    async def read_clock(request: Request) -> Response:
        return JSONResponse({"factor": clock.factor, "now": clock.now().isoformat()})

    async def put_clock(request: Request) -> Response:
        try:
            clock.set_factor(ClockBody.model_validate_json(await request.body()).factor)
        except ValidationError as error:
            return _refused(str(error))
        return await read_clock(request)

    return [
        Route("/health", health, methods=["GET"]),
        Route("/admin/journal", read_journal, methods=["GET"]),
        Route("/admin/journal", clear_journal, methods=["DELETE"]),
        Route("/admin/faults", read_faults, methods=["GET"]),
        Route("/admin/faults", put_faults, methods=["PUT"]),
        Route("/admin/faults", clear_faults, methods=["DELETE"]),
        Route("/admin/clock", read_clock, methods=["GET"]),
        Route("/admin/clock", put_clock, methods=["PUT"]),
    ]


def _refused(text: str) -> JSONResponse:
    return JSONResponse({"detail": text}, status_code=422)


def _identify_by_route(routes: list[BaseRoute]) -> CallIdentity:
    def identify(scope: Scope) -> tuple[str, str]:
        operation, key = scope["path"], ""
        for route in routes:
            found, child = route.matches(scope)
            if found is Match.FULL:
                operation = getattr(route, "name", operation) or operation
                parameters = child.get("path_params", {})
                key = str(list(parameters.values())[-1]) if parameters else ""
                break
        headers = dict(scope.get("headers", []))
        return operation, headers.get(b"idempotency-key", b"").decode("latin-1") or key

    return identify
