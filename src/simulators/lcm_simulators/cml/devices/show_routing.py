"""Show commands of routers: routes, OSPF, access lists, translations, address pools."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from lcm_simulators.cml.devices.routing import Network, Route
from lcm_simulators.cml.model import Lab, Node

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller

_LEGEND = """Codes: L - local, C - connected, S - static, R - RIP, M - mobile, B - BGP
       D - EIGRP, EX - EIGRP external, O - OSPF, IA - OSPF inter area
       E1 - OSPF external type 1, E2 - OSPF external type 2
       ia - IS-IS inter area, * - candidate default, U - per-user static route
"""


def routes(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show ip route [static|connected|ospf|ADDRESS]``."""
    network = Network(controller, lab)
    table = network.routes_of(node)
    words = argument.lower().split()
    if words and words[0][:1].isdigit():
        return _route_to(network, node, words[0])
    wanted = {"static": "S", "connected": "C", "ospf": "O"}.get(words[0] if words else "", "")
    rows: list[str] = []
    for route in sorted(table, key=lambda item: (item.network.network_address, item.network.prefixlen)):
        if route.code.startswith(wanted):
            rows.append(_row(route))
            rows += [
                f"L        {address.ip}/32 is directly connected, {port.name}"
                for port, address in network.addresses(node)
                if route.code == "C" and port.name == route.port
            ]
    default = next((route for route in table if route.network.prefixlen == 0), None)
    resort = f"Gateway of last resort is {default.hop} to network 0.0.0.0" if default else ""
    return "\n".join([_LEGEND, resort or "Gateway of last resort is not set", "", *rows])


def _row(route: Route) -> str:
    code = f"{route.code}*" if route.network.prefixlen == 0 and "*" not in route.code else route.code
    if route.hop is None:
        return f"{code:<9}{route.network} is directly connected, {route.port}"
    out = f", {route.port}" if route.code.startswith("O") else ""
    age = ", 00:01:07" if route.code.startswith("O") else ""
    return f"{code:<9}{route.network} [{route.distance}/{route.metric}] via {route.hop}{age}{out}"


def _route_to(network: Network, node: Node, text: str) -> str:
    try:
        route = network.lookup(node, ipaddress.IPv4Address(text))
    except ValueError:
        return "% Invalid input detected at '^' marker."
    if route is None:
        return "% Network not in table"
    known = {"C": "connected", "S": "static"}.get(route.code, "ospf 1")
    lines = [f"Routing entry for {route.network}", f'  Known via "{known}", distance {route.distance}',
             "  Routing Descriptor Blocks:", f"  * {route.hop or 'directly connected'}, via {route.port}"]  # fmt: skip
    return "\n".join(lines)


def ospf_neighbors(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show ip ospf neighbor``."""
    del argument
    network = Network(controller, lab)
    rows = ["", f"{'Neighbor ID':<16}{'Pri':<6}{'State':<16}{'Dead Time':<12}{'Address':<16}Interface"]
    own = network.router_id(node)
    for each in network.adjacencies(node):
        name = network.router_id(each.far.node)
        point = "point-to-point" in each.port.value("ip ospf network")
        role = "FULL/  -" if point else "FULL/DR" if name > own else "FULL/BDR"
        priority = 0 if point else 1
        rows.append(f"{name!s:<16}{priority:<6}{role:<16}{'00:00:35':<12}{each.far.port.address:<16}{each.port.name}")
    return "\n".join(rows)


def ospf_interfaces(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show ip ospf interface brief``."""
    del argument
    network = Network(controller, lab)
    counts: dict[str, int] = {}
    for each in network.adjacencies(node):
        counts[each.port.name] = counts.get(each.port.name, 0) + 1
    rows = [f"{'Interface':<13}{'PID':<6}{'Area':<16}{'IP Address/Mask':<20}{'Cost':<6}{'State':<6}Nbrs F/C"]
    for port, area in network.ospf_ports(node):
        state = "LOOP" if port.name.startswith("Loopback") else "DR"
        count = counts.get(port.name, 0)
        cost = port.value("ip ospf cost") or "1"
        rows.append(f"{port.name:<13}{_process(controller, node):<6}{area:<16}{port.network!s:<20}"
                    f"{cost:<6}{state:<6}{count}/{count}")  # fmt: skip
    return "\n".join(rows)


def _process(controller: Controller, node: Node) -> str:
    sections = controller.devices.configuration(node).starting("router ospf")
    return sections[0].head.split()[-1] if sections else "1"


def protocols(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show ip protocols``."""
    del argument
    network = Network(controller, lab)
    lines: list[str] = []
    for section in controller.devices.configuration(node).starting("router"):
        lines += [f'Routing Protocol is "{section.head.removeprefix("router ")}"']
        if section.head.startswith("router ospf"):
            lines.append(f"  Router ID {network.router_id(node)}")
        lines.append("  Routing for Networks:")
        lines += [f"    {line.strip().removeprefix('network ')}" for line in section.lines if " network " in f" {line}"]
        gateways = [f"    {network.router_id(each.far.node)}" for each in network.adjacencies(node)]
        lines += ["  Routing Information Sources:", *gateways, ""]
    return "\n".join(lines)


def access_lists(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show access-lists``."""
    del lab
    lists: dict[str, list[str]] = {}
    for section in controller.devices.configuration(node).sections:
        words = section.head.split()
        if section.head.startswith("ip access-list ") and len(words) > 3:
            lists.setdefault(f"{words[2].capitalize()} IP access list {words[3]}", []).extend(
                line.strip() for line in section.lines
            )
        elif section.head.startswith("access-list ") and len(words) > 2 and words[1].isdigit():
            kind = "Standard" if int(words[1]) < 100 or 1300 <= int(words[1]) < 2000 else "Extended"
            lists.setdefault(f"{kind} IP access list {words[1]}", []).append(" ".join(words[2:]))
    rows: list[str] = []
    for name, entries in lists.items():
        if not argument or name.endswith(f" {argument}"):
            rows.append(name)
            for number, entry in enumerate(entries, start=1):
                text = entry if entry.split()[0].isdigit() else f"{number * 10} {entry}"
                rows.append(f"    {text}")
    return "\n".join(rows)


def dhcp_pools(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show ip dhcp pool``."""
    del lab
    lines: list[str] = []
    for section in controller.devices.configuration(node).starting("ip dhcp pool"):
        name = section.head.split()[-1]
        if argument and argument != name:
            continue
        subnet = next((line.strip().removeprefix("network ") for line in section.lines if "network" in line), "")
        lines += [f"Pool {name} :", " Utilization mark (high/low)    : 100 / 0",
                  f" Subnet                         : {subnet}", " Leased addresses               : 0", ""]  # fmt: skip
    return "\n".join(lines)


def nat_statistics(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show ip nat statistics``."""
    del lab, argument
    configuration = controller.devices.configuration(node)
    sides: dict[str, list[str]] = {"inside": [], "outside": []}
    for section in configuration.starting("interface"):
        for side, names in sides.items():
            if any(line.strip() == f"ip nat {side}" for line in section.lines):
                names.append(section.head.removeprefix("interface "))
    lines = ["Total active translations: 0 (0 static, 0 dynamic; 0 extended)"]
    for side in ("outside", "inside"):
        lines += [f"{side.capitalize()} interfaces:", f"  {', '.join(sides[side])}"]
    lines.append("Dynamic mappings:")
    lines += [
        f"-- {section.head.removeprefix('ip nat ')}" for section in configuration.starting("ip nat inside source")
    ]
    return "\n".join(lines)
