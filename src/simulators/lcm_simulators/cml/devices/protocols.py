"""Show commands of routers: routes and OSPF neighbors."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from lcm_simulators.cml.devices.interfaces import Port, neighbor_of, ports_of
from lcm_simulators.cml.model import Lab, Node

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller

_STATIC = re.compile(r"^ip route (\d+\.\d+\.\d+\.\d+) (\d+\.\d+\.\d+\.\d+) (\S+)(?: (\S+))?", re.IGNORECASE)
_NETWORK = re.compile(r"^network (\d+\.\d+\.\d+\.\d+) (\d+\.\d+\.\d+\.\d+) area (\S+)$", re.IGNORECASE)


def routes(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show ip route``: connected, local, static and what OSPF neighbors advertise directly."""
    del argument
    rows: list[str] = []
    for port in ports_of(controller.devices, lab, node):
        network = port.network
        if network is None or not port.up:
            continue
        rows.append(f"C        {network.network} is directly connected, {port.name}")
        rows.append(f"L        {network.ip}/32 is directly connected, {port.name}")
    last_resort = "Gateway of last resort is not set"
    for section in controller.devices.configuration(node).starting("ip route"):
        found = _STATIC.match(section.head)
        if found is None:
            continue
        target = ipaddress.IPv4Network(f"{found.group(1)}/{found.group(2)}", strict=False)
        hop = (
            found.group(4)
            if found.group(4) and found.group(4)[0].isdigit() and "." in found.group(4)
            else found.group(3)
        )
        if target.prefixlen == 0:
            last_resort = f"Gateway of last resort is {hop} to network 0.0.0.0"
            rows.append(f"S*    0.0.0.0/0 [1/0] via {hop}")
        else:
            rows.append(f"S        {target} [1/0] via {hop}")
    rows += _ospf_routes(controller, lab, node, rows)
    legend = "Codes: L - local, C - connected, S - static, O - OSPF, * - candidate default"
    return "\n".join([legend, "", last_resort, "", *rows])


def ospf_ports(controller: Controller, lab: Lab, node: Node) -> dict[str, tuple[Port, str]]:
    """Ports that take part in OSPF with their area, by name."""
    networks: list[tuple[ipaddress.IPv4Network, str]] = []
    for section in controller.devices.configuration(node).starting("router ospf"):
        for line in section.lines:
            found = _NETWORK.match(line.strip())
            if found:
                networks.append((_wildcard(found.group(1), found.group(2)), found.group(3)))
    ports: dict[str, tuple[Port, str]] = {}
    for port in ports_of(controller.devices, lab, node):
        explicit = next((line.split()[-1] for line in port.lines if re.match(r"^ip ospf \d+ area \S+$", line)), "")
        network = port.network
        area = explicit or next((area for net, area in networks if network is not None and network.ip in net), "")
        if area and port.up and network is not None:
            ports[port.name] = (port, area)
    return ports


def _wildcard(address: str, wildcard: str) -> ipaddress.IPv4Network:
    bits = int(ipaddress.IPv4Address(wildcard))
    return ipaddress.IPv4Network((int(ipaddress.IPv4Address(address)) & ~bits & 0xFFFFFFFF, 32 - bits.bit_length()))


def _neighbors(controller: Controller, lab: Lab, node: Node) -> list[tuple[Port, Node, Port]]:
    """Direct neighbors in the same area and network."""
    found = []
    for port, area in ospf_ports(controller, lab, node).values():
        far = neighbor_of(lab, port.interface)
        if far is None or not controller.devices.speaks_commands(far[0]) or not controller.devices.is_up(far[0]):
            continue
        for far_port, far_area in ospf_ports(controller, lab, far[0]).values():
            near, there = port.network, far_port.network
            adjacent = near is not None and there is not None and near.network == there.network
            if far_port.interface is far[1] and far_area == area and adjacent:
                found.append((port, far[0], far_port))
    return found


def router_id(controller: Controller, lab: Lab, node: Node) -> str:
    """The configured router id, else the highest loopback address, else the highest address."""
    for section in controller.devices.configuration(node).starting("router ospf"):
        for line in section.lines:
            if line.strip().startswith("router-id "):
                return line.split()[-1]
    ports = [port for port in ports_of(controller.devices, lab, node) if port.address]
    best = [port for port in ports if port.name.startswith("Loopback")] or ports
    return str(max((ipaddress.IPv4Address(port.address) for port in best), default="0.0.0.0"))


def ospf_neighbors(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show ip ospf neighbor``."""
    del argument
    rows = [f"{'Neighbor ID':<16}{'Pri':<6}{'State':<16}{'Dead Time':<12}{'Address':<16}Interface"]
    for port, far_node, far_port in _neighbors(controller, lab, node):
        name = router_id(controller, lab, far_node)
        role = (
            "FULL/DR"
            if ipaddress.IPv4Address(name) > ipaddress.IPv4Address(router_id(controller, lab, node))
            else "FULL/BDR"
        )
        rows.append(f"{name:<16}{1:<6}{role:<16}{'00:00:35':<12}{far_port.address:<16}{port.name}")
    return "\n".join(rows)


def _ospf_routes(controller: Controller, lab: Lab, node: Node, known: list[str]) -> list[str]:
    """Networks of every router that can be reached over OSPF neighbors, by the first hop that leads there."""
    own = "\n".join(known)
    rows: dict[str, str] = {}
    seen = {node.id}
    frontier = [
        (far_node, far_port.address, port.name, 1) for port, far_node, far_port in _neighbors(controller, lab, node)
    ]
    while frontier:
        following = []
        for other, hop, out, cost in frontier:
            if other.id in seen:
                continue
            seen.add(other.id)
            for port, _ in ospf_ports(controller, lab, other).values():
                network = str(port.network.network) if port.network else ""
                if network and f" {network} " not in own and network not in rows:
                    rows[network] = f"O        {network} [110/{cost + 1}] via {hop}, {out}"
            following += [(far, hop, out, cost + 1) for _, far, _ in _neighbors(controller, lab, other)]
        frontier = following
    return list(rows.values())
