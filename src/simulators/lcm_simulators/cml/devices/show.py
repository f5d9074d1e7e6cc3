"""What a device answers to a command that changes nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from lcm_simulators.cml.devices import reach, show_interfaces, show_routing, show_system, switching
from lcm_simulators.cml.devices.phrases import best_match
from lcm_simulators.cml.devices.show_interfaces import INVALID
from lcm_simulators.cml.model import Lab, Node

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller

Handler = Callable[["Controller", Lab, Node, str], str]


def answer(controller: Controller, lab: Lab, node: Node, command: str) -> str:
    """What the device prints after a command, without the prompt."""
    text, _, modifier = (part.strip() for part in command.partition("|"))
    words = text.split()
    if words[:1] == ["do"]:
        words = words[1:]
    phrase = best_match(words, _COMMANDS)
    if phrase is None:
        return INVALID
    handler, takes_more = _COMMANDS[phrase]
    argument = " ".join(words[len(phrase) :])
    known = not _OF_SWITCHES.intersection(phrase) or controller.definition(node.node_definition).nature == "switch"
    if not known or (argument and not takes_more):
        return INVALID
    return _filtered(handler(controller, lab, node, argument), modifier)


def _filtered(text: str, modifier: str) -> str:
    """``| include X``, ``| exclude X``, ``| begin X``, ``| section X``; X is a regular expression."""
    kind, _, wanted = modifier.partition(" ")
    if not kind or not wanted:
        return text
    try:
        pattern = re.compile(wanted.strip())
    except re.error:
        return "% Failed to compile regular expression."
    lines = text.splitlines()
    if "include".startswith(kind.lower()):
        return "\n".join(line for line in lines if pattern.search(line))
    if "exclude".startswith(kind.lower()):
        return "\n".join(line for line in lines if not pattern.search(line))
    if "begin".startswith(kind.lower()):
        first = next((index for index, line in enumerate(lines) if pattern.search(line)), len(lines))
        return "\n".join(lines[first:])
    if "section".startswith(kind.lower()):
        return "\n".join(_sections(lines, pattern))
    return INVALID


def _sections(lines: list[str], pattern: re.Pattern[str]) -> list[str]:
    kept, inside = [], False
    for line in lines:
        inside = bool(pattern.search(line)) if not line.startswith(" ") else inside
        if inside:
            kept.append(line)
    return kept


_OF_SWITCHES = frozenset({"vlan", "spanning-tree", "etherchannel", "mac", "port-security", "vtp"})
_TABLE: tuple[tuple[str, Handler, bool], ...] = (
    ("show running-config", show_system.running, True),
    ("show startup-config", show_system.startup, False),
    ("show version", show_system.version, False),
    ("show inventory", show_system.inventory, False),
    ("show clock", show_system.clock, False),
    ("show users", show_system.users, False),
    ("show ip ssh", show_system.ssh, False),
    ("show ntp associations", show_system.ntp, False),
    ("show snmp community", show_system.snmp, False),
    ("show vtp status", show_system.vtp, False),
    ("show ip interface brief", show_interfaces.ip_brief, True),
    ("show interfaces", show_interfaces.interfaces, True),
    ("show interfaces description", show_interfaces.descriptions, False),
    ("show interfaces status", switching.status, False),
    ("show interfaces trunk", switching.trunks, False),
    ("show arp", show_interfaces.arp, False),
    ("show ip arp", show_interfaces.arp, False),
    ("show cdp neighbors", show_interfaces.cdp_neighbors, True),
    ("show lldp neighbors", show_interfaces.lldp_neighbors, False),
    ("show vlan", switching.vlan_brief, False),
    ("show vlan brief", switching.vlan_brief, False),
    ("show etherchannel summary", switching.bundles, False),
    ("show spanning-tree", switching.spanning_tree, True),
    ("show mac address-table", switching.mac_table, False),
    ("show port-security", switching.port_security, False),
    ("show ip route", show_routing.routes, True),
    ("show ip protocols", show_routing.protocols, False),
    ("show ip ospf neighbor", show_routing.ospf_neighbors, False),
    ("show ip ospf interface brief", show_routing.ospf_interfaces, False),
    ("show access-lists", show_routing.access_lists, True),
    ("show ip access-lists", show_routing.access_lists, True),
    ("show ip dhcp pool", show_routing.dhcp_pools, True),
    ("show ip nat statistics", show_routing.nat_statistics, False),
    ("ping", reach.ping, True),
    ("traceroute", reach.traceroute, True),
)
_COMMANDS: dict[tuple[str, ...], tuple[Handler, bool]] = {
    tuple(words.split()): (handler, takes_more) for words, handler, takes_more in _TABLE
}
