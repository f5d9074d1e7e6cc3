"""CML topologies: reading, what they need, the ports they ask for, and the form in which they are imported."""

from lcm_core.topology.estimate import estimate_resources
from lcm_core.topology.model import Interface, Link, Node, SmartAnnotation, Topology
from lcm_core.topology.node_definitions import NodeDefinition, known_definitions, node_definition
from lcm_core.topology.parse import TOPOLOGY_FILE, parse_topology
from lcm_core.topology.ports import PortTag, parse_port_tag, port_template
from lcm_core.topology.rewrite import POOL_OWNER, lab_title, owner_of, rewrite_topology

__all__ = [
    "POOL_OWNER",
    "TOPOLOGY_FILE",
    "Interface",
    "Link",
    "Node",
    "NodeDefinition",
    "PortTag",
    "SmartAnnotation",
    "Topology",
    "estimate_resources",
    "known_definitions",
    "lab_title",
    "node_definition",
    "owner_of",
    "parse_port_tag",
    "parse_topology",
    "port_template",
    "rewrite_topology",
]
