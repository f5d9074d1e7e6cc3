"""The LabletSession aggregate: one run of a definition on a worker, for one owner and one time slot."""

from datetime import datetime, timedelta

from control_plane_api.domain.deadlines import DeadlineSettings, session_deadline
from control_plane_api.domain.lablet_session.cost import charged
from control_plane_api.domain.lablet_session.events import (
    ScoreReported,
    SessionMoved,
    SessionProgressed,
    SessionReserved,
    SessionSignaled,
    SessionSpecChanged,
)
from control_plane_api.kernel.aggregate import Resource
from control_plane_api.kernel.errors import RuleError
from lcm_core.contracts.common import Slot, UtcTime
from lcm_core.contracts.sessions import (
    Explanation,
    PhaseChange,
    Placement,
    PlaceSession,
    ReportSession,
    ScoreSummary,
    SessionSpec,
    SessionStatus,
    Signal,
    TransitionSession,
    UnscheduleSession,
)
from lcm_core.domain import SESSION_STATES
from lcm_core.domain.vocabulary import (
    BEGUN_STEP_STATES,
    Kind,
    SessionCondition,
    SessionDesired,
    SessionOutcome,
    SessionPhase,
    SignalType,
    StepState,
)

HISTORY_LIMIT = 20
SIGNAL_LIMIT = 20


_WITHOUT_LAB = frozenset({SessionPhase.PENDING, SessionPhase.TERMINATED})
_WITHOUT_BUILD = _WITHOUT_LAB | {SessionPhase.SCHEDULED}
"""Phases in which a late word of a build that was given up must not count; a scheduled session may be given a lab."""


class SessionRuleError(RuleError):
    """A request that the session's present state does not allow; ``code`` names the rule."""


