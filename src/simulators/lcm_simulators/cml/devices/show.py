"""Answers to the show commands that are used as evidence."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lcm_simulators.cml.devices import protocols, switching
from lcm_simulators.cml.devices.interfaces import Port, neighbor_of, ports_of
from lcm_simulators.cml.devices.words import interface_name
from lcm_simulators.cml.model import Lab, Node

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller

INVALID = "% Invalid input detected at '^' marker."


def answer(controller: Controller, lab: Lab, node: Node, command: str) -> str:
    """What the device prints after a command, without the prompt."""
    words = " ".join(command.lower().split())
    for short, full in (("sh ", "show "), ("do ", "")):
        if words.startswith(short):
            words = full + words[len(short) :]
    words, _, modifier = (part.strip() for part in words.partition("|"))
    for name, handler in _COMMANDS.items():
        if words == name or (name in _WITH_ARGUMENTS and words.startswith(f"{name} ")):
            text = handler(
                controller, lab, node, command.split(maxsplit=len(name.split()))[-1] if words != name else ""
            )
            return _filtered(text, command.partition("|")[2].strip() if modifier else "")
    return INVALID


def _filtered(text: str, modifier: str) -> str:
    """``| include X``, ``| begin X``, ``| section X``."""
    kind, _, wanted = modifier.partition(" ")
    lines = text.splitlines()
    if not modifier:
        return text
    if kind.startswith("i"):
        lines = [line for line in lines if wanted in line]
    elif kind.startswith("b"):
        start = next((index for index, line in enumerate(lines) if wanted in line), len(lines))
        lines = lines[start:]
    elif kind.startswith("s"):
        kept, inside = [], False
        for line in lines:
            inside = wanted in line if not line.startswith(" ") else inside
            if inside:
                kept.append(line)
        lines = kept
    return "\n".join(lines)


def _running(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    devices = controller.devices
    if argument.lower().startswith("int"):
        head = f"interface {interface_name(argument.split(maxsplit=1)[-1])}"
        section = devices.configuration(node).find(head)
        return "\n".join([section.head, *section.lines, "end"]) if section else INVALID
    text = devices.running_configuration(lab, node)
    return f"Building configuration...\n\nCurrent configuration : {len(text)} bytes\n!\n{text.rstrip()}\n"


def _startup(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    del controller, lab, argument
    return node.startup or (node.configuration[0].content if node.configuration else "startup-config is not present")


def _version(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    del lab, argument
    definition = controller.definition(node.node_definition)
    name = controller.devices.hostname(node)
    return (
        f"Cisco IOS Software, {definition.label} Software ({definition.image}), simulated\n"
        f"{name} uptime is {controller.devices.uptime_minutes(node)} minutes\n"
        f"{definition.cpus or 1} CPU, {definition.ram or 0}M bytes of memory\n"
    )


def _interface_brief(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    del argument
    rows = [f"{'Interface':<27}{'IP-Address':<16}{'OK?':<4}{'Method':<7}{'Status':<22}Protocol"]
    for port in ports_of(controller.devices, lab, node):
        status = "administratively down" if port.shut else "up" if port.up else "down"
        protocol = "up" if port.up else "down"
        method = "manual" if port.address else "unset"
        rows.append(f"{port.name:<27}{port.address or 'unassigned':<16}{'YES':<4}{method:<7}{status:<22}{protocol}")
    return "\n".join(rows)


def _neighbors(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    if argument.lower().startswith("det"):
        return _neighbor_details(controller, lab, node)
    rows = [f"{'Device ID':<17}{'Local Intrfce':<18}{'Holdtme':<11}{'Capability':<12}{'Platform':<10}Port ID"]
    found = list(_cdp(controller, lab, node))
    for port, far_node, far_port in found:
        definition = controller.definition(far_node.node_definition)
        kind = "S I" if definition.nature == "switch" else "R B"
        name = controller.devices.hostname(far_node)
        rows.append(f"{name:<17}{_short(port.name):<18}{150:<11}{kind:<12}{definition.id:<10}{_short(far_port)}")
    return "\n".join([*rows, "", f"Total cdp entries displayed : {len(found)}"])


def _neighbor_details(controller: Controller, lab: Lab, node: Node) -> str:
    blocks = []
    for port, far_node, far_port in _cdp(controller, lab, node):
        addresses = [
            item.address
            for item in ports_of(controller.devices, lab, far_node)
            if item.address and item.name == far_port
        ]
        lines = [
            "-------------------------",
            f"Device ID: {controller.devices.hostname(far_node)}",
            "Entry address(es): ",
        ]
        lines += [f"  IP address: {address}" for address in addresses]
        lines += [
            f"Platform: Cisco {controller.definition(far_node.node_definition).label},  Capabilities: Router Switch",
            f"Interface: {port.name},  Port ID (outgoing port): {far_port}",
            "Holdtime : 150 sec",
        ]
        blocks.append("\n".join(lines))
    return "\n".join(blocks)


def _cdp(controller: Controller, lab: Lab, node: Node) -> list[tuple[Port, Node, str]]:
    """Neighbors that speak the discovery protocol, through ports on which both sides have it enabled."""
    devices = controller.devices
    if not _runs_cdp(controller, node):
        return []
    found = []
    for port in ports_of(devices, lab, node):
        far = neighbor_of(lab, port.interface)
        if far is None or not port.up or "no cdp enable" in port.lines or not _runs_cdp(controller, far[0]):
            continue
        far_port = next((item for item in ports_of(devices, lab, far[0]) if item.interface is far[1]), None)
        if far_port is not None and not far_port.shut and "no cdp enable" not in far_port.lines:
            found.append((port, far[0], far_port.name))
    return found


def _runs_cdp(controller: Controller, node: Node) -> bool:
    devices = controller.devices
    if not devices.is_up(node) or not devices.speaks_commands(node):
        return False
    return devices.configuration(node).find("no cdp run") is None


def _short(name: str) -> str:
    for full, short in (("GigabitEthernet", "Gig "), ("FastEthernet", "Fas "), ("Ethernet", "Eth ")):
        if name.startswith(full):
            return short + name[len(full) :]
    return name


Handler = Callable[["Controller", Lab, Node, str], str]
_COMMANDS: dict[str, Handler] = {
    "show running-config": _running,
    "show run": _running,
    "show startup-config": _startup,
    "show version": _version,
    "show ip interface brief": _interface_brief,
    "show ip int brief": _interface_brief,
    "show ip int br": _interface_brief,
    "show cdp neighbors": _neighbors,
    "show cdp neighbor": _neighbors,
    "show vlan brief": switching.vlan_brief,
    "show vlan": switching.vlan_brief,
    "show interfaces trunk": switching.trunks,
    "show interface trunk": switching.trunks,
    "show interfaces status": switching.status,
    "show interface status": switching.status,
    "show etherchannel summary": switching.bundles,
    "show spanning-tree": switching.spanning_tree,
    "show ip route": protocols.routes,
    "show ip ospf neighbor": protocols.ospf_neighbors,
}
_WITH_ARGUMENTS = frozenset(
    {"show running-config", "show run", "show cdp neighbors", "show cdp neighbor", "show spanning-tree"}
)
