"""The words of the domain as closed enumerations; their values are what JSON, etcd and the database hold."""

from enum import StrEnum


class Kind(StrEnum):
    """Aggregate kinds; the value is the prefix of SSE events and the ``kind`` of documents."""

    SESSION = "session"
    WORKER = "worker"
    DEFINITION = "definition"
    TEMPLATE = "template"
    LAB_RECORD = "lab_record"
    TASK = "task"
    SETTINGS = "settings"
    QUOTA = "quota"


class SessionPhase(StrEnum):
    """Life of a LabletSession, in the order of the happy path."""

    PENDING = "pending"
    SCHEDULED = "scheduled"
    INSTANTIATING = "instantiating"
    READY = "ready"
    RUNNING = "running"
    COLLECTING = "collecting"
    GRADING = "grading"
    STOPPING = "stopping"
    STOPPED = "stopped"
    ARCHIVED = "archived"
    TERMINATED = "terminated"


class SessionOutcome(StrEnum):
    """How a session ended; each accepted session ends in exactly one."""

    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAILED = "failed"
    NO_SHOW = "no_show"


class SessionDesired(StrEnum):
    """What the owner wants of a session."""

    RUNNING = "running"
    PAUSED = "paused"
    ENDED = "ended"


class WorkerPhase(StrEnum):
    """Life of a worker, one EC2 instance running CML."""

    PENDING = "pending"
    PROVISIONING = "provisioning"
    STARTING = "starting"
    RUNNING = "running"
    DRAINING = "draining"
    STOPPING = "stopping"
    STOPPED = "stopped"
    TERMINATING = "terminating"
    TERMINATED = "terminated"
    FAILED = "failed"


class WorkerDesired(StrEnum):
    """What the platform wants of a worker."""

    RUNNING = "running"
    STOPPED = "stopped"
    TERMINATED = "terminated"


class WorkerOrigin(StrEnum):
    """How a worker came to be known."""

    CREATED = "created"
    IMPORTED = "imported"
    DISCOVERED = "discovered"


class WorkerFinalizer(StrEnum):
    """Hooks that must be cleared, in this order, before a worker is gone."""

    LABS = "labs"
    LICENSE = "license"
    INSTANCE = "instance"


class DefinitionPhase(StrEnum):
    """Life of a LabletDefinition version."""

    PENDING_SYNC = "pending_sync"
    ACTIVE = "active"
    DEPRECATED = "deprecated"
    ARCHIVED = "archived"


class LabPhase(StrEnum):
    """Life of one CML lab on one worker."""

    DISCOVERED = "discovered"
    DEFINED = "defined"
    STARTING = "starting"
    BOOTED = "booted"
    STOPPING = "stopping"
    STOPPED = "stopped"
    WIPED = "wiped"
    DELETING = "deleting"
    DELETED = "deleted"
    ORPHANED = "orphaned"
    ERROR = "error"


class LabSource(StrEnum):
    """Why a lab exists on a worker."""

    SESSION = "session"
    POOL = "pool"
    IMPORT = "import"
    DISCOVERY = "discovery"
    CLONE = "clone"


class UserSessionPhase(StrEnum):
    """Life of the LDS side of a session."""

    PROVISIONING = "provisioning"
    PROVISIONED = "provisioned"
    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"
    EXPIRED = "expired"
    FAULTED = "faulted"


class GradingPhase(StrEnum):
    """Life of the grading side of a session."""

    PENDING = "pending"
    COLLECTING = "collecting"
    GRADING = "grading"
    SUBMITTED = "submitted"
    FAULTED = "faulted"


class LicenseType(StrEnum):
    """CML licence families; personal licences run at most 20 nodes."""

    PERSONAL = "personal"
    ENTERPRISE = "enterprise"
    EVALUATION = "evaluation"


PERSONAL_LICENSE_NODES = 20
"""Nodes a personal licence may run at once (CML Personal product limit)."""


class ConditionStatus(StrEnum):
    """Truth of a condition as far as it is known."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"


class WorkerCondition(StrEnum):
    """Condition types found on workers."""

    INSTANCE_RUNNING = "InstanceRunning"
    CML_REACHABLE = "CmlReachable"
    CML_READY = "CmlReady"
    LICENSED = "Licensed"
    CAPACITY_KNOWN = "CapacityKnown"
    SCHEDULABLE = "Schedulable"
    IDLE = "Idle"


class SessionCondition(StrEnum):
    """Condition types found on sessions."""

    PLACED = "Placed"
    LAB_READY = "LabReady"
    DELIVERED = "Delivered"
    GRADED = "Graded"
    PROGRESSING = "Progressing"


class SignalType(StrEnum):
    """Inbound events in the platform's own words, whatever spelling they arrived in."""

    LDS_STARTED = "lds.session.started.v1"
    LDS_PAUSED = "lds.session.paused.v1"
    LDS_ENDED = "lds.session.ended.v1"
    COLLECTION_COMPLETED = "grading.collection.completed.v1"
    COLLECTION_FAILED = "grading.collection.failed.v1"
    GRADING_COMPLETED = "grading.session.completed.v1"
    GRADING_FAILED = "grading.session.failed.v1"


class CallState(StrEnum):
    """What is known of the last call of a pipeline step that the outside would carry out twice."""

    NONE = "none"
    MADE = "made"
    UNHEARD = "unheard"
    ANSWERED = "answered"


class StepState(StrEnum):
    """State of one pipeline step."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    COMPENSATED = "compensated"


BEGUN_STEP_STATES = frozenset({StepState.RUNNING, StepState.DONE, StepState.FAILED})
"""States of a step that may have had an effect which was not undone."""


class PortProtocol(StrEnum):
    """What a port tag opens: a serial console, a VNC screen, SSH, or a PATty forward."""

    SERIAL = "serial"
    VNC = "vnc"
    SSH = "ssh"
    PAT = "pat"


class ServiceName(StrEnum):
    """Controllers that may write through the internal API; also their realm role."""

    RESOURCE_SCHEDULER = "resource-scheduler"
    WORKER_CONTROLLER = "worker-controller"
    LABLET_CONTROLLER = "lablet-controller"


class Role(StrEnum):
    """Realm roles."""

    ADMIN = "admin"
    MANAGER = "manager"
    USER = "user"
    LAB_AUTHOR = "lab-author"
    RESOURCE_SCHEDULER = "resource-scheduler"
    WORKER_CONTROLLER = "worker-controller"
    LABLET_CONTROLLER = "lablet-controller"
    LDS = "lds"
    GRADING = "grading"


class TaskState(StrEnum):
    """State of an operator task."""

    OPEN = "open"
    DONE = "done"


class TaskSeverity(StrEnum):
    """How soon a person must look."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"
