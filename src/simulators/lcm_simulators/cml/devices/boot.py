"""What a device prints on its console while it boots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lcm_simulators.cml.catalog import System
from lcm_simulators.cml.model import POWERED, Lab, Node, State

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller


def boot_log(controller: Controller, lab: Lab, node: Node) -> list[str]:
    """Lines printed so far; none before the machine runs."""
    if node.state not in POWERED:
        return []
    definition = controller.definition(node.node_definition)
    lines = ["", f"{definition.label} ({definition.image or definition.id})", "Booting..."]
    if node.state is not State.BOOTED:
        return lines
    name = controller.devices.hostname(node)
    if definition.system is System.LINUX:
        return [*lines, f"{name} login:"]
    for interface_id in node.interfaces:
        interface = lab.interfaces[interface_id]
        if interface.slot is not None and interface.link is not None:
            lines.append(f"%LINEPROTO-5-UPDOWN: Line protocol on Interface {interface.label}, changed state to up")
    return [*lines, "Press RETURN to get started!", f"{name}>"]
