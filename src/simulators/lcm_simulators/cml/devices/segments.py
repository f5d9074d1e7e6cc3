"""Layer 2: which ports share a broadcast domain, through cables, switches, trunks and unmanaged switches.

Frames are followed from a port of a device that speaks IP to all other such ports. Spanning tree is not needed for
that: a loop is walked once.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lcm_simulators.cml.devices.interfaces import Port, neighbor_of, ports_of
from lcm_simulators.cml.devices.vlans import numbers_of, vlans_of
from lcm_simulators.cml.model import Lab, Node, State

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller

_DOT1Q = re.compile(r"^encapsulation dot1q (\d+)( native)?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Station:
    """A port of a device that speaks IP."""

    node: Node
    port: Port


class Segments:
    """The broadcast domains of one lab at this moment; ports are read once."""

    def __init__(self, controller: Controller, lab: Lab) -> None:
        self._controller = controller
        self._lab = lab
        self._ports: dict[str, list[Port]] = {}

    def ports(self, node: Node) -> list[Port]:
        """Ports of a device that is up; none for any other."""
        if node.id not in self._ports:
            up = node.state is State.BOOTED
            self._ports[node.id] = ports_of(self._controller.devices, self._lab, node) if up else []
        return self._ports[node.id]

    def around(self, node: Node, port: Port) -> list[Station]:
        """Every other station that hears what this port sends."""
        if not port.up:
            return []
        if port.name.startswith("Vlan"):
            numbers = numbers_of(port.name[4:])
            frames = self._flooded(node, numbers[0], None) if numbers else deque()
        else:
            base, tag = self._wire(node, port)
            frames = deque([(node, base, tag)] if base is not None else [])
        stations = self._follow(frames)
        return [station for station in stations if (station.node.id, station.port.name) != (node.id, port.name)]

    def _wire(self, node: Node, port: Port) -> tuple[Port | None, int | None]:
        """The physical port and the tag that a port sends with."""
        if "." not in port.name:
            return port, None
        parent = next((item for item in self.ports(node) if item.name == port.name.split(".")[0]), None)
        return parent, _tag_of(port)

    def _follow(self, frames: deque[tuple[Node, Port, int | None]]) -> list[Station]:
        stations: list[Station] = []
        seen: set[tuple[str, str, int | None]] = set()
        while frames:
            node, out, tag = frames.popleft()
            if (node.id, out.name, tag) in seen:
                continue
            seen.add((node.id, out.name, tag))
            far = neighbor_of(self._lab, out.interface)
            if far is None or not out.up:
                continue
            arrival = next((port for port in self.ports(far[0]) if port.interface is far[1]), None)
            if arrival is not None and arrival.up:
                found, further = self._arrive(far[0], arrival, tag)
                stations += found
                frames.extend(further)
        return stations

    def _arrive(
        self, node: Node, port: Port, tag: int | None
    ) -> tuple[list[Station], deque[tuple[Node, Port, int | None]]]:
        definition = self._controller.definition(node.node_definition)
        if definition.driver == "ums":
            others = [other for other in self.ports(node) if other is not port]
            return [], deque((node, other, tag) for other in others)
        if definition.nature != "switch" or "no switchport" in port.lines:
            return self._end(node, port, tag), deque()
        vlan = self._vlan_of(node, port, tag)
        if vlan is None:
            return [], deque()
        svis = [Station(node, item) for item in self.ports(node) if item.name == f"Vlan{vlan}" and item.up]
        return svis, self._flooded(node, vlan, port)

    def _end(self, node: Node, port: Port, tag: int | None) -> list[Station]:
        """The port itself for an untagged frame, else the sub-interface of the tag."""
        children = [item for item in self.ports(node) if item.name.startswith(f"{port.name}.") and item.up]
        if tag is None:
            native = [item for item in children if any(line.lower().endswith(" native") for line in item.lines)]
            return [Station(node, item) for item in (native or [port])]
        return [Station(node, item) for item in children if _tag_of(item) == tag]

    def _vlan_of(self, node: Node, port: Port, tag: int | None) -> int | None:
        """The VLAN that a frame is in inside of the switch; None when the port drops it."""
        settings = self._switchport(node, port)
        if settings.mode == "access":
            return settings.access_vlan if tag is None else None
        vlan = tag if tag is not None else _native(settings)
        return vlan if vlan in self._carried(node, settings) else None

    def _flooded(self, node: Node, vlan: int, arrival: Port | None) -> deque[tuple[Node, Port, int | None]]:
        frames: deque[tuple[Node, Port, int | None]] = deque()
        for port in self.ports(node):
            if port is arrival or port.interface is None or "no switchport" in port.lines:
                continue
            settings = self._switchport(node, port)
            if settings.mode == "access":
                if settings.access_vlan == vlan:
                    frames.append((node, port, None))
            elif vlan in self._carried(node, settings):
                frames.append((node, port, None if vlan == _native(settings) else vlan))
        return frames

    def _switchport(self, node: Node, port: Port) -> Port:
        """The port whose switching commands count: that of the bundle for a member without any."""
        group = port.value("channel-group").split()
        if group and not any(line.startswith("switchport") for line in port.lines):
            return next((item for item in self.ports(node) if item.name == f"Port-channel{group[0]}"), port)
        return port

    def _carried(self, node: Node, trunk: Port) -> set[int]:
        """VLANs of a trunk that are allowed and exist on the switch."""
        known = set(vlans_of(self._controller.devices.configuration(node)))
        known |= {port.access_vlan for port in self.ports(node) if port.mode == "access"}
        allowed = trunk.value("switchport trunk allowed vlan")
        return known & set(numbers_of(allowed)) if allowed and allowed != "all" else known


def _native(trunk: Port) -> int:
    value = trunk.value("switchport trunk native vlan")
    return int(value) if value.isdigit() else 1


def _tag_of(port: Port) -> int | None:
    """The tag of a sub-interface; None for the native one and for one without encapsulation."""
    for line in port.lines:
        found = _DOT1Q.match(line)
        if found:
            return None if found.group(2) else int(found.group(1))
    return None
