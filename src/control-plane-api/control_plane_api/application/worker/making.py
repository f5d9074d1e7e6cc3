"""From a template to the specification of a worker."""

from control_plane_api.domain.worker.template import WorkerTemplate
from lcm_core.contracts.workers import WorkerSpec


def worker_spec(
    template: WorkerTemplate,
    worker_id: str,
    region: str,
    *,
    name: str = "",
    need_id: str = "",
    tags: dict[str, str] | None = None,
) -> WorkerSpec:
    """A worker as the template describes it now; later changes of the template do not touch it."""
    wanted = template.spec
    return WorkerSpec(
        name=name or f"{wanted.name}-{worker_id[-6:]}",
        template_id=template.key,
        template_name=wanted.name,
        region=region,
        instance_type=wanted.instance_type,
        ami_pattern=wanted.ami_pattern,
        license_type=wanted.license_type,
        port_range=wanted.port_range,
        declared_capacity=wanted.capacity,
        hourly_cost_usd=wanted.hourly_cost_usd,
        boot_minutes=wanted.boot_minutes,
        idle_timeout_minutes=wanted.idle_timeout_minutes,
        drain_timeout_minutes=wanted.drain_timeout_minutes,
        nested_virtualization=wanted.nested_virtualization,
        detailed_monitoring=wanted.detailed_monitoring,
        need_id=need_id,
        tags=tags or {},
    )
