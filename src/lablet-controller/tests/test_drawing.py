"""The picture of a topology in the console."""

from lablet_controller.content.drawing import drawing_of
from lcm_core.topology import parse_topology

TOPOLOGY = """
lab: {title: Triangle, version: 0.3.0, description: '', notes: ''}
nodes:
  - {id: n0, label: R1, node_definition: iosv, x: -40, y: 10, interfaces: [{id: i0, slot: 0}, {id: i1, slot: 1}]}
  - {id: n1, label: R2, node_definition: iosv, x: 200, y: 10.5, interfaces: [{id: i0, slot: 0}, {id: i1, slot: 1}]}
links:
  - {id: l0, n1: n0, i1: i0, n2: n1, i2: i0}
  - {id: l1, n1: n1, i1: i1, n2: n0, i2: i1}
"""


def test_nodes_stand_where_their_author_put_them() -> None:
    nodes = drawing_of(parse_topology(TOPOLOGY)).nodes
    assert [(node.label, node.x, node.y) for node in nodes] == [("R1", -40, 10), ("R2", 200, 10.5)]


def test_parallel_links_are_one_line() -> None:
    assert drawing_of(parse_topology(TOPOLOGY)).links == [(0, 1)]
