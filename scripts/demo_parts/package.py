"""Make a content package of one topology: devices, default rubric, metadata."""

import io
import json
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import yaml

SILENT_DEFINITIONS = frozenset({"external_connector", "unmanaged_switch"})
"""Node definitions without a console or a configuration of their own."""

_HOSTNAME = re.compile(r"^hostname\s+(\S+)", re.MULTILINE)


class DemoError(RuntimeError):
    """The demo cannot go on; the message says why in one line."""


@dataclass(frozen=True)
class Node:
    """A node of the topology, as far as the package needs it."""

    label: str
    definition: str
    configuration: str

    @property
    def hostname(self) -> str:
        """The host name its start configuration sets; empty when it sets none."""
        found = _HOSTNAME.search(self.configuration)
        return found.group(1) if found else ""


@dataclass(frozen=True)
class Package:
    """A content package ready to upload."""

    title: str
    slug: str
    content: bytes
    graded: bool
    checks: int
    nodes: int


def _configuration(value: object) -> str:
    """The start configuration: a string in older schemas, a list of named files in newer ones."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(str(part.get("content", "")) for part in value if isinstance(part, dict))
    return ""


def read_nodes(topology: object) -> list[Node]:
    """The nodes of a parsed topology. Raises ``DemoError`` when there are none."""
    nodes = topology.get("nodes") if isinstance(topology, dict) else None
    if not isinstance(nodes, list) or not nodes:
        raise DemoError("the topology has no nodes: there is nothing to run")
    return [
        Node(
            str(node.get("label", "")), str(node.get("node_definition", "")), _configuration(node.get("configuration"))
        )
        for node in nodes
    ]


def default_rubric(title: str, nodes: list[Node]) -> dict[str, object] | None:
    """One check per configurable node: its collected configuration holds its host name. None without any such node."""
    checks = [
        {
            "id": f"hostname-{number}",
            "device": node.label,
            "source": "configuration",
            "must_match": rf"^hostname\s+{re.escape(node.hostname)}\s*$",
            "description": f"{node.label} is still called {node.hostname}.",
        }
        for number, node in enumerate((node for node in nodes if node.hostname), start=1)
    ]
    if not checks:
        return None
    return {
        "version": 1,
        "title": title,
        "cut_score": 80,
        "sections": [{"name": "Configurations collected from the devices", "checks": checks}],
    }


def _devices(nodes: list[Node]) -> bytes:
    root = ElementTree.Element("content")
    devices = ElementTree.SubElement(root, "devices")
    for number, node in enumerate(nodes):
        if node.definition in SILENT_DEFINITIONS:
            continue
        attributes = {
            "device_label": node.label,
            "category": "desktop" if node.definition in {"desktop", "ubuntu", "server"} else "router",
            "coords": f"{40 + 160 * (number % 6)},{40 + 120 * (number // 6)}",
            "user_access_mode": "console",
        }
        ElementTree.SubElement(devices, "device", attributes)
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def make_package(topology_path: Path, rubric_path: Path | None) -> Package:
    """Build the package of one topology file. Raises ``DemoError`` for files that cannot be used."""
    try:
        text = topology_path.read_text()
        topology = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise DemoError(f"the topology cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise DemoError(f"{topology_path} is not YAML: {error}") from error
    nodes = read_nodes(topology)
    lab = topology.get("lab") or {}
    title = str(lab.get("title") or topology_path.stem).strip() or topology_path.stem
    slug = re.sub(r"[^a-z0-9]+", "-", topology_path.stem.lower()).strip("-")[:50] or "lab"
    if rubric_path is not None:
        try:
            rubric = yaml.safe_load(rubric_path.read_text())
        except (OSError, yaml.YAMLError) as error:
            raise DemoError(f"the rubric cannot be read: {error}") from error
    else:
        rubric = default_rubric(title, nodes)
    checks = sum(len(section.get("checks", [])) for section in rubric["sections"]) if rubric else 0
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cml.yaml", text)
        archive.writestr("content.xml", _devices(nodes))
        archive.writestr("mosaic_meta.json", json.dumps({"title": title, "source": topology_path.name}))
        if rubric:
            archive.writestr("rubric.yaml", yaml.safe_dump(rubric, sort_keys=False))
    return Package(title[:200], slug, buffer.getvalue(), rubric is not None, checks, len(nodes))
