"""Show commands about the device itself: configurations, version, clock, services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lcm_simulators.cml.devices.words import interface_name
from lcm_simulators.cml.model import Lab, Node

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller


def running(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show running-config [interface NAME]``."""
    devices = controller.devices
    words = argument.split()
    if words and "interface".startswith(words[0].lower()):
        section = devices.configuration(node).find(f"interface {interface_name(''.join(words[1:]))}")
        body = [section.head, *section.lines] if section else ["% Invalid interface"]
        return "\n".join(["Building configuration...", "", "Current configuration : 120 bytes", "!", *body, "end", ""])
    text = devices.running_configuration(lab, node)
    return f"Building configuration...\n\nCurrent configuration : {len(text)} bytes\n!\n{text.rstrip()}\n"


def startup(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show startup-config``."""
    del controller, lab, argument
    return node.startup or (node.configuration[0].content if node.configuration else "startup-config is not present")


def version(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show version``."""
    del lab, argument
    definition = controller.definition(node.node_definition)
    name = controller.devices.hostname(node)
    return "\n".join([
        f"Cisco IOS Software, {definition.label} Software ({definition.image or definition.id}), simulated", "",
        f"{name} uptime is {controller.devices.uptime_minutes(node)} minutes",
        f"cisco {definition.label} with {node.ram or definition.ram or 0}M bytes of memory.",
        f"{sum(1 for _ in node.interfaces)} Ethernet interfaces", "Configuration register is 0x2102",
    ])  # fmt: skip


def inventory(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show inventory``."""
    del lab, argument
    label = controller.definition(node.node_definition).label
    serial = node.id.replace("-", "")[:11].upper()
    return f'NAME: "{label}", DESCR: "{label} chassis"\nPID: {label}, VID: 1.0, SN: {serial}'


def clock(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show clock``, in simulated time."""
    del lab, node, argument
    return controller.clock.now().strftime("*%H:%M:%S.000 UTC %a %b %d %Y")


def users(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show users``: the person at the console."""
    del controller, lab, node, argument
    heading = "    Line       User       Host(s)              Idle       Location"
    return f"{heading}\n*  0 con 0                idle                 00:00:00"


def ssh(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show ip ssh``: on when the device has a name, a domain and keys."""
    del lab, argument
    configuration = controller.devices.configuration(node)
    domain = configuration.starting("ip domain name") or configuration.starting("ip domain-name")
    keys = configuration.starting("crypto key generate rsa") or configuration.find("crypto key generate rsa")
    if not (configuration.hostname and domain and keys):
        return "SSH Disabled - version 1.99\n%Please create RSA keys to enable SSH (of at least 768 bits for SSH v2)."
    chosen = configuration.starting("ip ssh version")
    number = "2.0" if chosen and chosen[-1].head.endswith("2") else "1.99"
    return f"SSH Enabled - version {number}\nAuthentication timeout: 120 secs; Authentication retries: 3"


def ntp(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show ntp associations``."""
    del lab, argument
    rows = ["  address         ref clock       st   when   poll reach  delay  offset   disp"]
    for section in controller.devices.configuration(node).starting("ntp server"):
        rows.append(f"*~{section.head.split()[2]:<16}.LOCL.           1     12     64   377  1.000   0.500  1.900")
    return "\n".join([*rows, " * sys.peer, # selected, + candidate, - outlyer, x falseticker, ~ configured"])


def snmp(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show snmp community``."""
    del lab, argument
    rows: list[str] = []
    for section in controller.devices.configuration(node).starting("snmp-server community"):
        name = section.head.split()[2]
        rows += [f"Community name: {name}", f"Community Index: {name}", "storage-type: nonvolatile        active", ""]
    return "\n".join(rows)


def vtp(controller: Controller, lab: Lab, node: Node, argument: str) -> str:
    """``show vtp status``."""
    del lab, argument
    configuration = controller.devices.configuration(node)
    modes, domains = configuration.starting("vtp mode"), configuration.starting("vtp domain")
    mode = modes[-1].head.split()[-1].capitalize() if modes else "Server"
    domain = domains[-1].head.split()[-1] if domains else ""
    rows = (("VTP version running", "1"), ("VTP Domain Name", domain), ("VTP Operating Mode", mode))
    return "\n".join(f"{name:<32}: {value}" for name, value in rows)
