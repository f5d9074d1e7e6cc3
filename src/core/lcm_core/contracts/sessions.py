"""Wire models of LabletSessions, their children and the signals that drive them."""

from pydantic import Field, model_validator

from lcm_core.contracts.claims import ClaimView
from lcm_core.contracts.common import (
    Condition,
    ConditionReport,
    Identifier,
    ReasonCode,
    RequestModel,
    Resources,
    ResourceView,
    Sentence,
    Slot,
    UtcTime,
    View,
)
from lcm_core.contracts.inbound import (
    InboundEvent,
    InboundEventBatch,
    InboundEventBatchResult,
    InboundEventResult,
)
from lcm_core.contracts.session_children import (
    CheckResult,
    DeviceAccess,
    EvidenceFile,
    GradingSessionView,
    LaunchView,
    PutGradingSession,
    PutScoreReport,
    PutUserSession,
    ScoreReportView,
    ScoreSection,
    SessionSecrets,
    UserSessionView,
)
from lcm_core.domain.vocabulary import (
    CallState,
    SessionDesired,
    SessionOutcome,
    SessionPhase,
    SignalType,
    StepState,
)

__all__ = [
    "CheckResult",
    "DeviceAccess",
    "EndSession",
    "EvidenceFile",
    "ExplainSession",
    "Explanation",
    "ExplanationBatch",
    "ExtendSession",
    "GradingSessionView",
    "InboundEvent",
    "InboundEventBatch",
    "InboundEventBatchResult",
    "InboundEventResult",
    "LabRef",
    "LaunchView",
    "PhaseChange",
    "PipelineState",
    "PipelineStep",
    "PlaceSession",
    "Placement",
    "PlacementBatch",
    "PlacementBatchResult",
    "PlacementResult",
    "PutGradingSession",
    "PutScoreReport",
    "PutUserSession",
    "Rejection",
    "ReportSession",
    "ReserveSession",
    "RetrySession",
    "ScoreReportView",
    "ScoreSection",
    "ScoreSummary",
    "SessionSecrets",
    "SessionSpec",
    "SessionStatus",
    "SessionView",
    "Signal",
    "TransitionSession",
    "UnscheduleSession",
    "UserSessionView",
]
# The parts are used together; most callers import all of them from here.


class ReserveSession(RequestModel):
    """Reserve a lab: for a slot, or as soon as possible for a duration.

    With ``as_soon_as_possible`` the slot is optional: ``duration_minutes`` says how long, and ``latest_end`` how late
    it may end (default: the queue limit of the settings). Managers may name another ``owner`` of their department.
    """

    definition_id: str = Field(min_length=1)
    slot: Slot | None = None
    as_soon_as_possible: bool = False
    duration_minutes: int | None = Field(default=None, ge=5, le=7 * 24 * 60)
    latest_end: UtcTime | None = None
    owner: str = ""
    reservation_id: str = Field(default="", max_length=100)
    priority: int = Field(default=0, ge=-10, le=10)
    note: str = Field(default="", max_length=500)

    @model_validator(mode="after")
    def _slot_or_soon(self) -> "ReserveSession":
        if self.as_soon_as_possible == (self.slot is not None):
            raise ValueError("give either a slot or as_soon_as_possible")
        return self


class ExtendSession(RequestModel):
    """Move the end of the slot to a later time."""

    end: UtcTime


class EndSession(RequestModel):
    """Cancel or terminate a session."""

    reason: Sentence = ""


class RetrySession(RequestModel):
    """Build again from a step on: what that step and those after it made is undone first."""

    step: str = Field(min_length=1, max_length=40)


class SessionSpec(View):
    """What was asked for. ``slot`` is the window; a session placed as soon as possible runs inside it."""

    definition_id: str
    definition_name: str
    definition_version: str
    definition_title: str = ""
    graded: bool
    owner: str
    owner_name: str = ""
    department: str = ""
    reservation_id: str = ""
    priority: int = 0
    slot: Slot
    as_soon_as_possible: bool = False
    duration_minutes: int
    boot_lead_minutes: int = 15
    cleanup_minutes: int = 5
    desired: SessionDesired = SessionDesired.RUNNING
    end_reason: str = ""
    restart_requested_at: UtcTime | None = None
    collect_requested_at: UtcTime | None = None
    observe_requested_at: UtcTime | None = None
    start_requested_at: UtcTime | None = None
    retry_requested_at: UtcTime | None = None
    retry_from: str = ""
    hold_failed_minutes: int = 0
    no_show_minutes: float | None = None
    requirements: Resources = Field(default_factory=Resources)
    note: str = ""


class Rejection(RequestModel):
    """Why one worker (or template, ``worker_id`` empty) cannot take the session."""

    worker_id: str = ""
    worker_name: str = ""
    filter: str
    message: Sentence


class Explanation(RequestModel):
    """The scheduler's last decision about a session, in words and with per-worker reasons."""

    at: UtcTime
    reason: ReasonCode
    message: Sentence
    chosen_worker_id: str = ""
    scores: dict[str, float] = Field(default_factory=dict)
    rejections: list[Rejection] = Field(default_factory=list, max_length=50)
    rejected_total: int = 0
    expected_start: UtcTime | None = None


