"""The pyATS testbed of a lab."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from lcm_simulators.cml.catalog import System
from lcm_simulators.cml.model import Lab

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller

_PLATFORMS = {
    "iosv": ("ios", "iosv"), "iosvl2": ("ios", "iosv"), "iol-xe": ("iosxe", "iol"), "ioll2-xe": ("iosxe", "iol"),
    "csr1000v": ("iosxe", "csr1000v"), "cat8000v": ("iosxe", "cat8k"), "cat9000v-q200": ("iosxe", "cat9k"),
    "cat9000v-uadp": ("iosxe", "cat9k"), "nxosv9000": ("nxos", "n9k"), "asav": ("asa", None),
}  # fmt: skip
_BY_SYSTEM = {System.IOS: "ios", System.NXOS: "nxos", System.IOSXR: "iosxr", System.ASA: "asa", System.LINUX: "linux"}


def testbed_yaml(controller: Controller, lab: Lab, hostname: str | None) -> str:
    """The testbed as YAML; nodes without a serial console are left out."""
    address, _, port = (hostname or controller.config.address).partition(":")
    devices: dict[str, object] = {"terminal_server": _terminal_server(address, int(port or 22))}
    for node in lab.nodes.values():
        definition = controller.definition(node.node_definition)
        if definition.system is System.NONE or not definition.serial_ports:
            continue
        system, platform = _PLATFORMS.get(definition.id, (_BY_SYSTEM[definition.system], None))
        chosen = node.pyats or {}
        credentials: dict[str, object] = {
            "default": {"username": chosen.get("username") or "cisco", "password": chosen.get("password") or "cisco"}
        }
        if chosen.get("enable_password"):
            credentials["enable"] = {"password": chosen["enable_password"]}
        device: dict[str, object] = {
            "os": system, "type": definition.nature, "credentials": credentials,
            "connections": {
                "defaults": {"class": "unicon.Unicon"},
                "a": {
                    "protocol": "telnet", "proxy": "terminal_server",
                    "command": f"open /{lab.title}/{node.label}/0",
                },
            },
        }  # fmt: skip
        if platform is not None:
            device["platform"] = platform
        devices[node.label] = device
    document = {"testbed": {"name": lab.title}, "devices": devices, "topology": _topology(lab, devices)}
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def _terminal_server(address: str, port: int) -> dict[str, object]:
    connection = {"protocol": "ssh", "ip": address, "port": port}
    return {
        "os": "linux", "type": "linux",
        "credentials": {"default": {"username": "change_me", "password": "change_me"}},  # nosec B105 - a placeholder
        "connections": {"cli": connection},
    }  # fmt: skip


def _topology(lab: Lab, devices: dict[str, object]) -> dict[str, object]:
    topology: dict[str, object] = {}
    for node in lab.nodes.values():
        if node.label not in devices:
            continue
        interfaces: dict[str, object] = {}
        for interface_id in node.interfaces:
            interface = lab.interfaces[interface_id]
            entry: dict[str, object] = {"type": "loopback" if interface.slot is None else "ethernet"}
            if interface.link is not None:
                entry["link"] = interface.link
            interfaces[interface.label] = entry
        topology[node.label] = {"interfaces": interfaces}
    return topology
