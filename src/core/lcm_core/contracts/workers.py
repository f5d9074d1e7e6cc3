"""Wire models of workers, templates and lab records."""

from pydantic import Field, model_validator

from lcm_core.contracts.common import (
    Condition,
    ConditionReport,
    Identifier,
    ReasonCode,
    RegionName,
    RequestModel,
    Resources,
    ResourceView,
    Sentence,
    ShortText,
    UtcTime,
    View,
)
from lcm_core.domain.vocabulary import (
    LabPhase,
    LabSource,
    LicenseType,
    WorkerDesired,
    WorkerFinalizer,
    WorkerOrigin,
    WorkerPhase,
)


class PortRange(RequestModel):
    """Inclusive range of TCP/UDP ports that labs may use on a worker; CML's PATty opens 2000–7999 by default."""

    low: int = Field(default=2000, ge=1024, le=65535)
    high: int = Field(default=7999, ge=1024, le=65535)

    @model_validator(mode="after")
    def _ordered(self) -> "PortRange":
        if self.high < self.low:
            raise ValueError("high must not be below low")
        return self


class TemplateSpec(RequestModel):
    """What to launch when capacity is short. ``capacity.nodes`` is the most CML nodes a worker may run."""

    name: Identifier
    description: Sentence = ""
    instance_type: ShortText
    capacity: Resources
    license_type: LicenseType = LicenseType.ENTERPRISE
    ami_pattern: ShortText = "cml-*"
    regions: list[RegionName] = Field(default_factory=lambda: ["us-east-1"], min_length=1)
    port_range: PortRange = Field(default_factory=PortRange)
    hourly_cost_usd: float = Field(ge=0)
    boot_minutes: int = Field(default=10, ge=0, le=60)
    drain_timeout_minutes: int = Field(default=240, ge=1)
    idle_timeout_minutes: int = Field(default=30, ge=0)
    max_workers_per_region: int = Field(default=10, ge=0, le=1000)
    min_warm_workers: int = Field(default=0, ge=0, le=100)
    nested_virtualization: bool = False
    detailed_monitoring: bool = False
    enabled: bool = True


class TemplateStatus(View):
    """What is known about a template."""

    reason: str = ""
    message: str = ""
    consecutive_failures: int = 0
    blocked_until: UtcTime | None = None


class TemplateView(ResourceView):
    """A worker template."""

    spec: TemplateSpec
    status: TemplateStatus


class WorkerSpec(View):
    """What is wanted of a worker."""

    name: str
    template_id: str = ""
    template_name: str = ""
    region: str
    desired: WorkerDesired = WorkerDesired.RUNNING
    drain: bool = False
    force: bool = False
    desired_reason: str = ""
    origin: WorkerOrigin = WorkerOrigin.CREATED
    instance_type: str = ""
    ami_pattern: str = ""
    license_type: LicenseType = LicenseType.ENTERPRISE
    port_range: PortRange = Field(default_factory=PortRange)
    declared_capacity: Resources = Field(default_factory=Resources)
    hourly_cost_usd: float = 0.0
    boot_minutes: int = 10
    idle_timeout_minutes: int = 30
    drain_timeout_minutes: int = 240
    nested_virtualization: bool = False
    detailed_monitoring: bool = False
    need_id: str = ""
    import_instance_id: str = ""
    tags: dict[str, str] = Field(default_factory=dict)
    refresh_requested_at: UtcTime | None = None
    labs_refresh_requested_at: UtcTime | None = None
    license_action: str = ""
    license_action_requested_at: UtcTime | None = None
    snoozed_until: UtcTime | None = None


class InstanceInfo(RequestModel):
    """The EC2 side of a worker."""

    instance_id: str = ""
    state: str = ""
    instance_type: str = ""
    ami_id: str = ""
    ami_name: str = ""
    private_ip: str = ""
    public_ip: str = ""
    launched_at: UtcTime | None = None
    state_since: UtcTime | None = None


