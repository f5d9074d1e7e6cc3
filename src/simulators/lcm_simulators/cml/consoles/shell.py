"""The shell of Linux hosts: the few commands that a lab asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lcm_simulators.cml.devices.interfaces import ports_of
from lcm_simulators.cml.devices.reach import ping_from_host
from lcm_simulators.cml.model import Lab, Node

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller

_CONFIGURING = (
    "ifconfig ",
    "ip addr",
    "ip a ",
    "ip route add",
    "ip r add",
    "route add",
    "hostname ",
    "udhcpc",
    "ip link set",
)


def run_shell(controller: Controller, lab: Lab, node: Node, command: str) -> str:
    """What the shell prints."""
    devices = controller.devices
    words = command.removeprefix("sudo ").strip()
    if words == "hostname":
        return devices.hostname(node)
    if words.startswith("cat "):
        return devices.running_configuration(lab, node).rstrip()
    if words.startswith("ping"):
        return ping_from_host(controller, lab, node, words.split()[-1])
    if words in {"ip a", "ip addr", "ip address", "ip addr show", "ip address show", "ifconfig"}:
        return _addresses(controller, lab, node)
    if words in {"ip route", "ip r", "route", "route -n", "netstat -rn"}:
        return _routes(controller, node)
    if words.startswith(_CONFIGURING):
        devices.type_shell(lab, node, words)
        return ""
    if words in {"exit", "logout", "clear", "true"}:
        return ""
    return f"-sh: {words.split()[0]}: not found"


def _addresses(controller: Controller, lab: Lab, node: Node) -> str:
    lines = ["1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536", "    inet 127.0.0.1/8 scope host lo"]
    for number, port in enumerate(ports_of(controller.devices, lab, node), start=2):
        flags = "BROADCAST,MULTICAST,UP,LOWER_UP" if port.up else "NO-CARRIER,BROADCAST,MULTICAST,UP"
        lines.append(f"{number}: {port.name}: <{flags}> mtu 1500")
        if port.interface is not None:
            lines.append(f"    link/ether {port.interface.generated_mac} brd ff:ff:ff:ff:ff:ff")
        if port.network is not None:
            lines.append(f"    inet {port.network} scope global {port.name}")
    return "\n".join(lines)


def _routes(controller: Controller, node: Node) -> str:
    host = controller.devices.host(node)
    lines = [f"default via {host.gateway} "] if host.gateway else []
    lines += [f"{address.network} dev {name} scope link  src {address.ip} " for name, address in host.addresses.items()]
    return "\n".join(lines)
