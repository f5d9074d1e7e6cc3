"""The one place that says what a session needs next: a pure function of what was observed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from lablet_controller.pipeline.instantiate import INSTANTIATE
from lablet_controller.pipeline.runner import ELSEWHERE, REASON
from lablet_controller.sessions.decisions import (
    Build,
    CleanUp,
    Collect,
    Compensate,
    Consume,
    Decision,
    Grade,
    Hold,
    Move,
    Pause,
    Rest,
    Restart,
    Resume,
    Retry,
    StopLab,
    Watch,
)
from lcm_core.contracts.sessions import PipelineState, PipelineStep, Placement, SessionView
from lcm_core.contracts.workers import WorkerView
from lcm_core.domain.vocabulary import (
    SessionCondition,
    SessionDesired,
    SessionOutcome,
    SignalType,
    StepState,
    WorkerPhase,
)
from lcm_core.domain.vocabulary import SessionPhase as P

RESTART = "restart"
LAB_STOPPED = "StoppedForGood"
"""Reason of the condition of a lab that was stopped while its evidence is graded."""
PLACEMENTS_LIMIT = 2
"""A session is placed again once after a failure; a second failure is final."""
UNFINISHED = frozenset({StepState.PENDING, StepState.RUNNING})
WORKER_PRESENT = frozenset({WorkerPhase.RUNNING, WorkerPhase.DRAINING, WorkerPhase.STARTING})
"""Phases in which a worker still holds its labs, or is about to answer again."""


@dataclass(frozen=True, slots=True)
class Observed:
    """A session, its worker (None: unknown to the control plane) and the instant of the decision.

    ``settles_in`` is for how many real seconds a delivery session may still come to be that nobody heard of.
    """

    session: SessionView
    worker: WorkerView | None
    now: datetime
    settles_in: float = 0.0

    @property
    def placement(self) -> Placement:
        """Where the session is; every phase after PENDING has one."""
        placement = self.session.status.placement
        assert placement is not None
        return placement

    @property
    def worker_lost(self) -> bool:
        """A worker that is gone took the lab with it."""
        return self.worker is None or self.worker.status.phase not in WORKER_PRESENT

    @property
    def ended_by_owner(self) -> bool:
        """Whether the owner wants the end."""
        return self.session.spec.desired is SessionDesired.ENDED

    @property
    def over(self) -> bool:
        """Whether the slot has ended."""
        return self.now >= self.placement.booked.end

    @property
    def late(self) -> bool:
        """Whether the phase has passed its deadline."""
        deadline = self.session.status.deadline
        return deadline is not None and self.now >= deadline

    @property
    def lab_stopped(self) -> bool:
        """Whether the lab was stopped on purpose while the session goes on."""
        return any(
            known.type == SessionCondition.LAB_READY and known.reason == LAB_STOPPED
            for known in self.session.status.conditions
        )

    def waiting(self, *types: SignalType) -> tuple[str, ...]:
        """Events of these types that nobody has answered yet."""
        return tuple(
            signal.event_id
            for signal in self.session.status.signals
            if signal.consumed_at is None and signal.type in types
        )


def decide(observed: Observed) -> Decision:
    """What to do now."""
    phase = observed.session.status.phase
    if phase is P.TERMINATED:
        return Rest("Terminated", "The session is over.")
    if phase is P.PENDING:
        return _pending(observed)
    return _BY_PHASE[phase](observed)


def _pending(observed: Observed) -> Decision:
    if observed.ended_by_owner:
        return Move(P.TERMINATED, "Cancelled", _end_reason(observed), SessionOutcome.CANCELLED)
    return Rest("WaitsForPlace", "The scheduler finds a place.")


def _end_reason(observed: Observed) -> str:
    return observed.session.spec.end_reason or "Ended by its owner."


def _cancelled(observed: Observed) -> Move:
    return Move(P.STOPPING, "Cancelled", _end_reason(observed), SessionOutcome.CANCELLED)


def _lost(observed: Observed) -> Move:
    state = observed.worker.status.phase if observed.worker else "unknown"
    message = f"Worker {observed.placement.worker_name or observed.placement.worker_id} is {state}; its labs are gone."
    return Move(P.STOPPING, "WorkerLost", message, SessionOutcome.FAILED)


def _scheduled(observed: Observed) -> Decision:
    status = observed.session.status
    holds = status.lab is not None or bool(status.user_session_id)
    gone = P.STOPPING if holds else P.TERMINATED
    if observed.ended_by_owner:
        return Move(gone, "Cancelled", _end_reason(observed), SessionOutcome.CANCELLED)
    if observed.over:
        return Move(gone, "SlotOver", "Its worker was not ready before the slot ended.", SessionOutcome.EXPIRED)
    begin = observed.placement.booked.start - timedelta(minutes=observed.session.spec.boot_lead_minutes)
    if observed.now < begin:
        return Rest("WaitsForSlot", f"The lab is built from {begin.isoformat(timespec='seconds')} on.", begin)
    if observed.worker is None or observed.worker.status.phase is not WorkerPhase.RUNNING:
        state = observed.worker.status.phase if observed.worker else "unknown"
        sentence = f"Worker {observed.placement.worker_name or observed.placement.worker_id} is {state}."
        return Rest("WaitsForWorker", sentence, observed.placement.booked.end)
    return Move(P.INSTANTIATING, "BuildBegins", "The lab is being built.")


def _instantiating(observed: Observed) -> Decision:
    if observed.ended_by_owner:
        return _cancelled(observed)
    if observed.over:
        return Move(P.STOPPING, "SlotOver", "The lab was not ready before the slot ended.", SessionOutcome.FAILED)
    again = observed.session.status.placements_tried < PLACEMENTS_LIMIT
    retry = _retry(observed)
    if retry is not None and not observed.worker_lost:
        return retry
    step = _failed(_build(observed))
    if step is not None:
        return _give_up_or_hold(observed, step, again)
    if observed.worker_lost:
        return Compensate("WorkerLost", _lost(observed).message, again)
    if observed.late:
        return Compensate("BuildTooSlow", "The lab was not ready in time.", again)
    assert observed.worker is not None  # a lost worker was answered above
    if observed.worker.status.phase is WorkerPhase.STARTING:
        return Rest("WaitsForWorker", "The worker does not answer at the moment.", observed.session.status.deadline)
    return Build()


def _build(observed: Observed) -> PipelineState | None:
    """The build on record; a restart takes its place."""
    pipeline = observed.session.status.pipeline
    return pipeline if pipeline is not None and pipeline.name == INSTANTIATE else None


def _failed(build: PipelineState | None) -> PipelineStep | None:
    for step in build.steps if build else ():
        if step.state is StepState.FAILED or REASON in step.outputs:
            return step
    return None


def _give_up_or_hold(observed: Observed, step: PipelineStep, again: bool) -> Decision:
    """Undo a failed build; what nobody tries elsewhere is kept for a person, if its definition says so."""
    reason = step.outputs.get(REASON) or "StepFailed"
    message = f"Step {step.name} failed: {step.message}"
    again = again and bool(step.outputs.get(ELSEWHERE))
    minutes = observed.session.spec.hold_failed_minutes
    # A step that is being undone is no longer failed: what was begun is carried through.
    if step.state is StepState.FAILED and step.ended_at is not None and not again and not observed.worker_lost:
        until = min(step.ended_at + timedelta(minutes=minutes), observed.placement.booked.end)
        if observed.now < until:
            return Hold(reason, f"{message} It is kept until {until.isoformat(timespec='seconds')}.", until)
    return Compensate(reason, message, again)


def _retry(observed: Observed) -> Retry | None:
    """A request to build again from a step on that nobody has answered yet."""
    asked, build = observed.session.spec.retry_requested_at, _build(observed)
    if asked is None or build is None or (build.retry_of is not None and build.retry_of >= asked):
        return None
    return Retry(observed.session.spec.retry_from, asked)


def _rebuilding(observed: Observed) -> Decision | None:
    """What a ready lab needs that is being built again; None for one that is complete, or cannot be completed."""
    build = _build(observed)
    retry = _retry(observed)
    if retry is not None:
        return retry
    open_steps = [step for step in build.steps if step.state in UNFINISHED] if build else []
    if not open_steps or _failed(build) is not None:
        return None
    if observed.worker is not None and observed.worker.status.phase is WorkerPhase.STARTING:
        return Rest("WaitsForWorker", "The worker does not answer at the moment.", observed.placement.booked.end)
    return Build()


def _ready(observed: Observed) -> Decision:
    if observed.ended_by_owner:
        return _cancelled(observed)
    if observed.worker_lost:
        return _lost(observed)
    rebuilding = None if observed.over else _rebuilding(observed)
    if rebuilding is not None:
        return rebuilding
    if observed.session.spec.start_requested_at is not None:
        return Move(P.RUNNING, "StartedByHand", "Somebody said that the learner has started.")
    started = observed.waiting(SignalType.LDS_STARTED)
    if started or observed.waiting(SignalType.LDS_ENDED):
        # An end without a start means the start is late or lost: the learner was there all the same.
        return Move(P.RUNNING, "LearnerStarted", "The learner has started.", consume=started)
    if observed.over:
        return Move(P.STOPPING, "SlotOver", "The learner did not come before the slot ended.", SessionOutcome.EXPIRED)
    if observed.late:
        return Move(P.STOPPING, "NoShow", "The learner did not come.", SessionOutcome.NO_SHOW)
    failed = _failed(_build(observed))
    if failed is not None:
        return Hold(
            failed.outputs.get(REASON) or "StepFailed",
            f"Step {failed.name} failed: {failed.message}",
            observed.session.status.deadline or observed.placement.booked.end,
        )
    return _restart_or_watch(observed)


def _restart_or_watch(observed: Observed) -> Decision:
    asked = observed.session.spec.restart_requested_at
    pipeline = observed.session.status.pipeline
    if asked is not None:
        done = pipeline is not None and pipeline.name == RESTART and pipeline.steps[0].state is StepState.DONE
        if not done or pipeline is None or pipeline.steps[0].outputs.get("requested_at") != asked.isoformat():
            return Restart()
    other = observed.waiting(
        SignalType.LDS_PAUSED,
        SignalType.LDS_STARTED,
        SignalType.COLLECTION_COMPLETED,
        SignalType.COLLECTION_FAILED,
    )
    if other:
        return Consume(other, paused=bool(observed.waiting(SignalType.LDS_PAUSED)))
    return Watch()


def _finish(observed: Observed, reason: str, message: str, consume: tuple[str, ...] = ()) -> Move:
    """The learner's time is over: collect when graded, else stop."""
    if observed.session.spec.graded:
        return Move(P.COLLECTING, reason, message, consume=consume)
    return Move(P.STOPPING, reason, message, SessionOutcome.COMPLETED, consume)