class LaunchAttempt(RequestModel):
    """Written before EC2 is called, so that a crash never launches twice."""

    client_token: str
    number: int = 1
    started_at: UtcTime
    error: str = ""


class CmlInfo(RequestModel):
    """The CML system on a worker."""

    version: str = ""
    ready: bool = False
    node_definitions: list[str] = Field(default_factory=list)


class LicenseInfo(RequestModel):
    """The CML licence on a worker; never the token."""

    status: str = "unknown"
    authorization: str = ""
    product: str = ""
    node_limit: int = 0
    expires: UtcTime | None = None
    features: list[str] = Field(default_factory=list)


class UnmanagedUsage(RequestModel):
    """What labs that LCM did not make take on a worker."""

    labs: int = 0
    resources: Resources = Field(default_factory=Resources)
    ports: list[int] = Field(default_factory=list)


class WorkerMetrics(RequestModel):
    """One metrics sample; percents are 0–100, network in bytes per second."""

    at: UtcTime
    cpu_percent: float | None = None
    memory_percent: float | None = None
    storage_percent: float | None = None
    network_in: float | None = None
    network_out: float | None = None
    status_check_failed: bool | None = None
    running_nodes: int | None = None
    running_labs: int | None = None
    source: str = ""


class WorkerPhaseChange(View):
    """One entry of the bounded phase history."""

    phase: WorkerPhase
    at: UtcTime
    reason: str
    message: str = ""


class WorkerStatus(View):
    """What is known about a worker."""

    phase: WorkerPhase = WorkerPhase.PENDING
    reason: str = "Accepted"
    message: str = ""
    phase_since: UtcTime
    deadline: UtcTime | None = None
    drain_deadline: UtcTime | None = None
    observed_generation: int = 0
    conditions: list[Condition] = Field(default_factory=list)
    history: list[WorkerPhaseChange] = Field(default_factory=list)
    instance: InstanceInfo = Field(default_factory=InstanceInfo)
    attempt: LaunchAttempt | None = None
    endpoint: str = ""
    cml: CmlInfo = Field(default_factory=CmlInfo)
    license: LicenseInfo = Field(default_factory=LicenseInfo)
    capacity: Resources = Field(default_factory=Resources)
    unmanaged: UnmanagedUsage = Field(default_factory=UnmanagedUsage)
    claims_version: int = 0
    finalizers: list[WorkerFinalizer] = Field(default_factory=list)
    idle_since: UtcTime | None = None
    schedulable: bool = False
    running_seconds: float = 0.0
    cost_usd: float = 0.0


class WorkerView(ResourceView):
    """A worker; ``metrics`` is the latest sample and lives outside the versioned document."""

    spec: WorkerSpec
    status: WorkerStatus
    metrics: WorkerMetrics | None = None


class CreateWorker(RequestModel):
    """Launch one worker from a template by hand."""

    template_id: str = Field(min_length=1)
    region: str = ""
    name: str = Field(default="", max_length=60)
    tags: dict[str, str] = Field(default_factory=dict)


class ImportWorker(RequestModel):
    """Take over an existing EC2 instance that runs CML."""

    instance_id: str = Field(pattern=r"^i-[0-9a-f]{8,17}$")
    region: str = Field(min_length=1)
    template_id: str = Field(min_length=1)
    name: str = Field(default="", max_length=60)


class ScaleUpNeed(RequestModel):
    """One worker the scheduler needs; ``need_id`` is deterministic, so a retry never launches twice."""

    need_id: Identifier
    template_id: str
    region: str
    reason: ReasonCode
    message: Sentence
    session_ids: list[str] = Field(default_factory=list, max_length=500)


class ScaleUpBatch(RequestModel):
    """Workers to create."""

    items: list[ScaleUpNeed] = Field(min_length=1, max_length=50)


class SetWorkerDesired(RequestModel):
    """Change what is wanted of a worker; refused (409) if live or imminent claims would be harmed."""

    desired: WorkerDesired
    drain: bool | None = None
    expected_version: int | None = None
    reason: ReasonCode
    message: Sentence


