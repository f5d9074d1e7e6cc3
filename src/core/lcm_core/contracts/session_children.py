"""Wire models of a session's children: the delivery side, the grading side, the score report."""

from pydantic import Field

from lcm_core.contracts.common import RequestModel, Sentence, ShortText, UtcTime, View
from lcm_core.domain.vocabulary import GradingPhase, UserSessionPhase


class DeviceAccess(RequestModel):
    """How the learner reaches one device; credentials are encrypted at rest and never listed."""

    label: str
    protocol: str
    host: str
    port: int
    uri: str = ""
    username: str = ""
    password: str = ""


class PutUserSession(RequestModel):
    """The LDS side of a session, as the lablet controller knows it. Unset fields keep their value."""

    phase: UserSessionPhase
    lds_session_id: str | None = None
    part_id: str | None = None
    region: str | None = None
    launch_url: str | None = None
    devices: list[DeviceAccess] | None = None
    message: Sentence = ""


class UserSessionView(View):
    """The LDS side without secrets."""

    id: str
    session_id: str
    phase: UserSessionPhase
    lds_session_id: str = ""
    part_id: str = ""
    region: str = ""
    has_launch_url: bool = False
    devices: list[str] = Field(default_factory=list)
    message: str = ""
    updated_at: UtcTime


class EvidenceFile(RequestModel):
    """One collected file in S3."""

    device: str
    kind: str
    name: str
    key: str
    sha256: str
    size: int


class PutGradingSession(RequestModel):
    """The grading side of a session. Unset fields keep their value."""

    phase: GradingPhase
    engine_id: str | None = None
    evidence_bucket: str | None = None
    manifest_key: str | None = None
    evidence: list[EvidenceFile] | None = None
    attempts: int | None = None
    message: Sentence = ""


class GradingSessionView(View):
    """The grading side."""

    id: str
    session_id: str
    phase: GradingPhase
    engine_id: str = ""
    evidence_bucket: str = ""
    manifest_key: str = ""
    evidence: list[EvidenceFile] = Field(default_factory=list)
    attempts: int = 0
    message: str = ""
    updated_at: UtcTime


class CheckResult(RequestModel):
    """One rubric check."""

    id: str
    passed: bool
    message: Sentence = ""


class ScoreSection(RequestModel):
    """One rubric section."""

    name: ShortText
    score: float = Field(ge=0)
    max_score: float = Field(ge=0)
    passed: bool
    checks: list[CheckResult] = Field(default_factory=list)


class PutScoreReport(RequestModel):
    """The engine's verdict; immutable once stored."""

    engine_id: str
    score: float = Field(ge=0)
    max_score: float = Field(gt=0)
    cut_score: float = Field(ge=0)
    passed: bool
    sections: list[ScoreSection]
    report_url: str = ""


class ScoreReportView(PutScoreReport):
    """A stored score report."""

    id: str
    session_id: str
    created_at: UtcTime


class SessionSecrets(View):
    """What only the lablet controller may read again after a restart."""

    launch_url: str = ""
    devices: list[DeviceAccess] = Field(default_factory=list)


class LaunchView(View):
    """The learner's link; each read is audited."""

    url: str
    expires_at: UtcTime | None = None
