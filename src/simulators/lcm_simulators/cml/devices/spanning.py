"""Spanning tree of one VLAN: root, costs and port roles."""

from __future__ import annotations

import hashlib
import heapq
from typing import TYPE_CHECKING

from lcm_simulators.cml.devices.interfaces import Port, neighbor_of, ports_of
from lcm_simulators.cml.devices.vlans import numbers_of
from lcm_simulators.cml.model import Lab, Node

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller

PORT_COST = 4
_DEFAULT_PRIORITY = 32_768
_ROLES = {"primary": 24_576, "secondary": 28_672}
BridgeId = tuple[int, str]


class Tree:
    """The tree among the switches that are up and cabled to each other for this VLAN."""

    def __init__(self, controller: Controller, lab: Lab, vlan: int) -> None:
        self._controller = controller
        self._lab = lab
        self._vlan = vlan
        self._ports = {node.id: self._carrying(node) for node in lab.nodes.values() if self._is_bridge(node)}
        self.root = min((self.bridge_id(lab.nodes[name]) for name in self._ports), default=(0, ""))
        self._costs = self._distances()

    def _is_bridge(self, node: Node) -> bool:
        devices = self._controller.devices
        switch = self._controller.definition(node.node_definition).nature == "switch"
        return switch and devices.speaks_commands(node) and devices.is_up(node)

    def _carrying(self, node: Node) -> list[Port]:
        ports = []
        for port in ports_of(self._controller.devices, self._lab, node):
            if port.interface is None or not port.up or "no switchport" in port.lines:
                continue
            allowed = port.value("switchport trunk allowed vlan")
            trunks = port.mode == "trunk" and (not allowed or self._vlan in numbers_of(allowed))
            if trunks or (port.mode == "access" and port.access_vlan == self._vlan):
                ports.append(port)
        return ports

    def bridge_id(self, node: Node) -> BridgeId:
        """Priority with the VLAN added, and the bridge's address."""
        priority = _DEFAULT_PRIORITY
        for section in self._controller.devices.configuration(node).starting("spanning-tree vlan"):
            words = section.head.lower().split()
            if self._vlan not in numbers_of(words[2]):
                continue
            if words[3:4] == ["priority"] and words[4:] and words[4].isdigit():
                priority = int(words[4])
            elif words[3:4] == ["root"]:
                priority = _ROLES.get(words[4] if words[4:] else "", priority)
        digest = hashlib.sha256(node.id.encode()).hexdigest()
        return priority + self._vlan, f"5254.{digest[0:4]}.{digest[4:8]}"

    def _far(self, port: Port) -> tuple[Node, Port] | None:
        """The port of another bridge at the other end."""
        far = neighbor_of(self._lab, port.interface)
        if far is None:
            return None
        there = next((item for item in self._ports.get(far[0].id, []) if item.interface is far[1]), None)
        return (far[0], there) if there is not None else None

    def _distances(self) -> dict[str, int]:
        heads = [name for name in self._ports if self.bridge_id(self._lab.nodes[name]) == self.root]
        heap = [(0, name) for name in heads]
        costs: dict[str, int] = {}
        while heap:
            cost, name = heapq.heappop(heap)
            if name in costs:
                continue
            costs[name] = cost
            for port in self._ports[name]:
                far = self._far(port)
                if far is not None:
                    heapq.heappush(heap, (cost + PORT_COST, far[0].id))
        return costs

    def cost(self, node: Node) -> int:
        """Cost of the way to the root."""
        return self._costs.get(node.id, 0)

    def roles(self, node: Node) -> list[tuple[Port, str]]:
        """``Root``, ``Desg`` or ``Altn`` for each port that carries the VLAN."""
        ports = self._ports.get(node.id, [])
        offers = {port.name: self._offer(port) for port in ports}
        best = min((offer for offer in offers.values() if offer is not None), default=None)
        own = (self.cost(node), self.bridge_id(node))
        roles = []
        for port in ports:
            offer = offers[port.name]
            if offer is not None and offer == best and self.bridge_id(node) != self.root:
                roles.append((port, "Root"))
            elif offer is not None and offer[:2] < own:
                roles.append((port, "Altn"))
            else:
                roles.append((port, "Desg"))
        return roles

    def _offer(self, port: Port) -> tuple[int, BridgeId, str] | None:
        """What the bridge at the other end promises: its cost, its id, its port."""
        far = self._far(port)
        return (self.cost(far[0]), self.bridge_id(far[0]), far[1].name) if far is not None else None
