"""The picture of a topology: where its author put each node, and which nodes are linked."""

from collections.abc import Mapping

from lcm_core.contracts.definitions import Drawing, DrawnNode
from lcm_core.topology import Topology

LARGEST_DRAWING = 300
"""Nodes and links beyond this many are left out: nobody reads such a picture, and it travels with every snapshot."""

FARTHEST = 1e9


def drawing_of(topology: Topology) -> Drawing:
    """The drawing of a checked topology; empty when it is too large to be read."""
    if len(topology.nodes) > LARGEST_DRAWING:
        return Drawing()
    places = _places(topology)
    nodes = [
        DrawnNode(label=node.label, node_definition=node.node_definition, x=places[node.id][0], y=places[node.id][1])
        for node in topology.nodes
    ]
    order = {node.id: index for index, node in enumerate(topology.nodes)}
    # Parallel links are one line in a picture.
    pairs = {
        (min(order[link.node_a], order[link.node_b]), max(order[link.node_a], order[link.node_b]))
        for link in topology.links
        if link.node_a in order and link.node_b in order and link.node_a != link.node_b
    }
    return Drawing(nodes=nodes, links=sorted(pairs)[:LARGEST_DRAWING])


def _places(topology: Topology) -> dict[str, tuple[float, float]]:
    """Coordinates by node id, from the raw document; a node without usable ones goes to a row below."""
    raw = topology.document.value
    listed = raw.get("nodes") if isinstance(raw, Mapping) else None
    drawn = {str(node.get("id")): node for node in listed or () if isinstance(node, Mapping)}
    return {
        node.id: (
            _number(drawn.get(node.id, {}).get("x"), 120.0 * index),
            _number(drawn.get(node.id, {}).get("y"), 0.0),
        )
        for index, node in enumerate(topology.nodes)
    }


def _number(value: object, otherwise: float) -> float:
    """A coordinate that can be drawn; CML's canvas ends far before ``FARTHEST``."""
    usable = isinstance(value, int | float) and not isinstance(value, bool) and -FARTHEST <= value <= FARTHEST
    return float(value) if usable else otherwise  # type: ignore[arg-type]
