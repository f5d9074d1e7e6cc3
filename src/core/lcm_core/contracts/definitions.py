"""Wire models of LabletDefinitions and of the artifacts they are made from."""

from typing import Annotated

from pydantic import Field, StringConstraints

from lcm_core.contracts.common import (
    FieldError,
    Identifier,
    RequestModel,
    Resources,
    ResourceView,
    Sentence,
    ShortText,
    UtcTime,
    View,
)
from lcm_core.contracts.pipelines import AddedStep
from lcm_core.domain.vocabulary import DefinitionPhase, LicenseType, PortProtocol

SemanticVersion = Annotated[str, StringConstraints(pattern=r"^\d{1,5}\.\d{1,5}\.\d{1,5}$")]
FormQualifiedName = Annotated[str, StringConstraints(pattern=r"^\S+( \S+){5}$", max_length=120)]
"""Six words separated by single spaces; its slug is the S3 bucket of the content."""


class PortSlot(RequestModel):
    """One port the lab needs on its worker; ``name`` is the placeholder ``${PORT_<name>}``."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9_]{1,60}$")]
    node_label: str
    protocol: PortProtocol
    transport: str = "tcp"
    inside_port: int | None = Field(default=None, ge=1, le=65535)
    requested_tag: str = ""


class DeviceTemplate(RequestModel):
    """A device as the delivery system shows it; ``port_name`` refers to a :class:`PortSlot`."""

    label: str
    node_label: str
    node_definition: str
    port_name: str = ""
    protocol: PortProtocol
    username: str = ""


class Requirements(RequestModel):
    """What a definition asks of a worker. Empty or zero means "derived from the topology" or "no constraint"."""

    cores: int = Field(default=0, ge=0, le=4096)
    memory_mb: int = Field(default=0, ge=0)
    storage_gb: int = Field(default=0, ge=0)
    nested_virtualization: bool = False
    cml_version_range: str = ""
    ami_version_range: str = ""
    license_affinity: list[LicenseType] = Field(default_factory=list)
    regions: list[str] = Field(default_factory=list)


class StoredPackage(RequestModel):
    """A package that somebody put into the bucket of a form, beside the platform; ``modified`` is S3's word."""

    key: str = Field(min_length=1, max_length=1024)
    etag: str = Field(min_length=1, max_length=200)
    modified: UtcTime


class DefinitionSpec(RequestModel):
    """What the author declares."""

    name: Identifier
    semantic_version: SemanticVersion
    form_qualified_name: FormQualifiedName
    title: ShortText
    description: Sentence = ""
    artifact_id: str = ""
    package: StoredPackage | None = None
    graded: bool = True
    max_duration_minutes: int = Field(default=240, ge=5, le=7 * 24 * 60)
    boot_lead_minutes: int = Field(default=15, ge=0, le=240)
    cleanup_minutes: int = Field(default=5, ge=0, le=120)
    warm_pool_depth: int = Field(default=0, ge=0, le=50)
    hold_failed_minutes: int = Field(default=0, ge=0, le=240)
    no_show_minutes: float | None = Field(default=None, ge=0, le=1440)
    requirements: Requirements = Field(default_factory=Requirements)
    owner_notification: str = ""
    sync_requested_at: UtcTime | None = None
    check_requested_at: UtcTime | None = None


class DrawnNode(RequestModel):
    """One node of the drawing, where its author put it (pixels, y grows downward)."""

    label: str
    node_definition: str
    x: float
    y: float


class Drawing(RequestModel):
    """The topology as a picture; a link joins two nodes by their place in ``nodes``."""

    nodes: list[DrawnNode] = Field(default_factory=list)
    links: list[tuple[int, int]] = Field(default_factory=list)


class DerivedContent(RequestModel):
    """What the lablet controller learned from the validated package."""

    package_sha256: str
    package_bucket: str
    package_key: str
    topology_sha256: str
    rubric_key: str = ""
    node_count: int = Field(ge=1)
    node_definitions: list[str]
    estimated: Resources
    port_template: list[PortSlot]
    devices: list[DeviceTemplate]
    drawing: Drawing = Field(default_factory=Drawing)
    added_steps: list[AddedStep] = Field(default_factory=list, max_length=20)
    upstream: dict[str, str] = Field(default_factory=dict)


class ContentError(FieldError):
    """One validation error of a package: which file, line (0 when unknown) and field."""

    file: str = ""
    line: int = 0


class SyncStatus(View):
    """Progress of the content sync; ``check_…`` tell of the last look into the bucket for other content."""

    state: str = "pending"
    requested_at: UtcTime | None = None
    finished_at: UtcTime | None = None
    errors: list[ContentError] = Field(default_factory=list)
    check_answered: UtcTime | None = None
    checked_at: UtcTime | None = None
    check_message: str = ""


class DefinitionStatus(View):
    """What is known about a definition."""

    phase: DefinitionPhase = DefinitionPhase.PENDING_SYNC
    reason: str = ""
    message: str = ""
    observed_generation: int = 0
    content: DerivedContent | None = None
    requirements: Resources = Field(default_factory=Resources)
    sync: SyncStatus = Field(default_factory=SyncStatus)
    replaced_by: str = ""
    sessions_total: int = 0


class DefinitionView(ResourceView):
    """A LabletDefinition version."""

    spec: DefinitionSpec
    status: DefinitionStatus


class CreateDefinition(RequestModel):
    """Declare a definition; its artifact must have been uploaded before."""

    name: Identifier
    semantic_version: SemanticVersion = "1.0.0"
    form_qualified_name: FormQualifiedName
    title: ShortText
    description: Sentence = ""
    artifact_id: str = Field(min_length=1)
    graded: bool = True
    max_duration_minutes: int = Field(default=240, ge=5, le=7 * 24 * 60)
    boot_lead_minutes: int = Field(default=15, ge=0, le=240)
    cleanup_minutes: int = Field(default=5, ge=0, le=120)
    warm_pool_depth: int = Field(default=0, ge=0, le=50)
    hold_failed_minutes: int = Field(default=0, ge=0, le=240)
    no_show_minutes: float | None = Field(default=None, ge=0, le=1440)
    requirements: Requirements = Field(default_factory=Requirements)
    owner_notification: str = ""


class SyncResult(RequestModel):
    """The lablet controller's verdict on a definition's content.

    ``waiting`` says that there is no verdict yet; ``message`` then tells what it waits for.
    """

    expected_version: int | None = None
    observed_generation: int
    content: DerivedContent | None = None
    errors: list[ContentError] = Field(default_factory=list)
    message: Sentence = ""
    waiting: bool = False


class ContentCheck(RequestModel):
    """What the bucket of an active definition holds; ``message`` when that could not be read."""

    requested_at: UtcTime
    found: list[StoredPackage] = Field(default_factory=list, max_length=200)
    message: Sentence = ""


class ArtifactView(View):
    """An uploaded file waiting to be taken."""

    id: str
    filename: str
    content_type: str
    size: int
    sha256: str
    uploaded_at: UtcTime
    expires_at: UtcTime
