"""The book of jobs: each change is stored together with the events that tell of it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from lcm_simulators.common.cloudevents import EventSender
from lcm_simulators.common.database import Database, Documents
from lcm_simulators.common.outbox import Outbox
from lcm_simulators.common.rest import Refusal
from lcm_simulators.grading.model import FINAL, Job, JobRequest, JobState, Report

COLLECTED, NOT_COLLECTED = "grading.collection.completed.v1", "grading.collection.failed.v1"
GRADED, NOT_GRADED = "grading.session.completed.v1", "grading.session.failed.v1"


class JobBook:
    """All jobs, found by their id or their idempotency key."""

    def __init__(self, database: Database, outbox: Outbox, sender: EventSender) -> None:
        self._database, self._outbox, self._sender = database, outbox, sender
        self._jobs = Documents(database, "job", Job)

    def take(self, request: JobRequest) -> tuple[Job, bool]:
        """The job of an idempotency key and whether it is new. Raises ``Refusal`` 409 for a key of another session."""
        known = self._jobs.labelled(request.idempotency_key)
        if not known:
            job = Job(id=uuid4().hex, request=request)
            self._put(job)
            return job, True
        if known[0].request.lablet_session_id != request.lablet_session_id:
            raise Refusal(409, "idempotency_key_taken", "The idempotency key belongs to a job of another session.")
        return known[0], False

    def get(self, job_id: str) -> Job:
        """One job. Raises ``Refusal`` 404."""
        job = self._jobs.get(job_id)
        if job is None:
            raise Refusal(404, "grading_session_not_found", f"There is no grading session {job_id}.")
        return job

    def all(self) -> list[Job]:
        """Every job, oldest first."""
        return self._jobs.all()

    def begin(self, job: Job) -> None:
        """The evidence is being read."""
        job.state = JobState.COLLECTING
        self._put(job)

    def collected(self, job: Job, files: int) -> None:
        """The evidence is complete."""
        job.state = JobState.GRADING
        self._change(job, (COLLECTED,), {"files": files})

    def completed(self, job: Job, title: str, report: Report) -> None:
        """There is a report."""
        job.title, job.report = title, report
        self._finish(job, JobState.COMPLETED)
        self._change(job, (GRADED,), {"report": report.model_dump()})

    def failed(self, job: Job, reason: str) -> None:
        """There will be none."""
        events = (NOT_COLLECTED, NOT_GRADED) if job.state is not JobState.GRADING else (NOT_GRADED,)
        job.error = reason
        self._finish(job, JobState.FAILED)
        self._change(job, events, {"error": reason})

    def cancel(self, job: Job) -> bool:
        """Give a job up; False when it had ended already. No event tells of it: the caller knows."""
        if job.state in FINAL:
            return False
        self._finish(job, JobState.CANCELED)
        self._put(job)
        return True

    def _finish(self, job: Job, state: JobState) -> None:
        job.state, job.finished_at = state, datetime.now(UTC)

    def _change(self, job: Job, events: Sequence[str], data: dict[str, Any]) -> None:
        session_id = job.request.lablet_session_id
        body = {"lablet_session_id": session_id, "grading_session_id": job.id, **data}
        with self._database.transaction():
            self._put(job)
            for kind in events:
                self._outbox.add(kind, session_id, body)
        self._sender.wake()

    def _put(self, job: Job) -> None:
        self._jobs.put(job.id, job, job.request.idempotency_key)