class ReportWorker(RequestModel):
    """What the worker controller observed. Unset fields keep their value; ``phase`` must be a legal move."""

    expected_version: int | None = None
    phase: WorkerPhase | None = None
    reason: ReasonCode | None = None
    message: Sentence | None = None
    observed_generation: int | None = None
    conditions: list[ConditionReport] = Field(default_factory=list)
    instance: InstanceInfo | None = None
    attempt: LaunchAttempt | None = None
    endpoint: str | None = None
    cml: CmlInfo | None = None
    license: LicenseInfo | None = None
    capacity: Resources | None = None
    clear_finalizers: list[WorkerFinalizer] = Field(default_factory=list)
    idle_since: UtcTime | None = None
    clear_idle: bool = False
    clear_license_action: bool = False


class ReportWorkerLabs(RequestModel):
    """What the lablet controller observed about the labs of a worker."""

    expected_version: int | None = None
    unmanaged: UnmanagedUsage
    clear_labs_finalizer: bool = False
    message: Sentence = ""


class MetricsItem(RequestModel):
    """A sample of one worker."""

    worker_id: str
    metrics: WorkerMetrics


class MetricsBatch(RequestModel):
    """Samples of many workers."""

    items: list[MetricsItem] = Field(min_length=1, max_length=500)


class WorkerCredentials(View):
    """What the controllers need to talk to CML; read over the internal API only, never stored by them."""

    cml_username: str
    cml_password: str
    license_token: str = ""


class DiscoveredInstance(RequestModel):
    """An EC2 instance found by tag or AMI pattern that no worker accounts for."""

    instance_id: str
    region: str
    instance_type: str = ""
    ami_name: str = ""
    endpoint: str = ""
    worker_id_tag: str = ""


RECORD_CHANGED = "RecordChanged"
"""Code of the result of a report that came too late, see ``LabRecordReport.seen_version``."""


class LabRecordReport(RequestModel):
    """One CML lab as seen on a worker; ``released`` says that its session no longer has it.

    ``record_id`` is the record of its import, when the lab names one. ``seen_version`` is the version of the record
    before the lab was looked at, 0 for none: if it changed meanwhile, the report counts for nothing.
    """

    cml_lab_id: str
    title: str
    phase: LabPhase
    source: LabSource
    session_id: str = ""
    definition_id: str = ""
    topology_sha256: str = ""
    node_count: int = 0
    resources: Resources = Field(default_factory=Resources)
    ports: list[int] = Field(default_factory=list)
    released: bool = False
    record_id: str = ""
    export_artifact_id: str = ""
    message: Sentence = ""
    seen_version: int | None = Field(default=None, ge=0)


class LabRecordBatch(RequestModel):
    """Labs of one worker. With ``complete`` records of labs that are not listed become deleted."""

    worker_id: str
    complete: bool = False
    items: list[LabRecordReport] = Field(default_factory=list, max_length=500)


class LabRecordSpec(View):
    """Which lab it is, and the action somebody asked for; ``action_target`` is the artifact or session it is about."""

    worker_id: str
    cml_lab_id: str
    title: str = ""
    source: LabSource = LabSource.DISCOVERY
    session_id: str = ""
    definition_id: str = ""
    pending_action: str = ""
    action_target: str = ""
    action_requested_at: UtcTime | None = None
    action_requested_by: str = ""


class LabRecordStatus(View):
    """What is known about a lab."""

    phase: LabPhase = LabPhase.DISCOVERED
    message: str = ""
    topology_sha256: str = ""
    revision: int = 1
    node_count: int = 0
    resources: Resources = Field(default_factory=Resources)
    ports: list[int] = Field(default_factory=list)
    last_error: str = ""
    last_seen_at: UtcTime | None = None
    export_artifact_id: str = ""


class LabRecordView(ResourceView):
    """One CML lab on one worker."""

    spec: LabRecordSpec
    status: LabRecordStatus
