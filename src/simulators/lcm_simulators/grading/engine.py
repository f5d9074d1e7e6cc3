"""The engine: works on jobs, several at once, each from its first stage or the one an earlier process left it in."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from lcm_core.content.errors import ContentRefused
from lcm_core.content.rubric import Rubric, parse_rubric
from lcm_simulators.common import SimulatedClock
from lcm_simulators.common.objects import ObjectMissingError, ObjectReader, ObjectStoreError
from lcm_simulators.grading.evaluate import judge, missing_devices, plan
from lcm_simulators.grading.evidence import read_evidence
from lcm_simulators.grading.job_faults import JobFaultBook, JobFaultKind
from lcm_simulators.grading.jobs import JobBook
from lcm_simulators.grading.matching import TimeLimits, search_all
from lcm_simulators.grading.model import FINAL, GradingError, Job, JobRequest, JobState, RubricRef
from lcm_simulators.grading.settings import GradingSettings

log = logging.getLogger(__name__)

ResultT = TypeVar("ResultT")

RUBRIC_LIMIT = 1024 * 1024
STORE_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Real seconds between attempts while S3 does not answer; after the last the job fails."""


class Engine:
    """Takes jobs from the book and brings each to its end."""

    def __init__(
        self,
        settings: GradingSettings,
        clock: SimulatedClock,
        book: JobBook,
        objects: ObjectReader,
        faults: JobFaultBook,
    ) -> None:
        self._settings, self._clock, self._book, self._objects = settings, clock, book, objects
        self._faults = faults
        self._limits = TimeLimits(settings.pattern_seconds, settings.patterns_seconds)
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self._running: dict[str, asyncio.Task[None]] = {}

    def submit(self, request: JobRequest) -> Job:
        """Take a job; the same idempotency key is the same job. Raises ``Refusal``."""
        job, new = self._book.take(request)
        if new:
            self._queue.put_nowait(job.id)
        return job

    def cancel(self, job_id: str) -> None:
        """Give a job up, whatever stage it is in; one that has ended stays as it is. Raises ``Refusal``."""
        if self._book.cancel(self._book.get(job_id)) and job_id in self._running:
            self._running[job_id].cancel()

    async def run(self) -> None:
        """Work until cancelled, first on what an earlier process left."""
        for job in self._book.all():
            if job.state not in FINAL:
                self._queue.put_nowait(job.id)
        async with asyncio.TaskGroup() as group:
            for _ in range(self._settings.jobs_at_once):
                group.create_task(self._worker())

    async def _worker(self) -> None:
        while True:
            job = self._book.get(await self._queue.get())
            if job.state in FINAL:
                continue
            task = asyncio.create_task(self._work(job))
            self._running[job.id] = task
            try:
                await asyncio.wait({task})
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
                del self._running[job.id]

    async def _work(self, job: Job) -> None:
        """Bring a job to its end. The job is written by nobody else, but for a cancellation, which ends this task."""
        try:
            await self._grade(job)
        except (GradingError, ObjectMissingError, ObjectStoreError) as error:
            self._book.failed(job, str(error))
        except Exception:
            # A job that breaks the engine must not take the others along, nor come back at every start.
            log.exception("grading session %s broke the engine", job.id)
            self._book.failed(job, "the engine broke down on this job")

    async def _grade(self, job: Job) -> None:
        told = job.state is JobState.GRADING
        if not told:
            self._book.begin(job)
            await self._clock.sleep(self._settings.stage_seconds)
        request = job.request
        evidence = await _patiently(lambda: read_evidence(self._objects, request.evidence, request.lablet_session_id))
        if not told:
            self._book.collected(job, len(evidence))
        await self._clock.sleep(self._settings.stage_seconds)
        await self._misbehave(job)
        rubric = await self._rubric(job.request.rubric)
        if missing := missing_devices(rubric, evidence):
            known = ", ".join(sorted({device for device, _ in evidence}))
            raise GradingError(f"there is no evidence of {', '.join(missing)}: the manifest names {known}")
        asked = plan(rubric, evidence)
        found = await search_all(asked.texts, asked.searches, self._limits)
        report = judge(rubric, evidence, found, f"{self._settings.base_url}/reports/{job.id}")
        self._book.completed(job, rubric.title, report)

    async def _misbehave(self, job: Job) -> None:
        fault = self._faults.strike(job.request.lablet_session_id)
        if fault is None:
            return
        if fault.kind is JobFaultKind.FAIL:
            raise GradingError(fault.message)
        await asyncio.Future()

    async def _rubric(self, where: RubricRef) -> Rubric:
        content = await _patiently(lambda: self._objects.read(where.bucket, where.key, RUBRIC_LIMIT))
        try:
            return parse_rubric(content, where.key.rpartition("/")[2])
        except ContentRefused as error:
            raise GradingError(f"the rubric cannot be used: {error}") from error


async def _patiently(read: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """What is read from S3, tried again while S3 does not answer. Raises ``ObjectStoreError`` in the end."""
    for pause in STORE_PAUSES:
        try:
            return await read()
        except ObjectStoreError as error:
            log.info("waiting for the object store: %s", error)
            await asyncio.sleep(pause)
    return await read()
