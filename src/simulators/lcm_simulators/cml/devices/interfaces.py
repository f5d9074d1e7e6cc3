"""The interfaces of a device as its configuration and its cables make them."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lcm_simulators.cml.devices.configuration import Configuration, range_of
from lcm_simulators.cml.devices.words import expand
from lcm_simulators.cml.model import POWERED, Interface, Lab, Node, State

if TYPE_CHECKING:
    from lcm_simulators.cml.devices.runtime import Devices

_ADDRESS = re.compile(r"^ip address (\d+\.\d+\.\d+\.\d+) (\d+\.\d+\.\d+\.\d+)$", re.IGNORECASE)
_VIRTUAL = ("Vlan", "Loopback", "Port-channel", "Tunnel")


@dataclass(slots=True)
class Port:
    """One interface: its cable, its configuration lines, what follows from both."""

    name: str
    interface: Interface | None
    lines: list[str] = field(default_factory=list)
    cabled: bool = False

    def value(self, words: str) -> str:
        """The rest of the last line that begins with these words; empty when there is none."""
        wanted = f"{words} "
        return next((line[len(wanted) :] for line in reversed(self.lines) if line.lower().startswith(wanted)), "")

    @property
    def shut(self) -> bool:
        """Administratively down: the last word on it counts."""
        said = [line for line in self.lines if line in {"shutdown", "no shutdown"}]
        return said[-1:] == ["shutdown"]

    @property
    def up(self) -> bool:
        """Whether the line protocol is up."""
        if self.shut:
            return False
        return self.cabled or self.name.startswith(_VIRTUAL)

    @property
    def network(self) -> ipaddress.IPv4Interface | None:
        """Address and network."""
        for line in reversed(self.lines):
            found = _ADDRESS.match(line)
            if found:
                try:
                    return ipaddress.IPv4Interface(f"{found.group(1)}/{found.group(2)}")
                except ValueError:
                    return None
        return None

    @property
    def address(self) -> str:
        """The address, empty when there is none."""
        network = self.network
        return str(network.ip) if network else ""

    @property
    def mode(self) -> str:
        """``trunk`` or ``access``."""
        return "trunk" if self.value("switchport mode").startswith("trunk") else "access"

    @property
    def access_vlan(self) -> int:
        """The VLAN of an access port."""
        value = self.value("switchport access vlan")
        return int(value) if value.isdigit() else 1


def _cabled(lab: Lab, interface: Interface) -> bool:
    if interface.link is None or interface.state is not State.STARTED:
        return False
    link = lab.links[interface.link]
    return not link.stopped and all(lab.nodes[end].state in POWERED for end in (link.node_a, link.node_b))


def ports_of(devices: Devices, lab: Lab, node: Node) -> list[Port]:
    """Physical interfaces in the order of their slots, then those that only the configuration knows."""
    if not devices.speaks_commands(node):
        return _ports_of_host(devices, lab, node)
    configuration = devices.configuration(node)
    lines = _lines_by_name(configuration)
    ports: list[Port] = []
    for interface_id in node.interfaces:
        interface = lab.interfaces[interface_id]
        if interface.slot is None:
            continue
        default = ["shutdown"] if interface.label in configuration.born_shut else []
        ports.append(Port(interface.label, interface, lines.pop(interface.label, default), _cabled(lab, interface)))
    by_name = {port.name: port for port in ports}
    for name, own in lines.items():
        parent = by_name.get(name.split(".")[0]) if "." in name else None
        ports.append(Port(name, None, own, parent.up if parent else False))
    return ports


def _ports_of_host(devices: Devices, lab: Lab, node: Node) -> list[Port]:
    addresses = devices.host(node).addresses
    ports = []
    for interface in (lab.interfaces[interface_id] for interface_id in node.interfaces):
        address = addresses.get(interface.label)
        lines = [f"ip address {address.ip} {address.netmask}"] if address else []
        ports.append(Port(interface.label, interface, lines, _cabled(lab, interface)))
    return ports


def _lines_by_name(configuration: Configuration) -> dict[str, list[str]]:
    """Lines of each interface; a range in a file stands for all of its members."""
    found: dict[str, list[str]] = {}
    for section in configuration.sections:
        head = section.head.lower()
        if not head.startswith("int"):
            continue
        words = expand(section.head)
        names = range_of(words) or ([words[10:]] if words.lower().startswith("interface ") else [])
        for name in names:
            found.setdefault(name, []).extend(expand(line.strip()) for line in section.lines)
    return found


def neighbor_of(lab: Lab, interface: Interface | None) -> tuple[Node, Interface] | None:
    """What is at the other end of the cable."""
    if interface is None or interface.link is None:
        return None
    link = lab.links[interface.link]
    other = link.interface_b if link.interface_a == interface.id else link.interface_a
    far = lab.interfaces[other]
    return lab.nodes[far.node], far
