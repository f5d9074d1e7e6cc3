"""What a worker offers to claims."""

from control_plane_api.domain.worker.claim_check import ClaimLimits
from control_plane_api.domain.worker.worker import Worker
from lcm_core.contracts.common import Resources
from lcm_core.domain.vocabulary import PERSONAL_LICENSE_NODES, LicenseType


def limits_of(worker: Worker) -> ClaimLimits:
    """Capacity less what unmanaged labs take, the port range, and the ports they hold."""
    capacity, used = worker.status.capacity, worker.status.unmanaged.resources
    license_nodes = worker.status.license.node_limit or capacity.nodes
    if worker.spec.license_type is LicenseType.PERSONAL:
        license_nodes = min(license_nodes, PERSONAL_LICENSE_NODES)
    return ClaimLimits(
        capacity=Resources(
            cores=max(0, capacity.cores - used.cores),
            memory_mb=max(0, capacity.memory_mb - used.memory_mb),
            storage_gb=max(0, capacity.storage_gb - used.storage_gb),
            nodes=max(0, min(capacity.nodes, license_nodes) - used.nodes),
        ),
        ports=worker.spec.port_range,
        taken_ports=frozenset(worker.status.unmanaged.ports),
    )