def _running(observed: Observed) -> Decision:
    if observed.ended_by_owner:
        return _cancelled(observed)
    if observed.worker_lost:
        return _lost(observed)
    ended = observed.waiting(SignalType.LDS_ENDED)
    if ended:
        return _finish(observed, "LearnerFinished", "The learner has finished.", ended)
    if observed.session.spec.collect_requested_at is not None:
        return _finish(observed, "CollectionRequested", "Collection and grading were requested.")
    if observed.over:
        return _finish(observed, "SlotOver", "The slot has ended.")
    if observed.session.spec.desired is SessionDesired.PAUSED:
        return Pause()
    return _restart_or_watch(observed)


def _collecting(observed: Observed) -> Decision:
    if observed.ended_by_owner:
        return _cancelled(observed)
    if observed.worker_lost:
        return _lost(observed)
    if observed.late:
        message = f"The evidence was not collected in time: {observed.session.status.message}"
        return Move(P.STOPPING, "CollectionTooSlow", message[:2000], SessionOutcome.FAILED)
    return Collect()


def _grading(observed: Observed) -> Decision:
    if observed.ended_by_owner:
        return _cancelled(observed)
    # The evidence is stored, and the ports may be somebody else's soon.
    return Grade(stop_lab=observed.over and not observed.worker_lost and not observed.lab_stopped)


