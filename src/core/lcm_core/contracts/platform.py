"""Wire models of the platform itself: terms, controllers, tasks, jobs, health."""

from typing import Annotated

from pydantic import Field

from lcm_core.contracts.common import Identifier, RequestModel, ResourceView, Sentence, ShortText, UtcTime, View
from lcm_core.domain.vocabulary import ServiceName, TaskSeverity, TaskState


class ObtainTerm(RequestModel):
    """Present the etcd key of a newly won election to get a higher term."""

    service: ServiceName
    shard: int = Field(ge=0, le=1023)
    etcd_key: str = Field(min_length=1, max_length=300)
    create_revision: int = Field(ge=1)
    identity: str = Field(min_length=1, max_length=200)


class TermView(View):
    """The term to send on each write."""

    service: ServiceName
    shard: int
    term: int


Count = Annotated[int, Field(ge=0, lt=2**63)]
Shard = Annotated[int, Field(ge=0, le=1023)]


class KeyStatus(RequestModel):
    """The last reconcile of one key in one sentence."""

    key: str
    outcome: str
    reason: str
    sentence: Sentence
    at: UtcTime


class ControllerHeartbeat(RequestModel):
    """What a controller replica says of itself every few seconds."""

    service: ServiceName
    identity: str = Field(min_length=1, max_length=200)
    leader_shards: list[Shard] = Field(default_factory=list, max_length=1024)
    term: Count = 0
    queue_depth: Count = 0
    in_flight: Count = 0
    reconciles_total: Count = 0
    errors_total: Count = 0
    admin_url: str = Field(default="", max_length=200)
    recent: list[KeyStatus] = Field(default_factory=list, max_length=50)


class ControllerView(ControllerHeartbeat):
    """A controller replica as last heard of."""

    seen_at: UtcTime
    alive: bool


class OpenTask(RequestModel):
    """Ask a person to look; ``dedup_key`` makes it one task however often it is asked."""

    dedup_key: Identifier
    title: ShortText
    description: Sentence = ""
    severity: TaskSeverity = TaskSeverity.WARNING
    target_kind: str = ""
    target_id: str = ""
    department: str = ""


class CloseTask(RequestModel):
    """The reason has gone away."""

    dedup_key: Identifier
    message: Sentence = ""


class CreateTask(RequestModel):
    """A task made by a person."""

    title: ShortText
    description: Sentence = ""
    severity: TaskSeverity = TaskSeverity.INFO
    assignee: str = ""
    department: str = ""


class UpdateTask(RequestModel):
    """Change a task; unset fields keep their value."""

    title: ShortText | None = None
    description: Sentence | None = None
    severity: TaskSeverity | None = None
    assignee: str | None = None
    state: TaskState | None = None


class TaskSpec(View):
    """What a task asks."""

    title: str
    description: str = ""
    severity: TaskSeverity = TaskSeverity.INFO
    assignee: str = ""
    department: str = ""
    target_kind: str = ""
    target_id: str = ""
    dedup_key: str = ""


class TaskStatus(View):
    """How far a task is."""

    phase: TaskState = TaskState.OPEN
    message: str = ""
    closed_at: UtcTime | None = None
    closed_by: str = ""


class TaskView(ResourceView):
    """An operator task."""

    spec: TaskSpec
    status: TaskStatus


class HealthView(View):
    """Health of the control plane; each dependency by name with what is wrong."""

    status: str
    checks: dict[str, str] = Field(default_factory=dict)


class UserView(View):
    """Who is signed in."""

    user_id: str
    username: str
    name: str = ""
    roles: list[str]
    department: str = ""


class AuditEntryView(View):
    """One recorded command or denied attempt."""

    id: str
    at: UtcTime
    actor: str
    command: str
    target_kind: str = ""
    target_id: str = ""
    result: str = "accepted"
    reason: str = ""
    changes: str = ""
    correlation_id: str = ""
