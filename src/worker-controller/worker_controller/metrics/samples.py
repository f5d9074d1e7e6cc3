"""From what CML and CloudWatch tell to one sample. Pure."""

from datetime import datetime

from lcm_core.contracts.workers import WorkerMetrics
from lcm_core.spi.cloudwatch import InstanceMetrics
from lcm_core.spi.cml_system import SystemStats


def sample(
    at: datetime, stats: SystemStats | None, pushed: bool, cloud: InstanceMetrics | None
) -> WorkerMetrics | None:
    """The sample; None when neither source told anything.

    CML knows its processor, memory and disk at this moment, so it goes before CloudWatch, whose points are minutes old
    and which sees neither memory nor disk.
    """
    if stats is None and cloud is None:
        return None
    sources = [
        name for name, told in (("push" if pushed else "poll", stats), ("cloudwatch", cloud)) if told is not None
    ]
    return WorkerMetrics(
        at=at,
        cpu_percent=_percent(stats.cpu_percent) if stats else _percent(cloud.cpu_percent if cloud else None),
        memory_percent=_percent(stats.memory_percent) if stats else None,
        storage_percent=_percent(stats.disk_percent) if stats else None,
        network_in=cloud.network_in if cloud else None,
        network_out=cloud.network_out if cloud else None,
        status_check_failed=cloud.status_check_failed if cloud else None,
        running_nodes=stats.running_nodes if stats else None,
        source="+".join(sources),
    )


def _percent(value: float | None) -> float | None:
    return None if value is None else round(min(100.0, max(0.0, value)), 2)
