"""What a lab is and takes, from its nodes."""

from collections.abc import Iterable, Sequence

from lcm_core.contracts.common import Resources
from lcm_core.domain.vocabulary import LabPhase
from lcm_core.spi.cml_labs import LabInfo, LabState, NodeInfo, NodeState
from lcm_core.topology import node_definition, parse_port_tag

_MOVING = frozenset({NodeState.QUEUED, NodeState.STARTING})
_FRESH = frozenset({LabPhase.DISCOVERED, LabPhase.DEFINED})


def lab_phase(lab: LabInfo, nodes: Iterable[NodeInfo], known: LabPhase | None, *, managed: bool) -> LabPhase:
    """The phase of a record; ``known`` is the one on record, None for a lab seen for the first time.

    A session's lab that is about to start stays so until it has started, or until the session takes that back.
    """
    if managed and known is LabPhase.STARTING and lab.state is not LabState.STARTED:
        return known
    match lab.state:
        case LabState.STARTED:
            return LabPhase.STARTING if any(node.state in _MOVING for node in nodes) else LabPhase.BOOTED
        case LabState.STOPPED:
            return LabPhase.STOPPED
        case LabState.DEFINED:
            if known is None:
                return LabPhase.DEFINED if managed else LabPhase.DISCOVERED
            return known if known in _FRESH else LabPhase.WIPED


def lab_resources(nodes: Sequence[NodeInfo]) -> Resources:
    """What the nodes take when they run, by their own sizes or those of their definitions."""
    counted = [node for node in nodes if node_definition(node.node_definition).counts]
    return Resources(
        cores=sum(node.cpus or node_definition(node.node_definition).cpus for node in counted),
        memory_mb=sum(node.ram_mb or node_definition(node.node_definition).ram_mb for node in counted),
        storage_gb=round(sum(node_definition(node.node_definition).disk_gb for node in counted)),
        nodes=len(counted),
    )


def lab_ports(nodes: Iterable[NodeInfo]) -> list[int]:
    """Outside ports that the nodes' tags ask for; tags that are malformed ask for none."""
    ports: set[int] = set()
    for node in nodes:
        for tag in node.tags:
            try:
                parsed = parse_port_tag(tag)
            except ValueError:
                continue
            if parsed is not None and parsed.outside.isdigit():
                ports.add(int(parsed.outside))
    return sorted(ports)