class LabletSession(Resource[SessionSpec, SessionStatus]):
    """State and rules of one session; every method either changes it along the table or raises."""

    KIND = Kind.SESSION
    SPEC = SessionSpec
    STATUS = SessionStatus

    @classmethod
    def reserve(
        cls, session_id: str, spec: SessionSpec, created_by: str, now: datetime, limits: DeadlineSettings
    ) -> "LabletSession":
        """Accept a reservation; the caller has checked definition, slot and quota."""
        status = SessionStatus(phase_since=now, message="Waits for a place on a worker.")
        status.deadline = session_deadline(SessionPhase.PENDING, spec, None, now, limits)
        status.history = [PhaseChange(phase=SessionPhase.PENDING, at=now, reason="Accepted")]
        session = cls.create(session_id, spec, status, created_by, now)
        session.record(SessionReserved(owner=spec.owner, definition_id=spec.definition_id, slot=spec.slot))
        return session

    @property
    def phase(self) -> SessionPhase:
        """Where the session stands."""
        return self.status.phase

    @property
    def holds_nothing(self) -> bool:
        """No lab and no LDS session, so it may end at once (ruling 12)."""
        return self.status.lab is None and not self.status.user_session_id

    @property
    def _begun_steps(self) -> list[str]:
        """Steps of the build that may have had an effect and were not undone, whatever has been told of it yet."""
        pipeline = self.status.pipeline
        return [] if pipeline is None else [step.name for step in pipeline.steps if step.state in BEGUN_STEP_STATES]

    def holds_place(self, worker_id: str, claim_id: str) -> bool:
        """Whether this very claim is the session's.

        The id alone does not tell: a placement that is repeated after a crash can choose another worker for it.
        """
        placement = self.status.placement
        return placement is not None and (placement.worker_id, placement.claim_id) == (worker_id, claim_id)

    # Moves -----------------------------------------------------------------------------------------------------

    def place(
        self, request: PlaceSession, worker_name: str, now: datetime, limits: DeadlineSettings, hourly_usd: float = 0.0
    ) -> None:
        """Take the claimed place; the claim has been written before (ruling 7)."""
        SESSION_STATES.require(self.phase, SessionPhase.SCHEDULED)
        if self.spec.desired is SessionDesired.ENDED:
            raise SessionRuleError("SessionEnded", f"Session {self.key} was cancelled while it was being placed.")
        self.status.placement = Placement(
            worker_id=request.worker_id,
            worker_name=worker_name,
            claim_id=request.claim_id,
            booked=request.booked,
            resources=request.resources,
            ports=request.ports,
            placed_at=now,
            hourly_cost_usd=hourly_usd,
        )
        self.status.placements_tried += 1
        self.status.explanation = request.explanation
        self._move(SessionPhase.SCHEDULED, request.explanation.reason, request.explanation.message, now, limits)
        self.set_condition(SessionCondition.PLACED, True, "Placed", request.explanation.message, now)

    def unschedule(self, request: UnscheduleSession, now: datetime, limits: DeadlineSettings) -> str:
        """Go back to the queue; returns the claim id to release."""
        SESSION_STATES.require(self.phase, SessionPhase.PENDING)
        if not self.holds_nothing:
            raise SessionRuleError(
                "StillHoldsLab", f"Session {self.key} still holds a lab or an LDS session; compensate first."
            )
        if begun := self._begun_steps:
            raise SessionRuleError(
                "BuildUnderWay",
                f"Session {self.key} is being built, and step {begun[-1]} may have made something: it queues again by "
                "itself when the build fails. Cancel it, or ask for a retry from a step.",
            )
        claim = self.status.placement.claim_id if self.status.placement else ""
        self.status.placement = None
        self.status.pipeline = None
        self._move(SessionPhase.PENDING, request.reason, request.message, now, limits)
        self.set_condition(SessionCondition.PLACED, False, request.reason, request.message, now)
        return claim

    def transition(self, request: TransitionSession, now: datetime, limits: DeadlineSettings) -> str:
        """Move along the table on a controller's word; returns the claim id to release, or an empty string."""
        SESSION_STATES.require(self.phase, request.to)
        if request.to in (SessionPhase.SCHEDULED, SessionPhase.PENDING):
            way = "placing" if request.to is SessionPhase.SCHEDULED else "unscheduling"
            raise SessionRuleError("NeedsClaim", f"A session becomes {request.to} by {way}, which sees to its claim.")
        at_once = request.to is SessionPhase.TERMINATED and self.phase in (SessionPhase.PENDING, SessionPhase.SCHEDULED)
        if at_once and not self.holds_nothing:
            raise SessionRuleError("StillHoldsLab", f"Session {self.key} still holds a lab; it ends through stopping.")
        self._absorb(request, now)
        if request.outcome is not None and self.status.outcome is None:
            self.status.outcome = request.outcome
        self._move(request.to, request.reason, request.message, now, limits)
        return self._after_move(now)

    def _after_move(self, now: datetime) -> str:
        match self.phase:
            case SessionPhase.READY:
                self.status.ready_at = self.status.ready_at or now
                self.status.launch_available = True
            case SessionPhase.RUNNING:
                self.status.started_at = self.status.started_at or now
            case SessionPhase.STOPPING | SessionPhase.COLLECTING:
                self.status.ended_at = self.status.ended_at or now
                self.status.launch_available = False
            case SessionPhase.TERMINATED:
                return self._finish(now)
        return ""

    def _finish(self, now: datetime) -> str:
        self.status.outcome = self.status.outcome or SessionOutcome.COMPLETED
        self.status.ended_at = self.status.ended_at or now
        self.status.launch_available = False
        return self.status.placement.claim_id if self.status.placement else ""

    def _move(self, to: SessionPhase, reason: str, message: str, now: datetime, limits: DeadlineSettings) -> None:
        previous = self.phase
        if self.status.placement is not None:
            spent = charged(previous, self.status.placement.hourly_cost_usd, self.status.phase_since, now)
            self.status.cost_usd = round(self.status.cost_usd + spent, 4)
        booked_end = self.status.placement.booked.end if self.status.placement else None
        self.status.phase = to
        self.status.phase_since = now
        self.status.reason = reason
        self.status.message = message
        self.status.deadline = session_deadline(to, self.spec, booked_end, now, limits)
        change = PhaseChange(phase=to, at=now, reason=reason, message=message)
        self.status.history = [*self.status.history, change][-HISTORY_LIMIT:]
        self.record(
            SessionMoved(
                previous=previous,
                phase=to,
                reason=reason,
                message=message,
                outcome=self.status.outcome,
                worker_id=self.status.placement.worker_id if self.status.placement else "",
            )
        )

    # Progress --------------------------------------------------------------------------------------------------

    def report(self, request: ReportSession, now: datetime) -> bool:
        """Store progress without a move; answers whether anything changed.

        Raises ``SessionRuleError`` for a build or a lab that a session without a place cannot have.
        """
        builds = request.pipeline is not None
        if (builds and self.phase in _WITHOUT_BUILD) or (request.lab is not None and self.phase in _WITHOUT_LAB):
            raise SessionRuleError(
                "StaleBuild", f"Session {self.key} is {self.phase} and builds nothing; read it again and decide again."
            )
        before = self.status.model_copy(deep=True)
        self._absorb(request, now)
        if request.message is not None:
            self.status.message = request.message
        if request.reason is not None:
            self.status.reason = request.reason
        if before == self.status:
            return False
        self.record(SessionProgressed(message=self.status.message))
        return True

    def _absorb(self, request: TransitionSession | ReportSession, now: datetime) -> None:
        known = self.status.pipeline
        if known is not None and request.pipeline is not None and request.pipeline.run < known.run:
            raise SessionRuleError(
                "StaleBuild",
                f"Run {request.pipeline.run} of the build of session {self.key} is over, run {known.run} is on; "
                "read the session again and decide again.",
            )
        if request.observed_generation is not None:
            self.status.observed_generation = max(self.status.observed_generation, request.observed_generation)
        if request.clear_lab:
            self.status.lab = None
        elif request.lab is not None:
            self.status.lab = request.lab
        if request.clear_delivery:
            self.status.user_session_id = ""
        if request.pipeline is not None:
            self.status.pipeline = request.pipeline
        for report in request.conditions:
            self.set_condition(report.type, report.status, report.reason, report.message, now)
        for signal in self.status.signals:
            if signal.event_id in request.consume_signals and signal.consumed_at is None:
                signal.consumed_at = now

    def explain(self, explanation: Explanation) -> bool:
        """Store why it waits; only while it waits, and only if the reason changed."""
        if self.phase is not SessionPhase.PENDING:
            return False
        known = self.status.explanation
        if known is not None and known.model_copy(update={"at": explanation.at}) == explanation:
            return False
        self.status.explanation = explanation
        self.status.reason = explanation.reason
        self.status.message = explanation.message
        self.record(SessionProgressed(message=explanation.message))
        return True

    def signal(self, event_id: str, signal: SignalType, now: datetime) -> bool:
        """Attach an inbound event; duplicates and events for a finished session change nothing."""
        if self.phase is SessionPhase.TERMINATED or any(known.event_id == event_id for known in self.status.signals):
            return False
        kept = [known for known in self.status.signals if known.consumed_at is None][-SIGNAL_LIMIT + 1 :]
        done = [known for known in self.status.signals if known.consumed_at is not None]
        room = max(0, SIGNAL_LIMIT - 1 - len(kept))
        recent_done = done[-room:] if room else []
        self.status.signals = [*recent_done, *kept, Signal(event_id=event_id, type=signal, received_at=now)]
        self.record(SessionSignaled(inbound_id=event_id, signal=signal))
        return True

    def score(self, summary: ScoreSummary) -> None:
        """Show the headline of the stored report; the first report stays."""
        if self.status.score is not None:
            return
        self.status.score = summary
        self.record(ScoreReported(score=summary.score, max_score=summary.max_score, passed=summary.passed))

    def link_children(self, user_session_id: str = "", grading_session_id: str = "") -> bool:
        """Remember the ids of the children; answers whether anything changed.

        A call that was under way when the session ended must not make it hold a delivery session again.
        """
        changed, over = False, self.phase is SessionPhase.TERMINATED
        if user_session_id and self.status.user_session_id != user_session_id and not over:
            self.status.user_session_id, changed = user_session_id, True
        if grading_session_id and self.status.grading_session_id != grading_session_id:
            self.status.grading_session_id, changed = grading_session_id, True
        if changed:
            self.record(SessionProgressed(message=self.status.message))
        return changed

    # Wishes ----------------------------------------------------------------------------------------------------

    def end(self, reason: str, now: datetime, limits: DeadlineSettings) -> str:
        """Ask for the end. A session that holds nothing ends now; returns the claim id to release then."""
        if self.phase is SessionPhase.TERMINATED or self.spec.desired is SessionDesired.ENDED:
            return ""
        self._wish("end", reason)
        self.spec.desired = SessionDesired.ENDED
        self.spec.end_reason = reason
        if self.phase in (SessionPhase.PENDING, SessionPhase.SCHEDULED) and self.holds_nothing:
            self.status.outcome = SessionOutcome.CANCELLED
            self._move(SessionPhase.TERMINATED, "Cancelled", reason or "Cancelled before it started.", now, limits)
            return self._finish(now)
        return ""

    def extend(self, end: UtcTime, longest: timedelta, limits: DeadlineSettings, now: datetime) -> None:
        """Move the end of the slot; the claim has been extended before."""
        slot = self.status.placement.booked if self.status.placement else self.spec.slot
        self._require_live("extend")
        if end <= slot.end:
            raise SessionRuleError("EndNotLater", f"The new end must be after {slot.end.isoformat()}.")
        if end - slot.start > longest:
            raise SessionRuleError("TooLong", f"The definition allows {longest} in all.")
        self._wish("extend", f"Extended to {end.isoformat()}.")
        self.spec.slot = Slot(start=self.spec.slot.start, end=max(end, self.spec.slot.end))
        self.spec.duration_minutes = int((end - slot.start).total_seconds() // 60)
        if self.status.placement:
            self.status.placement.booked = Slot(start=slot.start, end=end)
        if self.phase in (SessionPhase.READY, SessionPhase.RUNNING, SessionPhase.STOPPED):
            self.status.deadline = session_deadline(self.phase, self.spec, end, now, limits)

    def pause(self) -> None:
        """Ask for a pause that keeps everything held."""
        if self.phase is not SessionPhase.RUNNING:
            raise SessionRuleError("NotRunning", f"Only a running session can be stopped; this one is {self.phase}.")
        self._wish("stop", "Stopped by its owner; the place is kept.")
        self.spec.desired = SessionDesired.PAUSED

    def resume(self) -> None:
        """Ask for a paused session to go on."""
        if self.phase is not SessionPhase.STOPPED or self.spec.desired is not SessionDesired.PAUSED:
            raise SessionRuleError("NotPaused", f"Only a paused session can be resumed; this one is {self.phase}.")
        self._wish("resume", "Resumed.")
        self.spec.desired = SessionDesired.RUNNING

    def request_restart(self, now: datetime) -> None:
        """Ask for the lab to be restarted in place."""
        if self.phase not in (SessionPhase.READY, SessionPhase.RUNNING):
            raise SessionRuleError("NotRunning", f"Only a ready or running session restarts; this one is {self.phase}.")
        self._wish("restart", "Restart of the lab requested.")
        self.spec.restart_requested_at = now

    def request_start(self, now: datetime) -> None:
        """Say that the learner has started, where no delivery system tells it."""
        if self.phase is not SessionPhase.READY:
            raise SessionRuleError("NotReady", f"Only a ready session starts; this one is {self.phase}.")
        self._wish("start", "Started by hand.")
        self.spec.start_requested_at = now

    def request_retry(self, step: str, now: datetime) -> None:
        """Ask for the build to be repeated from a step on that was begun already."""
        if self.phase not in (SessionPhase.INSTANTIATING, SessionPhase.READY):
            message = f"Only a lab that is being built or waits for its learner is retried; this one is {self.phase}."
            raise SessionRuleError("NotRetryable", message)
        self._require_live("retry")
        steps = self.status.pipeline.steps if self.status.pipeline else []
        begun = [known.name for known in steps if known.state is not StepState.PENDING]
        if step not in begun:
            raise SessionRuleError(
                "StepNotBegun", f"No step {step!r} has begun; those are: {', '.join(begun) or 'none'}."
            )
        self._wish("retry", f"Retry from step {step} requested.")
        self.spec.retry_requested_at = now
        self.spec.retry_from = step

    def request_collection(self, now: datetime) -> None:
        """Ask for evidence and grading now."""
        if self.phase is not SessionPhase.RUNNING:
            raise SessionRuleError("NotRunning", f"Only a running session can be graded; this one is {self.phase}.")
        if not self.spec.graded:
            raise SessionRuleError("NotGraded", "The definition of this session is not graded.")
        self._wish("collect", "Collection and grading requested.")
        self.spec.collect_requested_at = now

    def request_observation(self, now: datetime) -> None:
        """Ask for the observed resources to be read again."""
        self._require_live("observe")
        self._wish("observe", "Observation requested.")
        self.spec.observe_requested_at = now

    def _require_live(self, action: str) -> None:
        if self.phase is SessionPhase.TERMINATED or self.spec.desired is SessionDesired.ENDED:
            raise SessionRuleError("SessionEnded", f"Session {self.key} has ended, so it is too late to {action} it.")

    def _wish(self, change: str, message: str) -> None:
        self.touch_spec()
        self.record(SessionSpecChanged(change=change, message=message))