def _stopping(observed: Observed) -> Decision:
    if observed.worker_lost:
        return Move(P.STOPPED, "LabGone", "The worker and its labs are gone.")
    return StopLab(observed.late)


def _stopped(observed: Observed) -> Decision:
    if observed.session.status.outcome is not None:
        return Move(P.ARCHIVED, "LabStopped", "Results are kept, everything else is given back.")
    if observed.ended_by_owner:
        return Move(P.ARCHIVED, "Cancelled", _end_reason(observed), SessionOutcome.CANCELLED)
    if observed.worker_lost:
        return Move(P.ARCHIVED, "WorkerLost", _lost(observed).message, SessionOutcome.FAILED)
    ended = observed.waiting(SignalType.LDS_ENDED)
    if observed.over or ended:
        if observed.session.spec.graded:
            return Move(P.COLLECTING, "SlotOver", "The lab is started again to read its evidence.", consume=ended)
        return Move(P.ARCHIVED, "SlotOver", "The slot has ended.", SessionOutcome.COMPLETED, ended)
    if observed.session.spec.desired is SessionDesired.RUNNING:
        return Resume()
    return Rest("Paused", "Paused by its owner; the place is kept.", observed.placement.booked.end)


def _archived(observed: Observed) -> Decision:
    return CleanUp(observed.late, observed.settles_in)


_BY_PHASE: dict[P, Callable[[Observed], Decision]] = {
    P.SCHEDULED: _scheduled,
    P.INSTANTIATING: _instantiating,
    P.READY: _ready,
    P.RUNNING: _running,
    P.COLLECTING: _collecting,
    P.GRADING: _grading,
    P.STOPPING: _stopping,
    P.STOPPED: _stopped,
    P.ARCHIVED: _archived,
}
