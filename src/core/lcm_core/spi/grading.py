"""The grading engine: it evaluates the evidence of a lab against a rubric."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class EngineState(StrEnum):
    """State of a grading job."""

    QUEUED = "queued"
    COLLECTING = "collecting"
    GRADING = "grading"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class GradedDevice:
    """A device of the pod."""

    label: str
    node_definition: str
    host: str
    port: int
    protocol: str


@dataclass(frozen=True, slots=True)
class GradingRequest:
    """What is to be graded. The same ``idempotency_key`` always names the same job."""

    idempotency_key: str
    session_id: str
    devices: Sequence[GradedDevice]
    bucket: str
    manifest_key: str
    evidence_keys: Sequence[str]
    rubric_bucket: str
    rubric_key: str


@dataclass(frozen=True, slots=True)
class EngineCheck:
    """One check of a rubric section."""

    id: str
    passed: bool
    message: str


@dataclass(frozen=True, slots=True)
class EngineSection:
    """One section of a report, in points."""

    name: str
    score: float
    max_score: float
    passed: bool
    checks: tuple[EngineCheck, ...]


@dataclass(frozen=True, slots=True)
class EngineReport:
    """The verdict; ``cut_score`` is in the unit of ``score``."""

    score: float
    max_score: float
    cut_score: float
    passed: bool
    sections: tuple[EngineSection, ...]
    report_url: str


@dataclass(frozen=True, slots=True)
class GradingJob:
    """A job as the engine sees it; ``report`` only when completed, ``error`` only when failed."""

    id: str
    state: EngineState
    error: str = ""
    report: EngineReport | None = None


class GradingEngine(Protocol):
    """The engine. Methods raise ``OutsideError`` subclasses."""

    async def submit(self, request: GradingRequest) -> GradingJob:
        """Queue a job, or answer the one of the same key."""

    async def job(self, job_id: str) -> GradingJob:
        """How far a job is."""

    async def cancel(self, job_id: str) -> None:
        """Give a job up; a finished or unknown one is left alone."""
