"""The WorkerTemplate aggregate: what to launch when capacity is short."""

from datetime import datetime

from control_plane_api.domain.worker.events import TemplateChanged
from control_plane_api.kernel.aggregate import Resource
from lcm_core.contracts.common import Resources
from lcm_core.contracts.workers import TemplateSpec, TemplateStatus
from lcm_core.domain.vocabulary import Kind, LicenseType

SEEDS = (
    TemplateSpec(
        name="metal-many",
        description="Bare metal for many sessions at once.",
        instance_type="m5zn.metal",
        capacity=Resources(cores=48, memory_mb=192 * 1024, storage_gb=256, nodes=200),
        license_type=LicenseType.ENTERPRISE,
        hourly_cost_usd=3.9641,
    ),
    TemplateSpec(
        name="single-session",
        description="A smaller machine for one session, with nested virtualization.",
        instance_type="c8i.4xlarge",
        capacity=Resources(cores=16, memory_mb=32 * 1024, storage_gb=128, nodes=40),
        license_type=LicenseType.ENTERPRISE,
        hourly_cost_usd=0.7497,
        nested_virtualization=True,
        boot_minutes=8,
    ),
)
"""Templates of a new installation; prices are us-east-1 on-demand Linux list prices of 2025 and meant to be edited."""


class WorkerTemplate(Resource[TemplateSpec, TemplateStatus]):
    """State and rules of one template."""

    KIND = Kind.TEMPLATE
    SPEC = TemplateSpec
    STATUS = TemplateStatus

    @classmethod
    def define(cls, template_id: str, spec: TemplateSpec, created_by: str, now: datetime) -> "WorkerTemplate":
        """Create a template."""
        template = cls.create(template_id, spec, TemplateStatus(), created_by, now)
        template.record(TemplateChanged(change="created"))
        return template

    def revise(self, spec: TemplateSpec) -> bool:
        """Replace the specification; answers whether anything changed. Running workers keep what they have."""
        if spec == self.spec:
            return False
        self.touch_spec()
        self.spec = spec
        self.record(TemplateChanged(change="revised"))
        return True