class Placement(View):
    """Where and when the session runs. ``booked`` is the effective slot.

    ``hourly_cost_usd`` is the session's share of what its worker costs.
    """

    worker_id: str
    worker_name: str = ""
    claim_id: str
    booked: Slot
    resources: Resources
    ports: dict[str, int] = Field(default_factory=dict)
    placed_at: UtcTime
    hourly_cost_usd: float = 0.0


class LabRef(RequestModel):
    """The CML lab of a session."""

    lab_record_id: str = ""
    cml_lab_id: str = ""
    title: str = ""


class PipelineStep(RequestModel):
    """One step with its checkpoint: ``outputs`` is what a later attempt needs to go on without repeating effects.

    ``call`` is kept by steps that the outside would carry out twice: *made* before each call, *answered* when its end
    was heard, *unheard* when nobody will hear of it and it may yet have its effect.
    """

    name: str
    state: StepState = StepState.PENDING
    attempts: int = 0
    started_at: UtcTime | None = None
    ended_at: UtcTime | None = None
    call: CallState = CallState.NONE
    message: Sentence = ""
    outputs: dict[str, str] = Field(default_factory=dict)


class PipelineState(RequestModel):
    """A pipeline run; ``run`` counts re-placements and restarts. ``retry_of`` is the last request it has answered."""

    name: str
    run: int = 1
    retry_of: UtcTime | None = None
    steps: list[PipelineStep] = Field(default_factory=list, max_length=30)


class Signal(View):
    """An inbound event waiting to be applied, or applied already."""

    event_id: str
    type: SignalType
    received_at: UtcTime
    consumed_at: UtcTime | None = None
    note: str = ""


class PhaseChange(View):
    """One entry of the bounded phase history."""

    phase: SessionPhase
    at: UtcTime
    reason: str
    message: str = ""


class ScoreSummary(View):
    """The headline of a score report."""

    score_report_id: str
    score: float
    max_score: float
    cut_score: float
    passed: bool


class SessionStatus(View):
    """What is known about a session."""

    phase: SessionPhase = SessionPhase.PENDING
    reason: str = "Accepted"
    message: str = ""
    phase_since: UtcTime
    deadline: UtcTime | None = None
    observed_generation: int = 0
    outcome: SessionOutcome | None = None
    conditions: list[Condition] = Field(default_factory=list)
    history: list[PhaseChange] = Field(default_factory=list)
    explanation: Explanation | None = None
    placement: Placement | None = None
    placements_tried: int = 0
    lab: LabRef | None = None
    pipeline: PipelineState | None = None
    signals: list[Signal] = Field(default_factory=list)
    user_session_id: str = ""
    grading_session_id: str = ""
    score: ScoreSummary | None = None
    launch_available: bool = False
    ready_at: UtcTime | None = None
    started_at: UtcTime | None = None
    ended_at: UtcTime | None = None
    cost_usd: float = 0.0


class SessionView(ResourceView):
    """A LabletSession."""

    spec: SessionSpec
    status: SessionStatus


class PlaceSession(RequestModel):
    """Put one session on one worker: the claim is validated against all others before anything is written."""

    session_id: str
    expected_version: int
    worker_id: str
    claim_id: Identifier
    booked: Slot
    claim_from: UtcTime
    claim_until: UtcTime
    resources: Resources
    ports: dict[str, int] = Field(default_factory=dict)
    explanation: Explanation


class PlacementBatch(RequestModel):
    """Many placements at once; each is accepted or refused on its own."""

    items: list[PlaceSession] = Field(min_length=1, max_length=500)


class PlacementResult(View):
    """``status`` 200 placed, 409 refused by the claim or phase, 412 stale version, 404 unknown."""

    session_id: str
    status: int
    code: str = ""
    detail: str = ""
    version: int | None = None
    claim: ClaimView | None = None


class PlacementBatchResult(View):
    """One result per item in the order asked."""

    items: list[PlacementResult]


class ExplainSession(RequestModel):
    """Why one session is not placed yet."""

    session_id: str
    explanation: Explanation


class ExplanationBatch(RequestModel):
    """Explanations of many waiting sessions; stored only where they changed."""

    items: list[ExplainSession] = Field(min_length=1, max_length=500)


class UnscheduleSession(RequestModel):
    """Take a session's place away: SCHEDULED or compensated INSTANTIATING goes back to PENDING."""

    expected_version: int | None = None
    reason: ReasonCode
    message: Sentence


class TransitionSession(RequestModel):
    """Move a session along its table; ``pipeline``, ``lab`` and consumed signals are stored with the move.

    ``clear_lab`` and ``clear_delivery`` say that the lab and the LDS session were given back.
    """

    to: SessionPhase
    reason: ReasonCode
    message: Sentence
    expected_version: int | None = None
    outcome: SessionOutcome | None = None
    observed_generation: int | None = None
    consume_signals: list[str] = Field(default_factory=list)
    lab: LabRef | None = None
    clear_lab: bool = False
    clear_delivery: bool = False
    pipeline: PipelineState | None = None
    conditions: list[ConditionReport] = Field(default_factory=list)


class ReportSession(RequestModel):
    """Progress without a move: pipeline checkpoints, conditions, the lab, one sentence."""

    expected_version: int | None = None
    message: Sentence | None = None
    reason: ReasonCode | None = None
    observed_generation: int | None = None
    consume_signals: list[str] = Field(default_factory=list)
    lab: LabRef | None = None
    clear_lab: bool = False
    clear_delivery: bool = False
    pipeline: PipelineState | None = None
    conditions: list[ConditionReport] = Field(default_factory=list)
