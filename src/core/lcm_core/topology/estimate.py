"""What a topology needs of a worker, from its nodes and the table of node definitions."""

import math

from lcm_core.contracts.common import Resources
from lcm_core.topology.model import Node, Topology


def estimate_resources(topology: Topology) -> Resources:
    """Whole cores, MB of memory and GB of disk of all nodes together, each rounded up; nodes as a licence counts them.

    A node's CPU share is its virtual CPUs times its CPU limit in percent, which is how CML itself accounts for them.
    """
    return Resources(
        cores=math.ceil(sum(_cores(node) for node in topology.nodes)),
        memory_mb=sum(_memory(node) for node in topology.nodes),
        storage_gb=math.ceil(sum(_disk(node) for node in topology.nodes)),
        nodes=topology.node_count,
    )


def _cores(node: Node) -> float:
    if not node.definition.counts:
        return 0.0
    return (node.cpus or node.definition.cpus) * (node.cpu_limit or 100) / 100


def _memory(node: Node) -> int:
    return (node.ram_mb or node.definition.ram_mb) if node.definition.counts else 0


def _disk(node: Node) -> float:
    if not node.definition.counts:
        return 0.0
    return max(node.definition.disk_gb, node.boot_disk_gb) + node.data_volume_gb
