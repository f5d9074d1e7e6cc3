"""Labs and their elements as the API shows them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from lcm_simulators.cml.access import permissions
from lcm_simulators.cml.lab.schema import schema_version
from lcm_simulators.cml.model import POWERED, Interface, Lab, Link, Node, State, User

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller

PROGRESS = {State.BOOTED: "Booted", State.STARTED: "Booting", State.STARTING: "Booting", State.QUEUED: "Booting"}
RESOURCE_KEYS = ("ram", "cpus", "cpu_limit", "data_volume", "boot_disk_size", "image_definition")
MIRRORED = ("compute_id", "vnc_key", "resource_pool", "iol_app_id", "serial_consoles")


def lab_view(controller: Controller, lab: Lab, user: User) -> dict[str, object]:
    """`GET /labs/{id}`."""
    owner = controller.state.users.get(lab.owner)
    view: dict[str, object] = {
        "id": lab.id, "created": lab.created, "modified": lab.modified, "lab_title": lab.title,
        "lab_description": lab.description, "lab_notes": lab.notes, "owner": lab.owner,
        "owner_username": owner.username if owner else "", "owner_fullname": owner.fullname if owner else "",
        "state": lab.state, "node_count": len(lab.nodes), "link_count": len(lab.links),
        "effective_permissions": permissions(controller, lab, user),
    }  # fmt: skip
    if controller.config.release >= (2, 10):
        return view | {"autostart": lab.autostart, "node_staging": lab.node_staging}
    return view | {"groups": groups_view(lab)}


def groups_view(lab: Lab) -> list[dict[str, object]]:
    """Groups of a lab in the form that associations replaced: one word for all permissions."""
    return [
        {"id": entry.id, "permission": "read_write" if "lab_edit" in entry.permissions else "read_only"}
        for entry in lab.groups
    ]


def operational(controller: Controller, lab: Lab, node: Node) -> dict[str, object] | None:
    """What a node got when it was launched; null before."""
    if node.state is State.DEFINED:
        return None
    definition = controller.definition(node.node_definition)
    consoles = [
        {"console_key": key, "label": f"{node.label}-console{line}", "device_number": line}
        for line, key in enumerate(node.console_keys)
    ]
    image = node.image_definition or definition.image
    owner = controller.state.users.get(lab.owner)
    return {
        "boot_disk_size": node.boot_disk_size, "cpu_limit": node.cpu_limit or 100, "cpus": node.cpus or definition.cpus,
        "data_volume": node.data_volume, "ram": node.ram or definition.ram, "image_definition": image,
        "compute_id": controller.state.compute_id, "vnc_key": node.vnc_key,
        "resource_pool": owner.resource_pool if owner else None,
        "iol_app_id": None, "serial_consoles": consoles,
    }  # fmt: skip


def configuration_of(node: Node, exclude: bool | None) -> object:
    """The configuration in the form the query asks for: left out, a list of files, or the main file's text."""
    if exclude:
        return None
    if exclude is False:
        return [asdict(file) for file in node.configuration]
    return node.configuration[0].content if node.configuration else None


def node_view(
    controller: Controller, lab: Lab, node: Node, exclude: bool | None = True, show_operational: bool | None = None
) -> dict[str, object]:
    """`GET /labs/{lab}/nodes/{node}`; `exclude` is the query's `exclude_configurations`."""
    modern = controller.config.release >= (2, 10)
    view: dict[str, object] = {
        "id": node.id, "lab_id": lab.id, "label": node.label, "node_definition": node.node_definition,
        "image_definition": node.image_definition, "x": node.x, "y": node.y, "ram": node.ram, "cpus": node.cpus,
        "cpu_limit": node.cpu_limit, "data_volume": node.data_volume, "boot_disk_size": node.boot_disk_size,
        "hide_links": node.hide_links, "tags": node.tags, "parameters": node.parameters, "state": node.state,
        "boot_progress": PROGRESS.get(node.state, "Not running"), "pinned_compute_id": node.pinned_compute_id,
    }  # fmt: skip
    if not exclude:
        view["configuration"] = configuration_of(node, exclude)
    if modern:
        view |= {
            "priority": node.priority,
            "pyats": node.pyats or dict.fromkeys(("username", "password", "enable_password")),
        }
    if show_operational is not False:
        running = operational(controller, lab, node)
        view["operational"] = running
        if not modern and show_operational is None:
            view |= {key: (running or {}).get(key) for key in MIRRORED} | {
                "serial_consoles": (running or {}).get("serial_consoles", [])
            }
    return view


