"""The grading engine over REST with a static bearer token."""

from contextlib import suppress

from pydantic import Field, TypeAdapter

from lablet_controller.adapters.http import OutsideClient
from lablet_controller.adapters.wire import Answer, read
from lcm_core.spi.errors import OutsideNotFound, OutsideRefused
from lcm_core.spi.grading import (
    EngineCheck,
    EngineReport,
    EngineSection,
    EngineState,
    GradingJob,
    GradingRequest,
)

SYSTEM = "grading engine"
JOBS = "/api/v1/grading-sessions"


class _Check(Answer):
    id: str
    passed: bool
    message: str = ""


class _Section(Answer):
    name: str
    score: float
    max_score: float
    passed: bool
    checks: list[_Check] = Field(default_factory=list)


class _Report(Answer):
    score: float
    max_score: float
    cut_score: float
    passed: bool
    sections: list[_Section] = Field(default_factory=list)
    report_url: str | None = ""


class _Job(Answer):
    id: str
    state: EngineState
    error: str | None = None
    report: _Report | None = None


_JOB = TypeAdapter(_Job)
_ENDED = frozenset({EngineState.COMPLETED, EngineState.FAILED, EngineState.CANCELED})


class HttpGradingEngine:
    """Implements ``GradingEngine``."""

    def __init__(self, url: str, token: str, *, timeout_seconds: float = 10.0) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._client = OutsideClient(SYSTEM, url, headers=headers, timeout_seconds=timeout_seconds, max_connections=32)

    async def close(self) -> None:
        """Close the pool."""
        await self._client.close()

    async def submit(self, request: GradingRequest) -> GradingJob:
        """See ``GradingEngine``."""
        body = {
            "idempotency_key": request.idempotency_key,
            "lablet_session_id": request.session_id,
            "pod": {
                "devices": [
                    {
                        "label": device.label,
                        "node_definition": device.node_definition,
                        "host": device.host,
                        "port": device.port,
                        "protocol": device.protocol,
                    }
                    for device in request.devices
                ]
            },
            "evidence": {
                "bucket": request.bucket,
                "manifest_key": request.manifest_key,
                "keys": list(request.evidence_keys),
            },
            "rubric": {"bucket": request.rubric_bucket, "key": request.rubric_key},
        }
        job = _job(await self._client.json("POST", JOBS, json_body=body))
        # The answer names id and state alone. A job that an earlier attempt submitted, whose answer was lost, may have
        # ended by now: without its report or error it would look like one that brought nothing.
        return await self.job(job.id) if job.state in _ENDED else job

    async def job(self, job_id: str) -> GradingJob:
        """See ``GradingEngine``."""
        return _job(await self._client.json("GET", f"{JOBS}/{job_id}"))

    async def cancel(self, job_id: str) -> None:
        """See ``GradingEngine``."""
        with suppress(OutsideNotFound, OutsideRefused):
            await self._client.call("DELETE", f"{JOBS}/{job_id}")


def _job(value: object) -> GradingJob:
    job = read(SYSTEM, _JOB, value)
    return GradingJob(job.id, job.state, job.error or "", _report(job.report) if job.report else None)


def _report(report: _Report) -> EngineReport:
    sections = tuple(
        EngineSection(
            section.name,
            section.score,
            section.max_score,
            section.passed,
            tuple(EngineCheck(check.id, check.passed, check.message) for check in section.checks),
        )
        for section in report.sections
    )
    return EngineReport(
        report.score, report.max_score, report.cut_score, report.passed, sections, report.report_url or ""
    )
