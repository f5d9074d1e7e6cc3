"""Making and removing the elements of a lab."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING
from uuid import uuid4

from lcm_simulators.cml.catalog import NodeDefinition
from lcm_simulators.cml.definitions import default_configuration
from lcm_simulators.cml.lab import smart_tags, views
from lcm_simulators.cml.model import ConfigFile, Interface, Lab, Link, Node, State
from lcm_simulators.cml.routing import ApiError

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller

OUI = "52:54:00"


def new_lab(controller: Controller, owner: str, title: str | None) -> Lab:
    """An empty lab, known to the controller."""
    now = controller.iso()
    default = controller.clock.now().strftime("Lab at %a %H:%M %p")
    lab = Lab(str(uuid4()), title or default, owner, now, now)
    lab.autostart = {"enabled": False, "priority": None, "delay": None}
    lab.node_staging = {"enabled": False, "start_remaining": True, "abort_on_failure": False}
    controller.labs[lab.id] = lab
    controller.events.lab(lab.id, "created", {"title": lab.title})
    controller.lab_changed(lab)
    return lab


def delete_lab(controller: Controller, lab: Lab) -> None:
    """Remove a lab. Raises `ApiError` 400 unless it is stopped and wiped."""
    if any(node.state is not State.DEFINED for node in lab.nodes.values()):
        raise ApiError(400, f"Cannot delete lab {lab.id}: the lab must be stopped and wiped first.")
    del controller.labs[lab.id]
    controller.events.lab(lab.id, "deleted")
    controller.events.forget(lab.id)
    controller.lab_changed(lab)


def bootstrap_file(definition: NodeDefinition, node: Node) -> ConfigFile:
    """The start configuration that CML builds for a node without one: its name as host name."""
    name = re.sub(r"[^A-Za-z0-9-]+", "-", node.label).strip("-") or definition.id
    return ConfigFile(definition.config_file or "Main", f"hostname {name}\n")


def touch(controller: Controller, lab: Lab) -> None:
    """The lab was modified."""
    lab.modified = controller.iso()
    controller.lab_changed(lab)


def add_node(controller: Controller, lab: Lab, node: Node, configured: bool) -> None:
    """Put a node into a lab; without `configured` it gets its definition's default configuration."""
    if any(other.label == node.label for other in lab.nodes.values()):
        raise ApiError(400, f"Node label already exists: {node.label}")
    definition = controller.definition(node.node_definition)
    if not configured and definition.config_file is not None:
        node.configuration = [ConfigFile(definition.config_file, default_configuration(definition))]
    lab.nodes[node.id] = node
    smart_tags.refresh(lab)
    controller.events.element(lab.id, "created", "Node", node.id, views.node_view(controller, lab, node))
    touch(controller, lab)


def remove_node(controller: Controller, lab: Lab, node: Node) -> None:
    """Remove a node with its interfaces and links. Raises `ApiError` 400 unless it is wiped."""
    if node.state is not State.DEFINED:
        raise ApiError(400, f"Cannot delete node {node.id}: the node must be stopped and wiped first.")
    for interface_id in list(node.interfaces):
        remove_interface(controller, lab, lab.interfaces[interface_id])
    del lab.nodes[node.id]
    smart_tags.refresh(lab)
    controller.events.element(lab.id, "deleted", "Node", node.id, None)
    touch(controller, lab)


def populate(controller: Controller, lab: Lab, node: Node) -> None:
    """Give a node the interfaces it starts with."""
    definition = controller.definition(node.node_definition)
    if definition.loopback:
        add_interface(controller, lab, node, "Loopback0", None)
    for slot in range(definition.default_interfaces):
        add_interface(controller, lab, node, definition.interface_label(slot), slot)


def add_interface(
    controller: Controller, lab: Lab, node: Node, label: str, slot: int | None, mac: str | None = None
) -> Interface:
    """Add one interface to a node."""
    interface = Interface(str(uuid4()), node.id, label, slot, mac)
    if slot is not None:
        digest = hashlib.sha256(interface.id.encode()).hexdigest()
        interface.generated_mac = mac or f"{OUI}:{digest[0:2]}:{digest[2:4]}:{digest[4:6]}"
    lab.interfaces[interface.id] = interface
    node.interfaces.append(interface.id)
    if controller.events.watched:
        data = views.interface_view(controller, lab, interface)
        controller.events.element(lab.id, "created", "Interface", interface.id, data)
    return interface


def fill_slots(controller: Controller, lab: Lab, node: Node, upto: int) -> list[Interface]:
    """All interfaces from slot 0 to `upto`, the missing ones made. Raises `ApiError` for an impossible slot."""
    if node.state is not State.DEFINED:
        raise ApiError(404, f"Node {node.id}: physical configuration locked")
    definition = controller.definition(node.node_definition)
    if upto >= definition.slots:
        raise ApiError(400, f"Node {node.id} has no slot {upto}: {definition.id} has {definition.slots} interfaces.")
    taken = {lab.interfaces[interface_id].slot: lab.interfaces[interface_id] for interface_id in node.interfaces}
    result = []
    for slot in range(upto + 1):
        interface = taken.get(slot)
        result.append(interface or add_interface(controller, lab, node, definition.interface_label(slot), slot))
    touch(controller, lab)
    return result


def next_free(controller: Controller, lab: Lab, node: Node) -> Interface:
    """The next interface without a slot given: a node's first call also makes its minimum of four."""
    definition = controller.definition(node.node_definition)
    slots = [lab.interfaces[interface_id].slot for interface_id in node.interfaces]
    used = [slot for slot in slots if slot is not None]
    first = max(used) + 1 if used else 0
    minimum = min(4, definition.default_interfaces) if not used else 1
    made = fill_slots(controller, lab, node, max(first, first + minimum - 1))
    return made[first]


def remove_interface(controller: Controller, lab: Lab, interface: Interface) -> None:
    """Remove an interface and its link."""
    node = lab.nodes[interface.node]
    if node.state is not State.DEFINED:
        raise ApiError(400, f"Node {node.id}: physical configuration locked")
    if interface.link is not None:
        remove_link(controller, lab, lab.links[interface.link])
    node.interfaces.remove(interface.id)
    del lab.interfaces[interface.id]
    controller.events.element(lab.id, "deleted", "Interface", interface.id, None)
    touch(controller, lab)


def add_link(controller: Controller, lab: Lab, a: Interface, b: Interface, label: str | None = None) -> Link:
    """Connect two free interfaces of two nodes."""
    for interface in (a, b):
        if interface.slot is None:
            raise ApiError(400, f"Interface {interface.id} is a loopback and cannot be connected.")
        if interface.link is not None:
            raise ApiError(400, f"Interface {interface.id} is already connected.")
    if a.node == b.node:
        raise ApiError(400, "A node cannot be connected to itself.")
    names = [f"{lab.nodes[interface.node].label}-{interface.label}" for interface in (a, b)]
    link = Link(str(uuid4()), a.id, b.id, a.node, b.node, label or "<->".join(names))
    lab.links[link.id] = link
    a.link = b.link = link.id
    controller.lifecycle.settle_link(lab, link)
    controller.events.element(lab.id, "created", "Link", link.id, views.link_view(lab, link))
    touch(controller, lab)
    return link


def remove_link(controller: Controller, lab: Lab, link: Link) -> None:
    """Disconnect."""
    for interface_id in (link.interface_a, link.interface_b):
        lab.interfaces[interface_id].link = None
    del lab.links[link.id]
    controller.events.element(lab.id, "deleted", "Link", link.id, None)
    touch(controller, lab)