def interface_view(controller: Controller, lab: Lab, interface: Interface) -> dict[str, object]:
    """`GET /labs/{lab}/interfaces/{interface}`."""
    node = lab.nodes[interface.node]
    live = None
    if node.state in POWERED and interface.slot is not None:
        device = f"tap{interface.id[:8]}"
        live = {
            "device_name": device,
            "mac_address": interface.generated_mac,
            "src_udp_port": None,
            "dst_udp_port": None,
        }
    return {
        "id": interface.id, "lab_id": lab.id, "node": interface.node, "label": interface.label,
        "slot": interface.slot, "type": "loopback" if interface.slot is None else "physical",
        "mac_address": interface.mac_address, "is_connected": interface.link is not None,
        "state": interface.state, "operational": live,
    }  # fmt: skip


def link_view(lab: Lab, link: Link) -> dict[str, object]:
    """`GET /labs/{lab}/links/{link}`."""
    capture = link.capture or {}
    return {
        "id": link.id, "lab_id": lab.id, "label": link.label, "interface_a": link.interface_a,
        "interface_b": link.interface_b, "node_a": link.node_a, "node_b": link.node_b, "state": link.state,
        "link_capture_key": capture.get("key", "") if capture.get("active") else "",
    }  # fmt: skip


def topology_view(controller: Controller, lab: Lab, exclude: bool | None) -> dict[str, object]:
    """`GET /labs/{lab}/topology`."""
    about: dict[str, object] = {
        "title": lab.title, "description": lab.description, "notes": lab.notes, "owner": lab.owner,
        "version": schema_version(controller.config.release),
    }  # fmt: skip
    if controller.config.release >= (2, 10):
        about |= {"autostart": lab.autostart, "node_staging": lab.node_staging}
    return {
        "lab": about,
        "nodes": [_topology_node(controller, lab, node, exclude) for node in lab.nodes.values()],
        "links": [_topology_link(lab, link) for link in lab.links.values()],
        "annotations": list(lab.annotations.values()),
        "smart_annotations": list(lab.smart_annotations.values()),
    }


def _topology_node(controller: Controller, lab: Lab, node: Node, exclude: bool | None) -> dict[str, object]:
    interfaces = []
    for interface_id in node.interfaces:
        interface = lab.interfaces[interface_id]
        entry: dict[str, object] = {
            "id": interface.id, "label": interface.label, "type": "loopback" if interface.slot is None else "physical",
        }  # fmt: skip
        if interface.slot is not None:
            entry |= {"slot": interface.slot, "mac_address": interface.mac_address}
        interfaces.append(entry)
    view: dict[str, object] = {
        "id": node.id, "label": node.label, "node_definition": node.node_definition, "x": node.x, "y": node.y,
        "hide_links": node.hide_links, "tags": node.tags, "parameters": node.parameters, "interfaces": interfaces,
    }  # fmt: skip
    view |= {key: getattr(node, key) for key in RESOURCE_KEYS}
    if controller.config.release >= (2, 9):
        view["pinned_compute_id"] = node.pinned_compute_id
    if controller.config.release >= (2, 10):
        view |= {
            "priority": node.priority,
            "pyats": node.pyats or dict.fromkeys(("username", "password", "enable_password")),
        }
    return view if exclude else view | {"configuration": configuration_of(node, exclude)}


def _topology_link(lab: Lab, link: Link) -> dict[str, object]:
    view: dict[str, object] = {
        "id": link.id, "interface_a": link.interface_a, "interface_b": link.interface_b,
        "node_a": link.node_a, "node_b": link.node_b, "label": link.label,
    }  # fmt: skip
    return view | {"conditioning": link.conditioning or {}}
