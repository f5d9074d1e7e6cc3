"""Making a lab from a topology document."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from lcm_simulators.cml.lab import builder, smart_tags
from lcm_simulators.cml.lab.annotations import read_annotation
from lcm_simulators.cml.lab.documents import InterfaceDocument, NodeDocument, TopologyDocument
from lcm_simulators.cml.model import ConfigFile, Interface, Lab, Node
from lcm_simulators.cml.routing import ApiError

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller


def import_topology(
    controller: Controller, owner: str, document: TopologyDocument, title: str | None
) -> tuple[Lab, list[str]]:
    """The new lab and warnings. On an inconsistent document nothing is made and `ApiError` 400 is raised."""
    warnings: list[str] = []
    lab = builder.new_lab(controller, owner, title or document.lab.title)
    try:
        _fill(controller, lab, document, warnings)
    except ApiError:
        del controller.labs[lab.id]
        controller.lab_changed(lab)
        raise
    return lab, warnings


def _fill(controller: Controller, lab: Lab, document: TopologyDocument, warnings: list[str]) -> None:
    lab.description, lab.notes = document.lab.description or "", document.lab.notes or ""
    lab.autostart |= document.lab.autostart or {}
    lab.node_staging |= document.lab.node_staging or {}
    ends: dict[tuple[str, str], Interface] = {}
    known: dict[str, str] = {}
    for entry in document.nodes:
        if entry.id in known:
            raise ApiError(400, f"Bad topology: node id {entry.id} is used twice.")
        node = _add_node(controller, lab, entry, warnings)
        known[entry.id] = node.id
        for part in entry.interfaces:
            if (entry.id, part.id) in ends:
                raise ApiError(400, f"Bad topology: interface id {part.id} is used twice on node {entry.label}.")
            ends[entry.id, part.id] = _add_interface(controller, lab, node, part)
    for link in document.links:
        try:
            a, b = ends[link.n1, link.i1], ends[link.n2, link.i2]
        except KeyError as error:
            raise ApiError(400, f"Bad topology: link {link.id} names an interface that does not exist.") from error
        made = builder.add_link(controller, lab, a, b, link.label)
        made.conditioning = link.conditioning or None
    for annotation in document.annotations:
        read = read_annotation(annotation)
        lab.annotations[str(read["id"])] = read
    _apply_smart(lab, document)


def _add_node(controller: Controller, lab: Lab, entry: NodeDocument, warnings: list[str]) -> Node:
    definition = controller.definition(entry.node_definition)
    if not controller.has_definition(entry.node_definition):
        warnings.append(f"Node `{entry.label}`: node definition `{entry.node_definition}` is not on this controller.")
    if isinstance(entry.configuration, str):
        files = [ConfigFile(definition.config_file or "Main", entry.configuration)]
    else:
        files = entry.configuration or []
    node = Node(
        str(uuid4()), entry.label, entry.node_definition, entry.image_definition, int(entry.x), int(entry.y),
        entry.ram, entry.cpus, entry.cpu_limit, entry.data_volume, entry.boot_disk_size, entry.hide_links,
        list(entry.tags), dict(entry.parameters), files, entry.priority, entry.pyats,
    )  # fmt: skip
    builder.add_node(controller, lab, node, configured=True)
    return node


def _add_interface(controller: Controller, lab: Lab, node: Node, part: InterfaceDocument) -> Interface:
    slot = None if part.type == "loopback" else part.slot
    if slot is None and part.type != "loopback":
        slot = sum(lab.interfaces[interface_id].slot is not None for interface_id in node.interfaces)
    return builder.add_interface(controller, lab, node, part.label, slot, part.mac_address)


def _apply_smart(lab: Lab, document: TopologyDocument) -> None:
    """Keep the looks of the file's smart annotations for the tags that nodes really carry."""
    smart_tags.refresh(lab)
    by_tag = {str(item["tag"]): item for item in lab.smart_annotations.values()}
    for given in document.smart_annotations:
        target = by_tag.get(str(given.get("tag")))
        if target is not None:
            target.update({key: value for key, value in given.items() if key in target and key != "id"})
