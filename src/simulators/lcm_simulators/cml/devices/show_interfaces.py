"""Show commands of interfaces and of what is at their other end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lcm_simulators.cml.devices.interfaces import Port, neighbor_of, ports_of
from lcm_simulators.cml.devices.routing import Network
from lcm_simulators.cml.devices.switching import short, switchport
from lcm_simulators.cml.devices.words import interface_name
from lcm_simulators.cml.model import Lab, Node

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller

INVALID = "% Invalid input detected at '^' marker."


def ip_brief(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show ip interface brief``."""
    wanted = interface_name(argument) if argument else ""
    rows = [f"{'Interface':<27}{'IP-Address':<16}{'OK?':<4}{'Method':<7}{'Status':<22}Protocol"]
    for port in ports_of(controller.devices, lab, node):
        if wanted and port.name != wanted:
            continue
        state, protocol = _states(port)
        method = "DHCP" if "ip address dhcp" in port.lines else "manual" if port.address else "unset"
        rows.append(f"{port.name:<27}{port.address or 'unassigned':<16}{'YES':<4}{method:<7}{state:<22}{protocol}")
    return "\n".join(rows)


def _states(port: Port) -> tuple[str, str]:
    state = "administratively down" if port.shut else "up" if port.up else "down"
    return state, "up" if port.up else "down"


