"""Wire models of what administrators set: dynamic settings, quotas and jobs."""

from enum import StrEnum

from pydantic import Field

from lcm_core.contracts.common import RequestModel, ResourceView, UtcTime, View
from lcm_core.domain.vocabulary import TaskSeverity


class DynamicSettings(RequestModel):
    """Settings that take effect without a restart; a limit of 0 means none."""

    quota_sessions_per_owner: int = Field(
        default=0, ge=0, le=100_000, description="Sessions one owner may have at a time, unless a quota says otherwise."
    )
    quota_sessions_per_department: int = Field(
        default=0, ge=0, le=100_000, description="Sessions one department may have at a time, unless a quota says so."
    )
    worker_metrics_poll_interval: int = Field(
        default=300, ge=30, le=86_400, description="Seconds between runs of WorkerMetricsCollectionJob."
    )
    worker_status_minutes: int = Field(
        default=15, ge=1, le=1440, description="Minutes between runs of UpdateCMLWorkerStatusJob."
    )
    labs_refresh_minutes: int = Field(default=30, ge=1, le=1440, description="Minutes between runs of LabsRefreshJob.")
    content_sync_minutes: int = Field(
        default=60, ge=1, le=10_080, description="Minutes between runs of ContentSyncJob."
    )
    worker_retention_days: int = Field(
        default=30, ge=1, le=366, description="Days after which a terminated worker is purged."
    )
    inbound_retention_days: int = Field(
        default=30, ge=1, le=366, description="Days for which events that other systems sent are kept."
    )


class SettingsStatus(View):
    """Settings have no life of their own."""

    phase: str = "active"


class SettingsView(ResourceView):
    """The dynamic settings with their version."""

    spec: DynamicSettings
    status: SettingsStatus


class SendNotice(RequestModel):
    """Something that everybody at the console should know now, for example that maintenance begins."""

    message: str = Field(min_length=1, max_length=500)
    severity: TaskSeverity = TaskSeverity.INFO


class QuotaScope(StrEnum):
    """Whom a quota limits."""

    OWNER = "owner"
    DEPARTMENT = "department"


class PutQuota(RequestModel):
    """The limit; 0 means none, whatever the settings say."""

    max_sessions: int = Field(ge=0, le=100_000)


class QuotaSpec(View):
    """Who may have how many sessions at a time."""

    scope: QuotaScope
    subject: str
    max_sessions: int


class QuotaStatus(View):
    """Quotas have no life of their own; their use is counted apart."""

    phase: str = "active"


class QuotaView(ResourceView):
    """A quota."""

    spec: QuotaSpec
    status: QuotaStatus
    used: int = 0


class QuotaUse(View):
    """What applies to somebody: a limit of 0 means none."""

    scope: QuotaScope
    subject: str
    max_sessions: int
    used: int


class JobLast(View):
    """The last run of a job; ``requested_at`` is set while somebody waits for the next one."""

    last_started_at: UtcTime | None = None
    last_finished_at: UtcTime | None = None
    last_result: str = ""
    last_message: str = ""
    requested_at: UtcTime | None = None


class JobView(JobLast):
    """A periodic job. It runs once in the cluster, whichever replica does it."""

    name: str
    description: str
    interval_seconds: int


class JobRunView(View):
    """One run of a job."""

    id: str
    job: str
    started_at: UtcTime
    finished_at: UtcTime
    result: str
    message: str
