"""Show commands of switches: VLANs, trunks, bundles, spanning tree."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from lcm_simulators.cml.devices.interfaces import Port, neighbor_of, ports_of
from lcm_simulators.cml.model import Lab, Node

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller

_RESERVED = {1002: "fddi-default", 1003: "token-ring-default", 1004: "fddinet-default", 1005: "trnet-default"}


def short(name: str) -> str:
    """``GigabitEthernet0/1`` as ``Gi0/1``."""
    for full, word in (("GigabitEthernet", "Gi"), ("FastEthernet", "Fa"), ("Ethernet", "Et"), ("Port-channel", "Po")):
        if name.startswith(full):
            return word + name[len(full) :]
    return name


def vlans_of(controller: Controller, node: Node) -> dict[int, str]:
    """Configured VLANs and their names."""
    vlans = {1: "default"}
    for section in controller.devices.configuration(node).starting("vlan"):
        for number in numbers_of(section.head.split(maxsplit=1)[1]):
            named = next((line.strip()[5:] for line in section.lines if line.strip().startswith("name ")), "")
            vlans[number] = named or f"VLAN{number:04d}"
    return dict(sorted(vlans.items()))


def numbers_of(text: str) -> list[int]:
    """``10,20-22`` as numbers; nothing for a text that is no list of numbers."""
    numbers: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip())
        if not found:
            return []
        first, last = int(found.group(1)), int(found.group(2) or found.group(1))
        numbers += range(first, min(last, 4094) + 1)
    return numbers


def _switch_ports(controller: Controller, lab: Lab, node: Node) -> list[Port]:
    return [port for port in ports_of(controller.devices, lab, node) if port.interface is not None]


def vlan_brief(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show vlan brief``."""
    del argument
    rows = [f"{'VLAN':<5}{'Name':<33}{'Status':<10}Ports", "---- -------------------------------- --------- ---------"]
    access = [
        port
        for port in _switch_ports(controller, lab, node)
        if port.mode == "access" and "no switchport" not in port.lines
    ]
    for number, name in vlans_of(controller, node).items():
        members = ", ".join(short(port.name) for port in access if port.access_vlan == number)
        rows.append(f"{number:<5}{name:<33}{'active':<10}{members}".rstrip())
    rows += [f"{number:<5}{name:<33}act/unsup" for number, name in _RESERVED.items()]
    return "\n".join(rows)


