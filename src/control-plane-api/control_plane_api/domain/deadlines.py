"""How long each state may last, in the domain's time."""

from datetime import datetime, timedelta

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from lcm_core.contracts.sessions import SessionSpec
from lcm_core.domain.vocabulary import SessionPhase, WorkerPhase


class DeadlineSettings(BaseSettings):
    """Deadlines of transient states and limits of stable ones; minutes on the domain clock."""

    model_config = SettingsConfigDict(env_prefix="LCM_DEADLINE_", extra="ignore")

    pending_grace_minutes: float = Field(10, ge=0, description="How long after its slot start a session may wait.")
    queue_minutes: float = Field(720, ge=1, description="How long an as-soon-as-possible session may queue.")
    instantiating_minutes: float = Field(15, gt=0, description="From the worker being ready to the lab being READY.")
    worker_wait_minutes: float = Field(20, ge=0, description="Extra time for a worker that still boots.")
    no_show_minutes: float = Field(0, ge=0, description="READY without a learner; 0 switches the limit off.")
    collecting_minutes: float = Field(10, gt=0, description="Evidence collection.")
    grading_minutes: float = Field(60, gt=0, description="Waiting for the grading engine.")
    stopping_minutes: float = Field(10, gt=0, description="Stopping a lab.")
    archived_minutes: float = Field(10, gt=0, description="Archiving and clean-up.")
    worker_pending_minutes: float = Field(2, gt=0, description="From wanting a worker to asking EC2.")
    worker_provisioning_minutes: float = Field(10, gt=0, description="From asking EC2 to a running instance.")
    worker_starting_minutes: float = Field(15, gt=0, description="From a running instance to a usable CML.")
    worker_stopping_minutes: float = Field(10, gt=0, description="Stopping an instance.")
    worker_terminating_minutes: float = Field(15, gt=0, description="Returning licence and instance.")


def session_deadline(
    phase: SessionPhase, spec: SessionSpec, booked_end: datetime | None, now: datetime, limits: DeadlineSettings
) -> datetime | None:
    """The instant at which something must happen to a session that enters ``phase`` now, if any."""
    slot_end = booked_end or spec.slot.end
    no_show = limits.no_show_minutes if spec.no_show_minutes is None else spec.no_show_minutes
    match phase:
        case SessionPhase.PENDING:
            if spec.as_soon_as_possible:
                return spec.slot.end - timedelta(minutes=spec.duration_minutes)
            return spec.slot.start + timedelta(minutes=limits.pending_grace_minutes)
        case SessionPhase.SCHEDULED | SessionPhase.TERMINATED:
            return None
        case SessionPhase.INSTANTIATING:
            return now + timedelta(minutes=limits.instantiating_minutes + limits.worker_wait_minutes)
        case SessionPhase.READY if no_show:
            # A lab that is ready early waits for its slot first.
            return min(slot_end, max(now, spec.slot.start) + timedelta(minutes=no_show))
        case SessionPhase.READY | SessionPhase.RUNNING | SessionPhase.STOPPED:
            return slot_end
        case SessionPhase.COLLECTING:
            return now + timedelta(minutes=limits.collecting_minutes)
        case SessionPhase.GRADING:
            return now + timedelta(minutes=limits.grading_minutes)
        case SessionPhase.STOPPING:
            return now + timedelta(minutes=limits.stopping_minutes)
        case SessionPhase.ARCHIVED:
            return now + timedelta(minutes=limits.archived_minutes)


def worker_deadline(phase: WorkerPhase, now: datetime, limits: DeadlineSettings) -> datetime | None:
    """The instant at which a transient worker phase is over time, if it is one. Draining has its own instant."""
    minutes = {
        WorkerPhase.PENDING: limits.worker_pending_minutes,
        WorkerPhase.PROVISIONING: limits.worker_provisioning_minutes,
        WorkerPhase.STARTING: limits.worker_starting_minutes,
        WorkerPhase.STOPPING: limits.worker_stopping_minutes,
        WorkerPhase.TERMINATING: limits.worker_terminating_minutes,
    }.get(phase)
    return None if minutes is None else now + timedelta(minutes=minutes)
