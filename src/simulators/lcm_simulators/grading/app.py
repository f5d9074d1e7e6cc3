"""The HTTP side of the grading engine."""

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from html import escape

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from lcm_simulators.common import FaultBook, Journal, SimulatedClock, install_admin
from lcm_simulators.grading.engine import Engine
from lcm_simulators.grading.model import Job, JobRequest, Report
from lcm_simulators.grading.settings import GradingSettings

JOBS = "/api/v1/grading-sessions"
_STYLE = (
    ":root { color-scheme: light dark; font-family: system-ui, sans-serif } "
    "body { max-width: 50rem; margin: 1rem auto }"
)


class _Endpoints:
    def __init__(self, settings: GradingSettings, engine: Engine) -> None:
        self._token = settings.token.get_secret_value()
        self._engine = engine

    def _authenticate(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(token.encode(), self._token.encode()):
            raise HTTPException(401, "The token is missing or wrong.", {"WWW-Authenticate": "Bearer"})

    def _job(self, request: Request) -> Job:
        job = self._engine.jobs.get(request.path_params["job_id"])
        if job is None:
            raise HTTPException(404, f"There is no grading session {request.path_params['job_id']}.")
        return job

    async def submit_job(self, request: Request) -> Response:
        self._authenticate(request)
        job = self._engine.submit(JobRequest.model_validate_json(await request.body()))
        return JSONResponse({"id": job.id, "state": job.state}, status_code=202)

    async def get_job(self, request: Request) -> Response:
        self._authenticate(request)
        return JSONResponse(self._job(request).view())

    async def cancel_job(self, request: Request) -> Response:
        self._authenticate(request)
        self._engine.cancel(self._job(request))
        return Response(status_code=204)

    async def show_report(self, request: Request) -> Response:
        job = self._job(request)
        if job.report is None:
            raise HTTPException(404, "There is no report yet.")
        return HTMLResponse(_report_page(job.report))


def _report_page(report: Report) -> str:
    sections = "".join(
        f"<h2>{escape(section.name)}: {section.score:g} of {section.max_score:g}</h2><ul>"
        + "".join(f"<li>{'✓' if check.passed else '✗'} {escape(check.message)}</li>" for check in section.checks)
        + "</ul>"
        for section in report.sections
    )
    verdict = "passed" if report.passed else "not passed"
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Score report</title><style>{_STYLE}</style>"
        f"</head><body><main><h1>{report.score:g} of {report.max_score:g}: {verdict}</h1>"
        f"<p>Cut score {report.cut_score:g} %</p>{sections}</main></body></html>"
    )


async def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return JSONResponse({"error": error.detail}, status_code=error.status_code, headers=error.headers)
    return JSONResponse({"error": str(error)}, status_code=422)


def create_app(settings: GradingSettings) -> Starlette:
    """The application. Raises ``ValueError`` for stored state that cannot be read."""
    clock = SimulatedClock(settings.clock_factor)
    engine = Engine(settings, clock)
    points = _Endpoints(settings, engine)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(engine.run()), asyncio.create_task(engine.events.run())]
        yield
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    app = Starlette(
        routes=[
            Route(JOBS, points.submit_job, methods=["POST"]),
            Route(f"{JOBS}/{{job_id}}", points.get_job, methods=["GET"]),
            Route(f"{JOBS}/{{job_id}}", points.cancel_job, methods=["DELETE"]),
            Route("/reports/{job_id}", points.show_report, methods=["GET"]),
        ],
        exception_handlers={HTTPException: _refused, ValidationError: _refused},
        lifespan=lifespan,
    )
    app.state.engine = engine
    install_admin(app, simulator="grading", journal=Journal(), faults=FaultBook(), clock=clock)
    return app
