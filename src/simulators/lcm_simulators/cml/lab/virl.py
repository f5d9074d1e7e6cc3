"""Topologies of VIRL 1.x: XML with nodes, their interfaces, and connections that name both by position."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

from lcm_simulators.cml.catalog import SHIPPED
from lcm_simulators.cml.lab.documents import TopologyDocument

_DEFINITIONS = {
    "IOSv": "iosv", "IOSvL2": "iosvl2", "CSR1000v": "csr1000v", "NX-OSv 9000": "nxosv9000", "IOS XRv": "iosxrv",
    "IOS XRv 9000": "iosxrv9000", "ASAv": "asav", "server": "server", "lxc": "alpine", "Unmanaged Switch":
    "unmanaged_switch", "FLAT": "external_connector", "SNAT": "external_connector",
}  # fmt: skip
_STEP = re.compile(r"(?:virl:)?(node|interface)\[(\d+)\]")


def read_virl(root: Element) -> TopologyDocument:
    """The topology of a VIRL document. Raises ``ValueError`` when it is none."""
    if _name(root) != "topology":
        raise ValueError("the root element is not a topology")
    nodes = [_node(number, element) for number, element in enumerate(_children(root, "node"))]
    links = [_link(number, element, nodes) for number, element in enumerate(_children(root, "connection"))]
    about = {"title": None, "description": "", "notes": "", "version": "0.1.0"}
    return TopologyDocument.model_validate({"lab": about, "nodes": nodes, "links": links})


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _children(element: Element, name: str) -> list[Element]:
    return [child for child in element if _name(child) == name]


def _node(number: int, element: Element) -> dict[str, object]:
    subtype = element.get("subtype") or element.get("type") or "server"
    definition_id = _DEFINITIONS.get(subtype, subtype.lower())
    definition = SHIPPED.get(definition_id)
    interfaces = [
        {"id": f"i{slot}", "label": definition.interface_label(slot) if definition else child.get("name", f"eth{slot}"),
         "slot": slot, "type": "physical"}
        for slot, child in enumerate(_children(element, "interface"))
    ]  # fmt: skip
    entries = [entry for extensions in _children(element, "extensions") for entry in _children(extensions, "entry")]
    texts = [entry.text or "" for entry in entries if entry.get("key") == "config"]
    x, _, y = (element.get("location") or "0,0").partition(",")
    return {
        "id": f"n{number}", "label": element.get("name") or f"node-{number}", "node_definition": definition_id,
        "x": int(x), "y": int(y or 0), "configuration": texts[0] if texts else None, "interfaces": interfaces,
    }  # fmt: skip


def _link(number: int, element: Element, nodes: list[dict[str, object]]) -> dict[str, object]:
    link: dict[str, object] = {"id": f"l{number}"}
    for side, key in (("1", "src"), ("2", "dst")):
        steps = dict(_STEP.findall(element.get(key) or ""))
        if "node" not in steps or int(steps["node"]) > len(nodes):
            raise ValueError(f"connection {number} names no node")
        link[f"n{side}"] = f"n{int(steps['node']) - 1}"
        link[f"i{side}"] = f"i{int(steps.get('interface', 1)) - 1}"
    return link
