"""``/jobs``."""

from typing import Annotated

from fastapi import Path, Query
from starlette.responses import Response

from control_plane_api.api.call import Call
from control_plane_api.api.guard import api_router, guard
from control_plane_api.api.lists import LARGEST_PAGE
from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.jobs.job_requests import ListJobRunsQuery, ListJobsQuery, RunJobCommand
from lcm_core.contracts.administration import JobRunView, JobView
from lcm_core.contracts.common import Page

router = api_router("/jobs", tags=["jobs"])
JobName = Annotated[str, Path(min_length=1, max_length=80)]


@router.get("", response_model=Page[JobView], summary="List the periodic jobs")
@guard(Action.JOB_READ)
async def list_jobs(call: Call) -> Response:
    """With their interval and their last run."""
    return call.respond(await call.execute(ListJobsQuery(call.principal)))


@router.get("/{name}/runs", response_model=Page[JobRunView], summary="List the runs of a job")
@guard(Action.JOB_READ)
async def list_runs(call: Call, name: JobName, limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 50) -> Response:
    """Newest first; a month is kept."""
    return call.respond(await call.execute(ListJobRunsQuery(call.principal, name, limit)))


@router.post("/{name}/run", status_code=202, summary="Run a job now", response_class=Response)
@guard(Action.JOB_RUN)
async def run_job(call: Call, name: JobName) -> Response:
    """It starts within a few seconds, on whichever replica is first."""
    await call.execute(RunJobCommand(call.principal, name))
    return Response(status_code=202)
