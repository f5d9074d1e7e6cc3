"""The topology as it is imported for one session: real ports in its tags, and the session's id in title and notes.

Nothing else changes: an export of the lab equals the author's topology apart from ports, title and notes.
"""

import copy
import json
import re
from collections.abc import Mapping

import yaml

from lcm_core.content.document import reads_as_other
from lcm_core.topology.model import Topology
from lcm_core.topology.ports import PLACEHOLDER, NodePort, node_ports

MAX_TITLE_LENGTH = 64
"""CML refuses longer lab titles."""
OWNER_LINE = "lcm-session:"
POOL_OWNER = "pool"
_TITLE_OWNER = re.compile(r"^LCM (\S+)(?: |$)")
_NOTES_OWNER = re.compile(rf"^{OWNER_LINE} (\S+)\s*$", re.MULTILINE)
_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _TopologyDumper(_Dumper):  # type: ignore[misc, valid-type]
    """Writes configurations as readable blocks."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else "'" if reads_as_other(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_TopologyDumper.add_representer(str, _represent_text)


def lab_title(session_id: str, title: str) -> str:
    """A lab title that names its session, cut to what CML accepts."""
    return f"LCM {session_id} {title}"[:MAX_TITLE_LENGTH].rstrip()


def lab_notes(session_id: str, notes: str) -> str:
    """Lab notes that name their session in the first line."""
    return f"{OWNER_LINE} {session_id}\n{notes}"


def owner_of(title: str, notes: str) -> str:
    """The session id a lab carries, empty when LCM did not make the lab. Notes win: a title may be edited."""
    match = _NOTES_OWNER.search(notes) or _TITLE_OWNER.match(title)
    return match.group(1) if match else ""


def rewrite_topology(topology: Topology, ports: Mapping[str, int], session_id: str) -> str:
    """Text to import for a session.

    ``ports`` maps slot names to allocated numbers. Raises ``KeyError`` with the slot's name when one is missing, and
    ``ContentRefused`` when the tags are not usable.
    """
    slots = node_ports(topology)
    root: object = copy.deepcopy(topology.document.value)
    assert isinstance(root, dict)  # the parser refused anything else
    replaced = _rewrite_tags(root, slots, ports)
    for annotation in root.get("smart_annotations") or ():
        annotation["tag"] = replaced.get(annotation.get("tag"), annotation.get("tag"))
    root = _fill_placeholders(root, {slot.slot.name: str(ports[slot.slot.name]) for slot in slots})
    assert isinstance(root, dict)
    lab = root["lab"]
    lab["title"] = lab_title(session_id, topology.title)
    lab["notes"] = lab_notes(session_id, topology.notes)
    return dump_topology(root, as_json=topology.document.is_json)


def dump_topology(root: Mapping[str, object], *, as_json: bool = False) -> str:
    """A topology's text."""
    if as_json:
        return json.dumps(root, indent=2, ensure_ascii=False)
    text: str = yaml.dump(root, Dumper=_TopologyDumper, sort_keys=False, allow_unicode=True, width=1000)
    return text


def _rewrite_tags(root: dict[str, object], slots: tuple[NodePort, ...], ports: Mapping[str, int]) -> dict[str, str]:
    """Put the numbers into the node tags; answers which tag became which."""
    replaced: dict[str, str] = {}
    nodes = root["nodes"]
    assert isinstance(nodes, list)
    for port in slots:
        node = nodes[port.node_index]
        data = node.get("data")
        holder = data if isinstance(data, dict) and ("tags" in data or "tags" not in node) else node
        tags = holder.get("tags") or []
        text = port.tag.with_outside(str(ports[port.slot.name]))
        if port.tag_index is None:
            tags = [*tags, text]
        else:
            replaced[tags[port.tag_index]] = text
            tags[port.tag_index] = text
        holder["tags"] = tags
    return replaced


def _fill_placeholders(value: object, numbers: Mapping[str, str]) -> object:
    if isinstance(value, str):
        return PLACEHOLDER.sub(lambda match: numbers[match.group(1)], value) if "${PORT_" in value else value
    if isinstance(value, dict):
        return {key: _fill_placeholders(part, numbers) for key, part in value.items()}
    if isinstance(value, list):
        return [_fill_placeholders(part, numbers) for part in value]
    return value
