"""Writing a lab as topology YAML, with local ids and without anything of the controller."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import yaml

from lcm_simulators.cml.lab.schema import schema_version
from lcm_simulators.cml.lab.views import RESOURCE_KEYS
from lcm_simulators.cml.model import Lab, Node

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller

_Base: type[yaml.SafeDumper] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_Base):  # type: ignore[misc, valid-type]
    """Writes texts of several lines as blocks, as people expect of configurations."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def export_yaml(controller: Controller, lab: Lab) -> str:
    """The text of `GET /labs/{lab}/download`."""
    document = export_document(lab, schema_version(controller.config.release))
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False)


def export_document(lab: Lab, version: str) -> dict[str, object]:
    """The topology as plain data."""
    numbers = {node_id: f"n{number}" for number, node_id in enumerate(lab.nodes)}
    local: dict[str, str] = {}
    for node in lab.nodes.values():
        local.update({interface_id: f"i{number}" for number, interface_id in enumerate(node.interfaces)})
    about: dict[str, object] = {
        "description": lab.description, "notes": lab.notes, "title": lab.title, "version": version,
    }  # fmt: skip
    if version == "0.3.1":
        about |= {"autostart": lab.autostart, "node_staging": lab.node_staging}
    links = [
        {
            "id": f"l{number}", "n1": numbers[link.node_a], "n2": numbers[link.node_b], "i1": local[link.interface_a],
            "i2": local[link.interface_b], "conditioning": dict(link.conditioning or {}), "label": link.label,
        }
        for number, link in enumerate(lab.links.values())
    ]  # fmt: skip
    return {
        "annotations": [_without_id(item) for item in lab.annotations.values()],
        "smart_annotations": [_without_id(item) for item in lab.smart_annotations.values()],
        "nodes": [_node(lab, node, numbers, local, version) for node in lab.nodes.values()],
        "links": links,
        "lab": about,
    }


def _node(lab: Lab, node: Node, numbers: dict[str, str], local: dict[str, str], version: str) -> dict[str, object]:
    interfaces = []
    for interface_id in node.interfaces:
        interface = lab.interfaces[interface_id]
        entry: dict[str, object] = {"id": local[interface_id], "label": interface.label}
        if interface.slot is None:
            entry["type"] = "loopback"
        else:
            entry |= {"mac_address": interface.mac_address, "slot": interface.slot, "type": "physical"}
        interfaces.append(entry)
    exported: dict[str, object] = {
        "id": numbers[node.id], "label": node.label, "node_definition": node.node_definition, "x": node.x, "y": node.y,
        "hide_links": node.hide_links, "tags": list(node.tags), "parameters": dict(node.parameters),
        "configuration": [asdict(file) for file in node.configuration],
    }  # fmt: skip
    exported |= {key: getattr(node, key) for key in RESOURCE_KEYS}
    if version == "0.3.1":
        exported |= {"priority": node.priority, "pyats": node.pyats}
    return exported | {"interfaces": interfaces}


def _without_id(annotation: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in annotation.items() if key != "id"}