def interfaces(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show interfaces [NAME [switchport]]``, ``show interfaces switchport``."""
    words = argument.split()
    switching = bool(words) and len(words[-1]) > 1 and "switchport".startswith(words[-1].lower())
    wanted = interface_name("".join(words[:-1] if switching else words))
    ports = [port for port in ports_of(controller.devices, lab, node) if not wanted or port.name == wanted]
    if not ports:
        return INVALID
    return "\n".join(switchport(port) if switching else _details(port) for port in ports)


def _details(port: Port) -> str:
    state, protocol = _states(port)
    connected = " (connected)" if port.up else " (notconnect)" if not port.shut else " (disabled)"
    mac = (port.interface.generated_mac or "").replace(":", "") if port.interface else "000000000000"
    dotted = f"{mac[0:4]}.{mac[4:8]}.{mac[8:12]}"
    lines = [f"{port.name} is {state}, line protocol is {protocol}{connected}",
             f"  Hardware is iGbE, address is {dotted} (bia {dotted})"]  # fmt: skip
    if port.value("description"):
        lines.append(f"  Description: {port.value('description')}")
    if port.network is not None:
        lines.append(f"  Internet address is {port.network}")
    lines.append(
        f"  MTU {port.value('mtu') or 1500} bytes, BW {port.value('bandwidth') or 1000000} Kbit/sec, DLY 10 usec"
    )
    duplex, speed = port.value("duplex") or "auto", port.value("speed") or "auto"
    lines.append(f"  {duplex.capitalize()} Duplex, {speed.capitalize()} Speed")
    return "\n".join(lines)


def descriptions(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show interfaces description``."""
    del argument
    rows = [f"{'Interface':<31}{'Status':<15}{'Protocol':<9}Description"]
    for port in ports_of(controller.devices, lab, node):
        state, protocol = _states(port)
        state = "admin down" if port.shut else state
        rows.append(f"{short(port.name):<31}{state:<15}{protocol:<9}{port.value('description')}".rstrip())
    return "\n".join(rows)


def arp(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show arp``: one's own addresses and those of everybody in the same segments."""
    del argument
    network = Network(controller, lab)
    rows = [f"{'Protocol':<10}{'Address':<17}{'Age (min)':>9}  {'Hardware Addr':<16}{'Type':<7}Interface"]
    for port, address in network.addresses(node):
        stations = [("-", str(address.ip), port)]
        for far in network.segments.around(node, port):
            if far.port.network is not None and far.port.network.ip in address.network:
                stations.append(("1", far.port.address, far.port))
        for age, text, owner in stations:
            rows.append(f"{'Internet':<10}{text:<17}{age:>9}  {_mac(owner):<16}{'ARPA':<7}{port.name}")
    return "\n".join(rows)


def _mac(port: Port) -> str:
    text = (port.interface.generated_mac or "" if port.interface else "").replace(":", "") or "525400000001"
    return f"{text[0:4]}.{text[4:8]}.{text[8:12]}"


def cdp_neighbors(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show cdp neighbors [detail]``."""
    if not _runs(controller, node, "cdp"):
        return "% CDP is not enabled"
    found = _discovered(controller, lab, node, "cdp")
    if argument.lower().startswith("det"):
        return "\n".join(_details_of(controller, port, far, far_port) for port, far, far_port in found)
    rows = [f"{'Device ID':<17}{'Local Intrfce':<18}{'Holdtme':<11}{'Capability':<12}{'Platform':<10}Port ID"]
    for port, far, far_port in found:
        definition = controller.definition(far.node_definition)
        kind = "S I" if definition.nature == "switch" else "R B"
        name = controller.devices.hostname(far)
        rows.append(f"{name:<17}{_three(port.name):<18}{150:<11}{kind:<12}{'Linux Uni':<10}{_three(far_port.name)}")
    return "\n".join([*rows, "", f"Total cdp entries displayed : {len(found)}"])


def _details_of(controller: Controller, port: Port, far: Node, far_port: Port) -> str:
    lines = ["-------------------------", f"Device ID: {controller.devices.hostname(far)}", "Entry address(es): "]
    if far_port.address:
        lines.append(f"  IP address: {far_port.address}")
    definition = controller.definition(far.node_definition)
    kind = "Switch IGMP" if definition.nature == "switch" else "Router Source-Route-Bridge"
    return "\n".join([
        *lines, f"Platform: Cisco {definition.label},  Capabilities: {kind}",
        f"Interface: {port.name},  Port ID (outgoing port): {far_port.name}", "Holdtime : 150 sec", "",
    ])  # fmt: skip


def lldp_neighbors(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show lldp neighbors``."""
    del argument
    if not _runs(controller, node, "lldp"):
        return "% LLDP is not enabled"
    found = _discovered(controller, lab, node, "lldp")
    rows = ["Capability codes:", "    (R) Router, (B) Bridge", "",
            f"{'Device ID':<20}{'Local Intf':<15}{'Hold-time':<11}{'Capability':<16}Port ID"]  # fmt: skip
    for port, far, far_port in found:
        kind = "B" if controller.definition(far.node_definition).nature == "switch" else "R"
        name = controller.devices.hostname(far)
        rows.append(f"{name:<20}{short(port.name):<15}{120:<11}{kind:<16}{short(far_port.name)}")
    return "\n".join([*rows, "", f"Total entries displayed: {len(found)}"])


def _discovered(controller: Controller, lab: Lab, node: Node, protocol: str) -> list[tuple[Port, Node, Port]]:
    """Devices at the other ends of cables that say who they are with this protocol."""
    found = []
    for port in ports_of(controller.devices, lab, node):
        far = neighbor_of(lab, port.interface)
        if far is None or not port.up or not _listens(port, protocol) or not _runs(controller, far[0], protocol):
            continue
        far_port = next((item for item in ports_of(controller.devices, lab, far[0]) if item.interface is far[1]), None)
        if far_port is not None and far_port.up and _speaks(far_port, protocol):
            found.append((port, far[0], far_port))
    return found


def _listens(port: Port, protocol: str) -> bool:
    return ("no cdp enable" if protocol == "cdp" else "no lldp receive") not in port.lines


def _speaks(port: Port, protocol: str) -> bool:
    return ("no cdp enable" if protocol == "cdp" else "no lldp transmit") not in port.lines


def _runs(controller: Controller, node: Node, protocol: str) -> bool:
    """CDP is on unless it was switched off, LLDP off unless it was switched on."""
    devices = controller.devices
    if not devices.is_up(node) or not devices.speaks_commands(node):
        return False
    if protocol == "cdp":
        return devices.configuration(node).find("no cdp run") is None
    return devices.configuration(node).find("lldp run") is not None


def _three(name: str) -> str:
    for full in ("GigabitEthernet", "FastEthernet", "TenGigabitEthernet", "Ethernet"):
        if name.startswith(full):
            return f"{full[:3]} {name[len(full) :]}"
    return name
