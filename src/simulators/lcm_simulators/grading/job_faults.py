"""Faults of the engine itself: jobs that fail or never end."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route


class JobFaultKind(StrEnum):
    """``fail``: the job fails while it is graded. ``stall``: it stays there until it is canceled or the engine starts
    anew."""

    FAIL = "fail"
    STALL = "stall"


class JobFault(BaseModel):
    """One instruction for the next ``count`` jobs (None: all), or for those of one session."""

    model_config = ConfigDict(extra="forbid")

    kind: JobFaultKind
    lablet_session_id: str | None = None
    count: int | None = Field(default=1, ge=0)
    message: str = Field(default="the engine broke down", min_length=1, max_length=500)


_FAULTS = TypeAdapter(list[JobFault])


class JobFaultBook:
    """The faults in force."""

    def __init__(self) -> None:
        self._faults: list[JobFault] = []

    @property
    def faults(self) -> list[JobFault]:
        """Faults that can still strike."""
        return list(self._faults)

    def replace(self, faults: list[JobFault]) -> None:
        """Put a new list in force."""
        self._faults = [fault.model_copy() for fault in faults if fault.count != 0]

    def strike(self, lablet_session_id: str) -> JobFault | None:
        """The first fault that is meant for a job of this session, used up by one."""
        for fault in self._faults:
            if fault.lablet_session_id not in (None, lablet_session_id):
                continue
            if fault.count is not None:
                fault.count -= 1
                if fault.count == 0:
                    self._faults.remove(fault)
            return fault
        return None


def job_fault_routes(faults: JobFaultBook) -> list[BaseRoute]:
    """``/admin/job-faults``."""

    async def read_job_faults(request: Request) -> Response:
        del request
        return JSONResponse(_FAULTS.dump_python(faults.faults, mode="json"))

    async def put_job_faults(request: Request) -> Response:
        try:
            faults.replace(_FAULTS.validate_json(await request.body()))
        except ValidationError as error:
            return JSONResponse({"detail": str(error)}, status_code=422)
        return await read_job_faults(request)

    return [
        Route("/admin/job-faults", read_job_faults, methods=["GET"]),
        Route("/admin/job-faults", put_job_faults, methods=["PUT"]),
    ]
