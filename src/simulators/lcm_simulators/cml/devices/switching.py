"""Show commands of switches: VLANs, trunks, bundles, spanning tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lcm_simulators.cml.devices.interfaces import Port, neighbor_of, ports_of
from lcm_simulators.cml.devices.spanning import PORT_COST, Tree
from lcm_simulators.cml.devices.vlans import list_of, numbers_of, vlans_of
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
    for number, name in vlans_of(controller.devices.configuration(node)).items():
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
    known = set(vlans_of(controller.devices.configuration(node)))
    for port in ports:
        allowed = port.value("switchport trunk allowed vlan")
        active = sorted(known & set(numbers_of(allowed))) if allowed else sorted(known)
        rows.append(f"{short(port.name):<12}{list_of(active) or 'none'}")
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


def mac_table(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show mac address-table``: whoever is at the other end of a port."""
    del argument
    rows = ["          Mac Address Table", "-------------------------------------------", "",
            "Vlan    Mac Address       Type        Ports", "----    -----------       --------    -----"]  # fmt: skip
    count = 0
    for port in _switch_ports(controller, lab, node):
        far = neighbor_of(lab, port.interface)
        if far is None or not port.up:
            continue
        text = (far[1].generated_mac or "").replace(":", "")
        vlan = port.value("switchport trunk native vlan") or "1" if port.mode == "trunk" else str(port.access_vlan)
        rows.append(f"{vlan:>4}    {text[0:4]}.{text[4:8]}.{text[8:12]}    {'DYNAMIC':<12}{short(port.name)}")
        count += 1
    return "\n".join([*rows, f"Total Mac Addresses for this criterion: {count}"])


def port_security(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show port-security``."""
    del argument
    rows = ["Secure Port  MaxSecureAddr  CurrentAddr  SecurityViolation  Security Action",
            "                (Count)       (Count)          (Count)", "-" * 75]  # fmt: skip
    for port in _switch_ports(controller, lab, node):
        if "switchport port-security" in port.lines:
            most = port.value("switchport port-security maximum") or "1"
            action = (port.value("switchport port-security violation") or "shutdown").capitalize()
            rows.append(f"{short(port.name):>11}{most:>15}{int(port.up):>13}{0:>19}{action:>17}")
    return "\n".join([*rows, "-" * 75])


def switchport(port: Port) -> str:
    """One port of ``show interfaces switchport``."""
    switching = "no switchport" not in port.lines and port.interface is not None
    lines = [f"Name: {short(port.name)}", f"Switchport: {'Enabled' if switching else 'Disabled'}"]
    if not switching:
        return "\n".join(lines)
    configured = port.value("switchport mode") or "dynamic auto"
    mode = "static access" if configured == "access" else configured
    operational = "down" if not port.up else "trunk" if port.mode == "trunk" else "static access"
    return "\n".join([
        *lines, f"Administrative Mode: {mode}", f"Operational Mode: {operational}",
        f"Access Mode VLAN: {port.access_vlan}",
        f"Trunking Native Mode VLAN: {port.value('switchport trunk native vlan') or '1'}",
        f"Voice VLAN: {port.value('switchport voice vlan') or 'none'}",
        f"Trunking VLANs Enabled: {port.value('switchport trunk allowed vlan') or 'ALL'}", "",
    ])  # fmt: skip


def spanning_tree(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show spanning-tree [vlan N]``: the bridge with the lowest priority and address is the root."""
    wanted = numbers_of(argument.split()[-1]) if argument else []
    blocks = [
        _tree(controller, lab, node, vlan)
        for vlan in vlans_of(controller.devices.configuration(node))
        if not wanted or vlan in wanted
    ]
    return "\n\n".join(blocks)


def _tree(controller: Controller, lab: Lab, node: Node, vlan: int) -> str:
    tree = Tree(controller, lab, vlan)
    own, root = tree.bridge_id(node), tree.root
    lines = [f"VLAN{vlan:04d}", f"  Spanning tree enabled protocol {_protocol(controller, node)}",
             f"  Root ID    Priority    {root[0]}", f"             Address     {root[1]}"]  # fmt: skip
    if own == root:
        lines.append("             This bridge is the root")
    else:
        lines.append(f"             Cost        {tree.cost(node)}")
    lines += ["", f"  Bridge ID  Priority    {own[0]}  (priority {own[0] - vlan} sys-id-ext {vlan})",
              f"             Address     {own[1]}", "",
              f"{'Interface':<20}{'Role':<5}{'Sts':<4}{'Cost':<10}{'Prio.Nbr':<9}Type"]  # fmt: skip
    for number, (port, role) in enumerate(tree.roles(node), start=1):
        state = "BLK" if role == "Altn" else "FWD"
        edge = " Edge" if any(line.startswith("spanning-tree portfast") for line in port.lines) else ""
        lines.append(f"{short(port.name):<20}{role:<5}{state:<4}{PORT_COST:<10}128.{number:<5}P2p{edge}")
    return "\n".join(lines)


def _protocol(controller: Controller, node: Node) -> str:
    modes = controller.devices.configuration(node).starting("spanning-tree mode")
    return "rstp" if modes and modes[-1].head.endswith("rapid-pvst") else "ieee"
