"""The REST API of grading sessions, for callers with the token, and the page of each report."""

import hmac

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lcm_simulators.common.rest import Refusal, json_body
from lcm_simulators.common.web import problem_page
from lcm_simulators.grading.engine import Engine
from lcm_simulators.grading.jobs import JobBook
from lcm_simulators.grading.model import JobRequest
from lcm_simulators.grading.report_page import report_page

JOBS = "/api/v1/grading-sessions"


class GradingApi:
    """The endpoints; their names are the operations that faults are matched by."""

    def __init__(self, engine: Engine, book: JobBook, token: str) -> None:
        self._engine, self._book, self._token = engine, book, token.encode()

    def routes(self) -> list[BaseRoute]:
        """The routes of the API and the pages."""
        return [
            Route(JOBS, self.submit_job, methods=["POST"]),
            Route(f"{JOBS}/{{job_id}}", self.get_job, methods=["GET"]),
            Route(f"{JOBS}/{{job_id}}", self.cancel_job, methods=["DELETE"]),
            Route("/reports/{job_id}", self.show_report, methods=["GET"]),
            Route("/admin/jobs", self.read_jobs, methods=["GET"]),
        ]

    async def submit_job(self, request: Request) -> Response:
        """Take a job, or tell of the one that the same key made."""
        self._authenticate(request)
        job = self._engine.submit(JobRequest.model_validate_json(await json_body(request)))
        return JSONResponse({"id": job.id, "state": job.state}, status_code=202)

    async def get_job(self, request: Request) -> Response:
        """One job."""
        self._authenticate(request)
        return JSONResponse(self._book.get(request.path_params["job_id"]).view())

    async def cancel_job(self, request: Request) -> Response:
        """Give a job up."""
        self._authenticate(request)
        self._engine.cancel(request.path_params["job_id"])
        return Response(status_code=204)

    async def show_report(self, request: Request) -> Response:
        """The report, for whoever knows its address: the id of a job cannot be guessed."""
        try:
            job = self._book.get(request.path_params["job_id"])
        except Refusal:
            return problem_page("No report", "There is no such report.", 404)
        if job.report is None:
            return problem_page("No report", f"There is no report: the grading session is {job.state}.", 404)
        return report_page(job, job.report)

    async def read_jobs(self, request: Request) -> Response:
        """Every job, for tests."""
        state = request.query_params.get("state", "")
        return JSONResponse({"items": [job.view() for job in self._book.all() if state in ("", job.state)]})

    def _authenticate(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(token.encode(), self._token):
            raise Refusal(401, "unauthorized", "The token is missing or wrong.", {"WWW-Authenticate": "Bearer"})
