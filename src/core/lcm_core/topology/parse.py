"""Reading ``cml.yaml``: schemas 0.0.1 to 0.3.x of CML 2.0 to 2.10, as YAML or JSON.

Every fault is reported with its line and field. The oldest JSON form (schema up to 0.0.4) keeps the properties of
nodes and interfaces in a ``data`` object and lists interfaces at the top; it is read like the others.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TypeGuard

from lcm_core.content.document import Document, DocumentLimits, Path, format_path, parse_document
from lcm_core.content.errors import ContentRefused
from lcm_core.contracts.definitions import ContentError
from lcm_core.topology.model import Interface, Link, Node, SmartAnnotation, Topology

TOPOLOGY_FILE = "cml.yaml"
MAX_NODES = 500
MAX_TAGS = 100
MAX_TAG_LENGTH = 64
MAX_LABEL_LENGTH = 128
_VERSION = re.compile(r"0\.(0\.[1-5]|[123]\.\d{1,2})")
_LIMITS = DocumentLimits()

Entry = Mapping[str, object]


def parse_topology(content: bytes | str, file: str = TOPOLOGY_FILE, limits: DocumentLimits = _LIMITS) -> Topology:
    """Read a topology. Raises ``ContentRefused`` with every fault that was found."""
    return _Reader(parse_document(content, file, limits)).topology()


class _Reader:
    """Collects the typed view and the faults of one document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._errors: list[ContentError] = []

    def topology(self) -> Topology:
        """The whole view, or every fault at once."""
        root = self._document.value
        if not isinstance(root, dict):
            self._fault((), "a topology is a map with lab, nodes and links")
            raise ContentRefused(self._errors)
        lab = self._map(root, "lab", ())
        topology = Topology(
            version=self._version(lab),
            title=self._text(lab, "title", ("lab",)) or self._text(lab, "lab_title", ("lab",)),
            description=self._text(lab, "description", ("lab",)),
            notes=self._text(lab, "notes", ("lab",)),
            nodes=(nodes := self._nodes(root)),
            links=self._links(root, nodes),
            smart_annotations=self._smart_annotations(root),
            annotation_count=len(self._list(root, "annotations", ())),
            document=self._document,
        )
        if self._errors:
            raise ContentRefused(self._errors)
        return topology

    def _version(self, lab: Entry) -> str:
        version = self._text(lab, "version", ("lab",))
        if not version:
            self._fault(("lab", "version"), "the schema version is missing, for example 0.3.0")
        elif not _VERSION.fullmatch(version):
            self._fault(("lab", "version"), f"schema version {version[:20]!r} is not one of 0.0.1 to 0.3.x")
        return version

    def _nodes(self, root: Entry) -> tuple[Node, ...]:
        entries = self._list(root, "nodes", ())
        if not entries:
            self._fault(("nodes",), "the topology has no nodes, so there is nothing to run")
        if len(entries) > MAX_NODES:
            self._fault(("nodes",), f"{len(entries)} nodes, the limit is {MAX_NODES}")
            return ()
        interfaces = self._top_level_interfaces(root)
        nodes = [
            self._node(self._flat(entry), ("nodes", index), interfaces)
            for index, entry in enumerate(entries)
            if self._is_map(entry, ("nodes", index))
        ]
        self._unique([node.id for node in nodes], "id")
        self._unique([node.label for node in nodes], "label")
        return tuple(nodes)

    def _node(self, entry: Entry, path: Path, top_level: Mapping[str, list[Interface]]) -> Node:
        node_id = self._required(entry, "id", path)
        label = self._required(entry, "label", path)
        if len(label) > MAX_LABEL_LENGTH:
            self._fault((*path, "label"), f"longer than {MAX_LABEL_LENGTH} characters")
        own = [
            self._interface(self._flat(item), (*path, "interfaces", index))
            for index, item in enumerate(self._list(entry, "interfaces", path))
            if self._is_map(item, (*path, "interfaces", index))
        ]
        seen: set[str] = set()
        for index, interface in enumerate(own):
            if interface.id in seen:
                self._fault((*path, "interfaces", index, "id"), f"interface {interface.id!r} appears twice in its node")
            seen.add(interface.id)
        return Node(
            id=node_id,
            label=label,
            node_definition=self._required(entry, "node_definition", path),
            image_definition=self._text(entry, "image_definition", path),
            ram_mb=self._amount(entry, "ram", path, 1, 1_048_576),
            cpus=self._amount(entry, "cpus", path, 1, 128),
            cpu_limit=self._amount(entry, "cpu_limit", path, 20, 100),
            data_volume_gb=self._amount(entry, "data_volume", path, 0, 4096) or 0,
            boot_disk_gb=self._amount(entry, "boot_disk_size", path, 0, 4096) or 0,
            tags=self._tags(entry, path),
            files=self._files(entry, path),
            interfaces=tuple(own or top_level.get(node_id, ())),
        )

    def _interface(self, entry: Entry, path: Path) -> Interface:
        return Interface(
            id=self._required(entry, "id", path),
            label=self._text(entry, "label", path),
            slot=self._amount(entry, "slot", path, 0, 1024),
            type=self._text(entry, "type", path) or "physical",
        )

    def _top_level_interfaces(self, root: Entry) -> dict[str, list[Interface]]:
        found: dict[str, list[Interface]] = {}
        for index, raw in enumerate(self._list(root, "interfaces", ())):
            path: Path = ("interfaces", index)
            if self._is_map(raw, path):
                entry = self._flat(raw)
                found.setdefault(self._required(entry, "node", path), []).append(self._interface(entry, path))
        return found

    def _tags(self, entry: Entry, path: Path) -> tuple[str, ...]:
        tags: list[str] = []
        listed = self._list(entry, "tags", path)
        if len(listed) > MAX_TAGS:
            self._fault((*path, "tags"), f"{len(listed)} tags, the limit is {MAX_TAGS}")
            return ()
        for index, tag in enumerate(listed):
            place = (*path, "tags", index)
            if not isinstance(tag, str) or not tag:
                self._fault(place, "a tag is a word, put it in quotes if it looks like a number")
            elif len(tag) > MAX_TAG_LENGTH:
                self._fault(place, f"longer than {MAX_TAG_LENGTH} characters")
            else:
                tags.append(tag)
        return tuple(tags)

    def _files(self, entry: Entry, path: Path) -> dict[str, str]:
        raw = entry.get("configuration")
        place = (*path, "configuration")
        if raw is None:
            return {}
        if isinstance(raw, str):
            return {"Main": raw}
        if not isinstance(raw, list):
            self._fault(place, "a configuration is text or a list of {name, content}")
            return {}
        files: dict[str, str] = {}
        for index, item in enumerate(raw):
            if self._is_map(item, (*place, index)):
                name = self._required(item, "name", (*place, index))
                if name in files:
                    self._fault((*place, index, "name"), f"the file {name!r} appears twice")
                files[name] = self._text(item, "content", (*place, index))
        return files

    def _links(self, root: Entry, nodes: Sequence[Node]) -> tuple[Link, ...]:
        by_id = {node.id: {interface.id for interface in node.interfaces} for node in nodes}
        owner = {interface.id: node.id for node in nodes for interface in node.interfaces}
        links: list[Link] = []
        for index, raw in enumerate(self._list(root, "links", ())):
            path: Path = ("links", index)
            if not self._is_map(raw, path):
                continue
            entry = self._flat(raw)
            ends: list[tuple[str, str]] = []
            for number, letter in (("1", "a"), ("2", "b")):
                key = f"i{number}" if f"i{number}" in entry else f"interface_{letter}"
                interface = self._required(entry, key, path)
                node = self._text(entry, f"n{number}", path) or owner.get(interface, "")
                self._check_end(path, key, node, interface, by_id)
                ends.append((node, interface))
            link_id = self._text(entry, "id", path) or f"l{index}"
            links.append(Link(link_id, *ends[0], *ends[1]))
        return tuple(links)

    def _check_end(self, path: Path, key: str, node: str, interface: str, by_id: Mapping[str, set[str]]) -> None:
        if not interface or not by_id:
            return
        if node not in by_id:
            self._fault((*path, key), f"there is no node {node!r}" if node else f"no node has interface {interface!r}")
        elif interface not in by_id[node]:
            self._fault((*path, key), f"node {node!r} has no interface {interface!r}")

    def _smart_annotations(self, root: Entry) -> tuple[SmartAnnotation, ...]:
        return tuple(
            SmartAnnotation(
                self._text(item, "tag", ("smart_annotations", index)),
                self._text(item, "label", ("smart_annotations", index)),
            )
            for index, item in enumerate(self._list(root, "smart_annotations", ()))
            if self._is_map(item, ("smart_annotations", index))
        )

    # Parts of an entry -----------------------------------------------------------------------------------------

    def _flat(self, entry: Entry) -> Entry:
        """The properties of an element, whether or not they are kept in a ``data`` object."""
        data = entry.get("data")
        return {**entry, **data} if isinstance(data, dict) else entry

    def _map(self, entry: Entry, key: str, path: Path) -> Entry:
        value = entry.get(key)
        if not isinstance(value, dict):
            self._fault((*path, key), "missing" if value is None else "must be a map")
            return {}
        return value

    def _list(self, entry: Entry, key: str, path: Path) -> Sequence[object]:
        value = entry.get(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            self._fault((*path, key), "must be a list")
            return ()
        return value

    def _is_map(self, item: object, path: Path) -> TypeGuard[Entry]:
        if isinstance(item, dict):
            return True
        self._fault(path, "must be a map")
        return False

    def _text(self, entry: Entry, key: str, path: Path) -> str:
        value = entry.get(key)
        if value is None:
            return ""
        if isinstance(value, bool | list | dict):
            self._fault((*path, key), "must be text")
            return ""
        return str(value)

    def _required(self, entry: Entry, key: str, path: Path) -> str:
        value = self._text(entry, key, path)
        if not value and not isinstance(entry.get(key), bool | list | dict):
            self._fault((*path, key), "missing")
        return value

    def _amount(self, entry: Entry, key: str, path: Path, low: int, high: int) -> int | None:
        value = entry.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self._fault((*path, key), f"must be a whole number from {low} to {high}")
            return None
        return value

    def _unique(self, values: Sequence[str], key: str) -> None:
        seen: set[str] = set()
        for index, value in enumerate(values):
            if value and value in seen:
                self._fault(("nodes", index, key), f"{value!r} appears twice")
            seen.add(value)

    def _fault(self, path: Path, message: str) -> None:
        document = self._document
        line = document.line_of(path)
        self._errors.append(ContentError(file=document.file, line=line, field=format_path(path), message=message))
