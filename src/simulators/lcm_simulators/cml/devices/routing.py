"""Layer 3: routing tables, OSPF adjacencies, and whether a packet arrives.

Only what a small lab shows is worked out: connected, static, default and OSPF routes, forwarding hop by hop, address
resolution in the segment. Access lists and translations are not applied.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lcm_simulators.cml.catalog import System
from lcm_simulators.cml.devices.interfaces import Port
from lcm_simulators.cml.devices.segments import Segments, Station
from lcm_simulators.cml.devices.words import interface_name
from lcm_simulators.cml.model import Lab, Node

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller

MOST_HOPS = 30
_STATIC = re.compile(r"^ip route (\d+\.\d+\.\d+\.\d+) (\d+\.\d+\.\d+\.\d+) (.+)$", re.IGNORECASE)
_NETWORK = re.compile(r"^network (\d+\.\d+\.\d+\.\d+) (\d+\.\d+\.\d+\.\d+) area (\S+)$", re.IGNORECASE)
_PORT_AREA = re.compile(r"^ip ospf \d+ area (\S+)$", re.IGNORECASE)
_ANYWHERE = ipaddress.IPv4Network("0.0.0.0/0")
Address = ipaddress.IPv4Address


@dataclass(frozen=True, slots=True)
class Route:
    """One line of a routing table; `hop` is None for what is directly connected."""

    code: str
    network: ipaddress.IPv4Network
    port: str
    hop: Address | None = None
    distance: int = 0
    metric: int = 0


@dataclass(frozen=True, slots=True)
class Adjacency:
    """An OSPF neighbor seen from a port."""

    port: Port
    area: str
    far: Station


class Network:
    """The IP network of one lab at this moment."""

    def __init__(self, controller: Controller, lab: Lab) -> None:
        self._controller = controller
        self._lab = lab
        self.segments = Segments(controller, lab)
        self._tables: dict[str, list[Route]] = {}

    def routes_of(self, node: Node) -> list[Route]:
        """The routing table, most specific first."""
        if node.id not in self._tables:
            found = [*self._connected(node), *_nearest(self._static(node))]
            known = {route.network for route in found}
            found += [route for route in self._ospf(node) if route.network not in known]
            self._tables[node.id] = sorted(found, key=lambda route: -route.network.prefixlen)
        return self._tables[node.id]

    def addresses(self, node: Node) -> Iterator[tuple[Port, ipaddress.IPv4Interface]]:
        """Ports that are up and have an address."""
        for port in self.segments.ports(node):
            if port.network is not None and port.up:
                yield port, port.network

    def _connected(self, node: Node) -> Iterator[Route]:
        for port, network in self.addresses(node):
            yield Route("C", network.network, port.name)

    def _static(self, node: Node) -> Iterator[Route]:
        gateway = self._gateway(node)
        if gateway is not None:
            yield Route("S", _ANYWHERE, "", gateway, 1)
            return
        if not self._routes(node):
            return
        for section in self._controller.devices.configuration(node).starting("ip route"):
            found = _STATIC.match(section.head)
            if found is None:
                continue
            try:
                network = ipaddress.IPv4Network(f"{found.group(1)}/{found.group(2)}", strict=False)
            except ValueError:
                continue
            route = self._static_route(node, network, found.group(3).split())
            if route is not None:
                yield route

    def _static_route(self, node: Node, network: ipaddress.IPv4Network, words: list[str]) -> Route | None:
        """A static route that can be used: its interface is up, its next hop in a connected network."""
        hop, out, distance = None, "", 1
        for word in words:
            if re.fullmatch(r"\d+\.\d+\.\d+\.\d+", word):
                hop = Address(word)
            elif word.isdigit():
                distance = int(word)
            elif not out:
                out = interface_name(word)
        ups = {port.name: address.network for port, address in self.addresses(node)}
        if hop is not None and not out:
            out = next((name for name, connected in ups.items() if hop in connected), "")
        known = out in ups or out == "Null0"
        return Route("S", network, out, hop, distance) if known or (hop is None and out) else None

    def _gateway(self, node: Node) -> Address | None:
        """The default gateway of a host, or of a switch that does not route."""
        if not self._controller.devices.speaks_commands(node):
            return self._controller.devices.host(node).gateway
        if self._routes(node):
            return None
        for section in self._controller.devices.configuration(node).starting("ip default-gateway"):
            try:
                return Address(section.head.split()[-1])
            except ValueError:
                return None
        return None

    def _routes(self, node: Node) -> bool:
        """Whether the device forwards packets: routers do, switches when `ip routing` says so."""
        definition = self._controller.definition(node.node_definition)
        if not self._controller.devices.speaks_commands(node):
            return False
        configuration = self._controller.devices.configuration(node)
        if configuration.find("no ip routing") is not None:
            return False
        return (
            definition.nature != "switch"
            or definition.system is not System.IOS
            or bool(configuration.find("ip routing") or configuration.starting("router"))
        )

    def ospf_ports(self, node: Node) -> list[tuple[Port, str]]:
        """Ports that take part in OSPF, with their area."""
        networks: list[tuple[ipaddress.IPv4Network, str]] = []
        for section in self._controller.devices.configuration(node).starting("router ospf"):
            for line in section.lines:
                found = _NETWORK.match(line.strip())
                if found:
                    networks.append((_wildcard(found.group(1), found.group(2)), found.group(3)))
        ports = []
        for port, address in self.addresses(node):
            explicit = next((found.group(1) for line in port.lines if (found := _PORT_AREA.match(line))), "")
            area = explicit or next((area for network, area in networks if address.ip in network), "")
            if area:
                ports.append((port, area))
        return ports

    def adjacencies(self, node: Node) -> list[Adjacency]:
        """OSPF neighbors: in the same segment, network and area, on ports that are not passive."""
        found = []
        for port, area in self.ospf_ports(node):
            if port.name.startswith("Loopback") or self._passive(node, port):
                continue
            for far in self.segments.around(node, port):
                if not self._controller.devices.speaks_commands(far.node) or self._passive(far.node, far.port):
                    continue
                areas = {item.name: there for item, there in self.ospf_ports(far.node)}
                same = far.port.network is not None and port.network is not None
                if same and areas.get(far.port.name) == area and far.port.network.network == port.network.network:  # type: ignore[union-attr]
                    found.append(Adjacency(port, area, far))
        return found

    def _passive(self, node: Node, port: Port) -> bool:
        for section in self._controller.devices.configuration(node).starting("router ospf"):
            lines = [line.strip().lower() for line in section.lines]
            if f"no passive-interface {port.name}".lower() in lines:
                return False
            if f"passive-interface {port.name}".lower() in lines or "passive-interface default" in lines:
                return True
        return False

    def router_id(self, node: Node) -> Address:
        """The configured router id, else the highest loopback address, else the highest address."""
        for section in self._controller.devices.configuration(node).starting("router ospf"):
            for line in section.lines:
                if line.strip().startswith("router-id "):
                    return Address(line.split()[-1])
        ports = list(self.addresses(node))
        best = [item for item in ports if item[0].name.startswith("Loopback")] or ports
        return max((address.ip for _, address in best), default=Address(0))

    def _ospf(self, node: Node) -> Iterator[Route]:
        """Networks of every router that can be reached over neighbors, by the first hop that leads there."""
        if not self._controller.devices.speaks_commands(node):
            return
        seen, known = {node.id}, {address.network for _, address in self.addresses(node)}
        frontier: list[tuple[Node, str, Address | None, int]] = [
            (each.far.node, each.port.name, _ip(each.far.port), 1) for each in self.adjacencies(node)
        ]
        while frontier:
            following: list[tuple[Node, str, Address | None, int]] = []
            for other, out, hop, cost in frontier:
                if other.id in seen or hop is None:
                    continue
                seen.add(other.id)
                for port, _ in self.ospf_ports(other):
                    network = _network(port)
                    if network is not None and network not in known:
                        known.add(network)
                        yield Route("O", network, out, hop, 110, cost + 1)
                if self._originates_default(other) and _ANYWHERE not in known:
                    known.add(_ANYWHERE)
                    yield Route("O*E2", _ANYWHERE, out, hop, 110, 1)
                following += [(each.far.node, out, hop, cost + 1) for each in self.adjacencies(other)]
            frontier = following

    def _originates_default(self, node: Node) -> bool:
        sections = self._controller.devices.configuration(node).starting("router ospf")
        return any(line.strip().startswith("default-information originate") for s in sections for line in s.lines)

    def lookup(self, node: Node, target: Address) -> Route | None:
        """The route that a packet takes."""
        return next((route for route in self.routes_of(node) if target in route.network), None)

    def path(self, node: Node, target: Address) -> list[Station] | None:
        """The stations that a packet comes to, the owner of the address last; None when it is lost."""
        path: list[Station] = []
        current = node
        for _ in range(MOST_HOPS):
            if any(address.ip == target for _, address in self.addresses(current)):
                return path
            if path and not self._routes(current):
                return None
            station = self._next(current, target)
            if station is None:
                return None
            path.append(station)
            current = station.node
        return None

    def _next(self, node: Node, target: Address) -> Station | None:
        route = self.lookup(node, target)
        while route is not None and not route.port and route.hop is not None:
            via = self.lookup(node, route.hop)
            if via is None or via == route:
                return None
            route = Route(route.code, route.network, via.port, via.hop or route.hop)
        if route is None:
            return None
        port = next((item for item in self.segments.ports(node) if item.name == route.port), None)
        wanted = route.hop or target
        around = self.segments.around(node, port) if port is not None else []
        return next((station for station in around if _ip(station.port) == wanted), None)

    def answers(self, node: Node, target: Address) -> bool:
        """Whether a ping gets an answer: the way there and the way back."""
        there = self.path(node, target)
        if there is None:
            return False
        if not there:
            return True
        first = self.lookup(node, target)
        source = next((address.ip for port, address in self.addresses(node) if first and port.name == first.port), None)
        if source is None and first is not None and first.hop is not None:
            via = self.lookup(node, first.hop)
            source = next((address.ip for port, address in self.addresses(node) if via and port.name == via.port), None)
        return source is not None and self.path(there[-1].node, source) is not None


def _nearest(routes: Iterator[Route]) -> list[Route]:
    """Of several static routes to one network those with the smallest distance."""
    found = list(routes)
    best: dict[ipaddress.IPv4Network, int] = {}
    for route in found:
        best[route.network] = min(route.distance, best.get(route.network, route.distance))
    return [route for route in found if route.distance == best[route.network]]


def _ip(port: Port) -> Address | None:
    return port.network.ip if port.network is not None else None


def _network(port: Port) -> ipaddress.IPv4Network | None:
    return port.network.network if port.network is not None else None


def _wildcard(address: str, wildcard: str) -> ipaddress.IPv4Network:
    bits = int(Address(wildcard))
    return ipaddress.IPv4Network((int(Address(address)) & ~bits & 0xFFFFFFFF, 32 - bits.bit_length()))
