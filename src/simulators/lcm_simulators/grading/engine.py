"""The engine: takes jobs, works on them one after another, tells the platform."""

import asyncio
import hashlib
import json
import logging

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lcm_core.content.errors import ContentRefused
from lcm_core.content.rubric import EvidenceSource, parse_rubric
from lcm_simulators.common import SimulatedClock
from lcm_simulators.common.cloudevents import EventSender
from lcm_simulators.common.documents import DocumentFolder
from lcm_simulators.common.objects import ObjectMissingError, ObjectReader
from lcm_simulators.grading.evaluate import evaluate
from lcm_simulators.grading.model import FINAL, Job, JobRequest, JobState, Report
from lcm_simulators.grading.settings import GradingSettings

log = logging.getLogger(__name__)

_SOURCES = {"configuration": EvidenceSource.CONFIGURATION, "console_log": EvidenceSource.CONSOLE}
AT_ONCE = 8


class _File(BaseModel):
    model_config = ConfigDict(extra="ignore")

    device: str
    kind: str
    key: str
    sha256: str = ""


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="ignore")

    files: list[_File] = Field(default_factory=list)


class GradingError(RuntimeError):
    """A job cannot be graded; the message says why."""


class Engine:
    """All jobs of the engine."""

    def __init__(self, settings: GradingSettings, clock: SimulatedClock) -> None:
        self._settings = settings
        self._clock = clock
        self.jobs: DocumentFolder[Job] = DocumentFolder(settings.data_dir / "jobs", Job)
        secret = settings.events_secret.get_secret_value()
        self.events = EventSender(settings.data_dir / "outbox", settings.events_url, secret, "/grading/engine")
        self._objects = ObjectReader(settings.aws_endpoint)
        self._queue: asyncio.Queue[str] = asyncio.Queue()

    def submit(self, request: JobRequest) -> Job:
        """Take a job; the same idempotency key is the same job."""
        job_id = hashlib.sha256(request.idempotency_key.encode()).hexdigest()[:32]
        known = self.jobs.get(job_id)
        if known is not None:
            return known
        job = Job(id=job_id, request=request)
        self.jobs.put(job_id, job)
        self._queue.put_nowait(job_id)
        return job

    def cancel(self, job: Job) -> Job:
        """Give a job up; a finished one stays as it is."""
        if job.state not in FINAL:
            job.state = JobState.CANCELED
            self.jobs.put(job.id, job)
        return job

    async def run(self) -> None:
        """Work until cancelled; what an earlier process left unfinished is begun again."""
        for job in self.jobs.all():
            if job.state not in FINAL:
                self._queue.put_nowait(job.id)
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._worker())

    async def _worker(self) -> None:
        while True:
            job = self.jobs.get(await self._queue.get())
            if job is not None and job.state not in FINAL:
                await self._work(job)

    async def _work(self, job: Job) -> None:
        try:
            await self._grade(job)
        except (GradingError, ObjectMissingError) as error:
            if job.state is JobState.CANCELED:
                return
            collecting = job.state is JobState.COLLECTING
            kind = "grading.collection.failed.v1" if collecting else "grading.session.failed.v1"
            job.error = str(error)
            self._move(job, JobState.FAILED)
            self._tell(job, kind)
            if collecting:
                self._tell(job, "grading.session.failed.v1")

    async def _grade(self, job: Job) -> None:
        self._move(job, JobState.COLLECTING)
        evidence = await self._collect(job)
        self._tell(job, "grading.collection.completed.v1")
        self._move(job, JobState.GRADING)
        await self._clock.sleep(self._settings.seconds * self._settings.boot_scale)
        rubric_ref = job.request.rubric
        content = await self._objects.read(rubric_ref.bucket, rubric_ref.key)
        try:
            rubric = parse_rubric(content, rubric_ref.key)
        except ContentRefused as error:
            raise GradingError(f"the rubric cannot be used: {error}") from error
        report: Report = await asyncio.to_thread(
            evaluate,
            rubric,
            evidence,
            pattern_seconds=self._settings.pattern_seconds,
            report_url=self._report_url(job.id),
        )
        if self._canceled(job):
            return
        job.report = report
        self._move(job, JobState.COMPLETED)
        self._tell(job, "grading.session.completed.v1")

    async def _collect(self, job: Job) -> dict[tuple[str, EvidenceSource], str]:
        """Read the evidence and compare it with the hashes of its manifest."""
        where = job.request.evidence
        raw = await self._objects.read(where.bucket, where.manifest_key)
        try:
            manifest = _Manifest.model_validate(json.loads(raw))
        except (ValidationError, ValueError) as error:
            raise GradingError(f"the manifest {where.manifest_key} cannot be read: {error}") from error
        evidence: dict[tuple[str, EvidenceSource], str] = {}
        for file in manifest.files:
            source = _SOURCES.get(file.kind)
            if source is None:
                continue
            content = await self._objects.read(where.bucket, file.key)
            if file.sha256 and hashlib.sha256(content).hexdigest() != file.sha256:
                raise GradingError(f"{file.key} is not what the manifest says: its hash differs")
            evidence[file.device, source] = content.decode("utf-8", errors="replace")
        return evidence

    def _canceled(self, job: Job) -> bool:
        stored = self.jobs.get(job.id)
        return stored is None or stored.state is JobState.CANCELED

    def _move(self, job: Job, state: JobState) -> None:
        if self._canceled(job):
            raise GradingError("the job was canceled")
        job.state = state
        self.jobs.put(job.id, job)

    def _tell(self, job: Job, kind: str) -> None:
        data: dict[str, object] = {
            "lablet_session_id": job.request.lablet_session_id,
            "grading_session_id": job.id,
        }
        if job.report is not None:
            data["report"] = job.report.model_dump()
        if job.error is not None:
            data["error"] = job.error
        self.events.send(kind, job.request.lablet_session_id, data)

    def _report_url(self, job_id: str) -> str:
        base = self._settings.public_url or f"http://{self._settings.host}:{self._settings.port}"
        return f"{base.rstrip('/')}/reports/{job_id}"