def trunks(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show interfaces trunk``."""
    del argument
    ports = [port for port in ports_of(controller.devices, lab, node) if port.mode == "trunk" and port.up]
    if not ports:
        return ""
    rows = [f"{'Port':<12}{'Mode':<13}{'Encapsulation':<15}{'Status':<14}Native vlan"]
    rows += [
        f"{short(port.name):<12}{'on':<13}{'802.1q':<15}{'trunking':<14}"
        f"{port.value('switchport trunk native vlan') or '1'}"
        for port in ports
    ]
    rows += ["", f"{'Port':<12}Vlans allowed on trunk"]
    rows += [f"{short(port.name):<12}{port.value('switchport trunk allowed vlan') or '1-4094'}" for port in ports]
    rows += ["", f"{'Port':<12}Vlans allowed and active in management domain"]
    known = set(vlans_of(controller, node))
    for port in ports:
        allowed = port.value("switchport trunk allowed vlan")
        active = sorted(known & set(numbers_of(allowed))) if allowed else sorted(known)
        rows.append(f"{short(port.name):<12}{','.join(map(str, active)) or 'none'}")
    return "\n".join(rows)


def status(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show interfaces status``."""
    del argument
    rows = [f"{'Port':<10}{'Name':<19}{'Status':<13}{'Vlan':<11}{'Duplex':<8}{'Speed':<7}Type"]
    for port in _switch_ports(controller, lab, node):
        state = "disabled" if port.shut else "connected" if port.up else "notconnect"
        vlan = "trunk" if port.mode == "trunk" else str(port.access_vlan)
        name = port.value("description")[:18]
        rows.append(f"{short(port.name):<10}{name:<19}{state:<13}{vlan:<11}{'a-full':<8}{'auto':<7}RJ45")
    return "\n".join(rows)


def bundles(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show etherchannel summary``: a member is bundled when the far side puts its port into a channel too."""
    del argument
    groups: dict[int, list[tuple[Port, str]]] = {}
    for port in _switch_ports(controller, lab, node):
        words = port.value("channel-group").split()
        if not words or not words[0].isdigit():
            continue
        far = neighbor_of(lab, port.interface)
        far_port = None
        if far is not None and controller.devices.speaks_commands(far[0]):
            far_port = next((p for p in ports_of(controller.devices, lab, far[0]) if p.interface is far[1]), None)
        joined = port.up and far_port is not None and _agree(words[-1], far_port.value("channel-group").split()[-1:])
        groups.setdefault(int(words[0]), []).append((port, "P" if joined else "I" if port.up else "D"))
    heading = f"{'Group':<7}{'Port-channel':<14}{'Protocol':<12}Ports"
    rows = [f"Number of channel-groups in use: {len(groups)}", "", heading, "------+-------------+-----------+-------"]
    for number, members in sorted(groups.items()):
        mode = members[0][0].value("channel-group").split()[-1]
        protocol = {"active": "LACP", "passive": "LACP", "desirable": "PAgP", "auto": "PAgP"}.get(mode, "-")
        up = any(flag == "P" for _, flag in members)
        ports = "  ".join(f"{short(port.name)}({flag})" for port, flag in members)
        name = f"Po{number}(S{'U' if up else 'D'})"
        rows.append(f"{number:<7}{name:<14}{protocol:<12}{ports}")
    return "\n".join(rows)


_PARTNERS = {
    "on": {"on"}, "active": {"active", "passive"}, "passive": {"active"}, "desirable": {"desirable", "auto"},
    "auto": {"desirable"},
}  # fmt: skip


def _agree(mine: str, theirs: list[str]) -> bool:
    return bool(theirs) and theirs[0] in _PARTNERS.get(mine, set())


def spanning_tree(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show spanning-tree [vlan N]``: the bridge with the lowest priority and address is the root."""
    wanted = numbers_of(argument.lower().removeprefix("vlan").strip())
    blocks = [_tree(controller, lab, node, vlan) for vlan in vlans_of(controller, node) if not wanted or vlan in wanted]
    return "\n\n".join(blocks)


def _bridge_id(controller: Controller, node: Node, vlan: int) -> tuple[int, str]:
    priority = 32768
    for section in controller.devices.configuration(node).starting("spanning-tree vlan"):
        words = section.head.split()
        if vlan in numbers_of(words[2]):
            if words[3:4] == ["priority"]:
                priority = int(words[4])
            elif words[3:5] == ["root", "primary"]:
                priority = 24576
            elif words[3:5] == ["root", "secondary"]:
                priority = 28672
    digest = hashlib.sha256(node.id.encode()).hexdigest()
    return priority + vlan, f"5254.{digest[0:4]}.{digest[4:8]}"


def _tree(controller: Controller, lab: Lab, node: Node, vlan: int) -> str:
    bridges = [
        other
        for other in lab.nodes.values()
        if controller.definition(other.node_definition).nature == "switch"
        and controller.devices.speaks_commands(other)
        and controller.devices.is_up(other)
    ]
    root = min((_bridge_id(controller, other, vlan) for other in bridges), default=(0, ""))
    own = _bridge_id(controller, node, vlan)
    lines = [f"VLAN{vlan:04d}", "  Spanning tree enabled protocol rstp", f"  Root ID    Priority    {root[0]}",
             f"             Address     {root[1]}"]  # fmt: skip
    if own == root:
        lines.append("             This bridge is the root")
    lines += ["", f"  Bridge ID  Priority    {own[0]}", f"             Address     {own[1]}", "",
              f"{'Interface':<20}{'Role':<5}{'Sts':<4}{'Cost':<10}Type"]  # fmt: skip
    for port in _switch_ports(controller, lab, node):
        if port.up and (port.mode == "trunk" or port.access_vlan == vlan):
            lines.append(f"{short(port.name):<20}{'Desg' if own == root else 'Root':<5}{'FWD':<4}{4:<10}P2p")
    return "\n".join(lines)
