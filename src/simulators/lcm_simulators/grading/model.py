"""Grading jobs as they are stored and shown."""

from datetime import UTC, datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class JobState(StrEnum):
    """State of a job."""

    QUEUED = "queued"
    COLLECTING = "collecting"
    GRADING = "grading"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"


FINAL = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELED})


class GradingError(RuntimeError):
    """A job cannot be graded; the message says why."""


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PodDevice(_Request):
    """A device of the lab."""

    label: str = Field(min_length=1)
    node_definition: str = ""
    host: str = ""
    port: int = Field(default=0, ge=0, le=65535)
    protocol: str = ""


class Pod(_Request):
    """The lab as it was."""

    devices: list[PodDevice] = Field(default_factory=list)


class EvidenceRef(_Request):
    """Where the evidence is."""

    bucket: str = Field(min_length=1)
    manifest_key: str = Field(min_length=1)
    keys: list[str] = Field(default_factory=list)


class RubricRef(_Request):
    """Where the rubric is."""

    bucket: str = Field(min_length=1)
    key: str = Field(min_length=1)


class JobRequest(_Request):
    """Body of a new job."""

    idempotency_key: str = Field(min_length=1, max_length=200)
    lablet_session_id: str = Field(min_length=1, max_length=200)
    pod: Pod = Field(default_factory=Pod)
    evidence: EvidenceRef
    rubric: RubricRef


class CheckReport(BaseModel):
    """One rubric check."""

    id: str
    passed: bool
    message: str = ""


class SectionReport(BaseModel):
    """One rubric section, in points."""

    name: str
    score: float
    max_score: float
    passed: bool
    checks: list[CheckReport]


class Report(BaseModel):
    """The verdict; ``cut_score`` is a percentage of ``max_score``."""

    score: float
    max_score: float
    cut_score: float
    passed: bool
    sections: list[SectionReport]
    report_url: str


class Job(BaseModel):
    """One stored job."""

    id: str
    request: JobRequest
    title: str = ""
    state: JobState = JobState.QUEUED
    error: str | None = None
    report: Report | None = None
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    finished_at: datetime | None = None

    def view(self) -> dict[str, object]:
        """The job as the API shows it."""
        return {
            "id": self.id,
            "lablet_session_id": self.request.lablet_session_id,
            "state": self.state,
            "error": self.error,
            "report": self.report.model_dump() if self.report else None,
            "created_at": self.created_at.isoformat(),
            "finished_at": self.finished_at.isoformat() if self.finished_at else None,
        }
