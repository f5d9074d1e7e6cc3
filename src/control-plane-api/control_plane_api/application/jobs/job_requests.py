"""See the jobs, their runs, and start one."""

from dataclasses import dataclass

from control_plane_api.application.administration.limits import present_settings
from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.authorization.require import require
from control_plane_api.application.base import BaseCommand, BaseQuery, Handler, Reader
from control_plane_api.application.errors import NotFoundError
from control_plane_api.application.jobs.catalog import BY_NAME, JOBS
from control_plane_api.application.ports import Deps, JobStore
from lcm_core.contracts.administration import JobLast, JobRunView, JobView
from lcm_core.contracts.common import Page


@dataclass(frozen=True, slots=True)
class ListJobsQuery(BaseQuery[Page[JobView]]):
    """Every job."""


class ListJobsReader(Reader[ListJobsQuery, Page[JobView]]):
    """With its last run."""

    def __init__(self, deps: Deps, jobs: JobStore) -> None:
        super().__init__(deps)
        self._jobs = jobs

    async def handle_async(self, request: ListJobsQuery) -> Page[JobView]:
        """The jobs, by name."""
        require(request.principal, Action.JOB_READ)
        settings = await present_settings(self._deps)
        known = await self._jobs.all()
        items = [
            JobView(
                name=job.name,
                description=job.description,
                interval_seconds=job.seconds(settings),
                **known.get(job.name, JobLast()).model_dump(),
            )
            for job in JOBS
        ]
        return Page[JobView](items=items, total=len(items))


@dataclass(frozen=True, slots=True)
class ListJobRunsQuery(BaseQuery[Page[JobRunView]]):
    """The newest runs of a job."""

    name: str
    limit: int


class ListJobRunsReader(Reader[ListJobRunsQuery, Page[JobRunView]]):
    """What each did."""

    def __init__(self, deps: Deps, jobs: JobStore) -> None:
        super().__init__(deps)
        self._jobs = jobs

    async def handle_async(self, request: ListJobRunsQuery) -> Page[JobRunView]:
        """Newest first. Raises ``NotFoundError`` for an unknown job."""
        require(request.principal, Action.JOB_READ)
        _known(request.name)
        return Page[JobRunView](items=await self._jobs.runs(request.name, request.limit))


@dataclass(frozen=True, slots=True)
class RunJobCommand(BaseCommand[None]):
    """Run a job now."""

    name: str


class RunJobHandler(Handler[RunJobCommand, None]):
    """Notes the wish; whichever replica ticks next runs it."""

    def __init__(self, deps: Deps, jobs: JobStore) -> None:
        super().__init__(deps)
        self._jobs = jobs

    async def handle_async(self, request: RunJobCommand) -> None:
        """Raises ``NotFoundError`` for an unknown job."""
        require(request.principal, Action.JOB_RUN)
        _known(request.name)
        await self._jobs.request(request.name)


def _known(name: str) -> None:
    if name not in BY_NAME:
        raise NotFoundError("job", name)
