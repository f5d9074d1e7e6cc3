"""Ports that a topology asks for by node tags, and the template of slots that a placement fills with numbers.

Tag grammar (CML's PATty, plus ``ssh``): ``serial:<outside>[:<line>]``, ``vnc:<outside>``, ``ssh:<outside>[:<inside>]``,
``pat:[tcp|udp:]<outside>:<inside>``. ``<outside>`` is a number, which is replaced at every placement, or a placeholder
``${PORT_<NAME>}``. Any other tag is left alone. A node with a console and no port tag gets ``serial`` (desktops
``vnc``), so that a learner can reach it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lcm_core.content.document import Path, format_path
from lcm_core.content.errors import ContentRefused
from lcm_core.contracts.definitions import ContentError, PortSlot
from lcm_core.domain.vocabulary import PortProtocol
from lcm_core.topology.model import Node, Topology
from lcm_core.topology.node_definitions import ConsoleKind

PLACEHOLDER = re.compile(r"\$\{PORT_([A-Z0-9_]{1,60})\}")
_ANY_PLACEHOLDER = re.compile(r"\$\{PORT_([^}]*)\}")
_PORT_TAG = re.compile(r"(serial|vnc|ssh|pat):(.*)")
_OUTSIDE = r"(?P<outside>\d{1,6}|\$\{PORT_[A-Z0-9_]{1,60}\})"
_FORMS = {
    PortProtocol.SERIAL: re.compile(_OUTSIDE + r"(:(?P<inside>\d{1,2}))?"),
    PortProtocol.VNC: re.compile(_OUTSIDE),
    PortProtocol.SSH: re.compile(_OUTSIDE + r"(:(?P<inside>\d{1,6}))?"),
    PortProtocol.PAT: re.compile(r"((?P<transport>tcp|udp):)?" + _OUTSIDE + r":(?P<inside>\d{1,6})"),
}
_USAGE = {
    PortProtocol.SERIAL: "serial:<port>[:<line>]",
    PortProtocol.VNC: "vnc:<port>",
    PortProtocol.SSH: "ssh:<port>[:<inside port>]",
    PortProtocol.PAT: "pat:[tcp|udp:]<port>:<inside port>",
}
SSH_PORT = 22
MAX_SERIAL_LINE = 3


@dataclass(frozen=True, slots=True)
class PortTag:
    """A parsed port tag. ``inside`` is the serial line of ``serial``, a port of the node for ``ssh`` and ``pat``."""

    protocol: PortProtocol
    outside: str
    transport: str = "tcp"
    inside: int | None = None
    names_transport: bool = False

    @property
    def placeholder(self) -> str:
        """The name inside ``${PORT_…}``, empty when the tag gives a number."""
        match = PLACEHOLDER.fullmatch(self.outside)
        return match.group(1) if match else ""

    def with_outside(self, outside: str) -> str:
        """The tag's text with another outside port."""
        inside = "" if self.inside is None else f":{self.inside}"
        transport = f"{self.transport}:" if self.names_transport else ""
        return f"{self.protocol.value}:{transport}{outside}{inside}"


def parse_port_tag(tag: str) -> PortTag | None:
    """The port a tag asks for; None for one that is not about ports. Raises ``ValueError`` with the rule it breaks."""
    match = _PORT_TAG.fullmatch(tag)
    if match is None:
        return None
    protocol = PortProtocol(match.group(1))
    form = _FORMS[protocol].fullmatch(match.group(2))
    if form is None:
        raise ValueError(f"{tag!r} is not of the form {_USAGE[protocol]}")
    parts = form.groupdict()
    inside = int(parts["inside"]) if parts.get("inside") else None
    transport = parts.get("transport")
    if protocol is PortProtocol.SERIAL and inside is not None and inside > MAX_SERIAL_LINE:
        raise ValueError(f"{tag!r}: a node has serial lines 0 to {MAX_SERIAL_LINE}")
    is_port = protocol in (PortProtocol.SSH, PortProtocol.PAT)
    for number in [parts["outside"], *([parts["inside"]] if is_port and parts.get("inside") else [])]:
        if number.isdigit() and not 1 <= int(number) <= 65535:
            raise ValueError(f"{tag!r}: {number} is not a port number")
    return PortTag(protocol, parts["outside"], transport or "tcp", inside, transport is not None)


def default_tag(node: Node) -> str:
    """The port tag that a node without one gets, empty when it has no console."""
    match node.definition.console:
        case ConsoleKind.SERIAL:
            return f"serial:${{PORT_{_slug(node.label)}_SERIAL}}"
        case ConsoleKind.VNC:
            return f"vnc:${{PORT_{_slug(node.label)}_VNC}}"
        case ConsoleKind.NONE:
            return ""


@dataclass(frozen=True, slots=True)
class NodePort:
    """One slot with its place in the document; ``tag_index`` is None for a tag that has to be added."""

    slot: PortSlot
    node_index: int
    tag_index: int | None
    tag: PortTag


class _Names:
    """Names of the slots of one topology; those that authors declare in tags are kept free for their tags."""

    def __init__(self, declared: set[str]) -> None:
        self.given: set[str] = set()
        self._declared = declared
        self._next: dict[str, int] = {}

    def free(self, name: str) -> str:
        """The name, with the next number that is free where it is taken."""
        candidate, number = name, self._next.get(name, 2)
        while candidate in self.given or candidate in self._declared:
            candidate, number = f"{name}_{number}", number + 1
        self._next[name] = number
        return candidate


def port_template(topology: Topology) -> tuple[PortSlot, ...]:
    """The ports the lab needs. Raises ``ContentRefused`` for malformed or clashing tags."""
    return tuple(port.slot for port in node_ports(topology))


def node_ports(topology: Topology) -> tuple[NodePort, ...]:
    """Every port slot with the tag it came from. Raises ``ContentRefused``."""
    errors: list[ContentError] = []
    ports: list[NodePort] = []
    names = _Names(_declared_placeholders(topology))
    asked: dict[tuple[str, str], str] = {}
    for node_index, node in enumerate(topology.nodes):
        for tag_index, tag, parsed in _port_tags(topology, node_index, errors):
            place = ("nodes", node_index, "tags", tag_index) if tag_index is not None else ("nodes", node_index)
            first = asked.setdefault((parsed.transport, parsed.outside), node.label)
            if tag_index is not None and (first != node.label or parsed.placeholder in names.given):
                message = f"port {parsed.outside} is asked for twice, by {first} and {node.label}"
                errors.append(_error(topology, place, message))
                continue
            # The default name of a node must not take a name that an author wrote elsewhere.
            wanted = parsed.placeholder if tag_index is not None else ""
            name = wanted or names.free(_default_name(node, parsed))
            names.given.add(name)
            ports.append(NodePort(_slot(name, node, parsed, tag), node_index, tag_index, parsed))
    errors.extend(_undeclared(topology, names.given))
    if errors:
        raise ContentRefused(errors)
    return tuple(ports)


def _port_tags(
    topology: Topology, node_index: int, errors: list[ContentError]
) -> Iterator[tuple[int | None, str, PortTag]]:
    """The port tags of a node, or the default one."""
    node = topology.nodes[node_index]
    found = False
    for tag_index, tag in enumerate(node.tags):
        try:
            parsed = parse_port_tag(tag)
        except ValueError as error:
            errors.append(_error(topology, ("nodes", node_index, "tags", tag_index), str(error)))
            found = True
            continue
        if parsed is not None:
            found = True
            yield tag_index, tag, parsed
    default = "" if found else default_tag(node)
    parsed = parse_port_tag(default) if default else None
    if parsed is not None:
        yield None, "", parsed


def _slot(name: str, node: Node, tag: PortTag, text: str) -> PortSlot:
    inside = tag.inside
    if tag.protocol is PortProtocol.SSH:
        inside = inside or SSH_PORT
    elif tag.protocol is PortProtocol.SERIAL:
        inside = None
    return PortSlot(
        name=name,
        node_label=node.label,
        protocol=tag.protocol,
        transport=tag.transport,
        inside_port=inside,
        requested_tag=text,
    )


def _default_name(node: Node, tag: PortTag) -> str:
    protocol = tag.protocol.value.upper()
    match tag.protocol:
        case PortProtocol.SERIAL if tag.inside:
            return f"{_slug(node.label)}_{protocol}{tag.inside}"
        case PortProtocol.PAT:
            return f"{_slug(node.label)}_{protocol}_{tag.transport.upper()}_{tag.inside}"
        case _:
            return f"{_slug(node.label)}_{protocol}"


def _slug(label: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "_", label.upper()).strip("_")[:40] or "NODE"


def _declared_placeholders(topology: Topology) -> set[str]:
    return {name for node in topology.nodes for tag in node.tags for name in PLACEHOLDER.findall(tag)}


def _undeclared(topology: Topology, names: set[str]) -> list[ContentError]:
    """Placeholders in configurations, notes or annotations that no tag declares: nobody would ever fill them."""
    errors = []
    stack: list[tuple[object, Path]] = [(topology.document.value, ())]
    while stack:
        value, path = stack.pop()
        if isinstance(value, str):
            unknown = sorted(set(_ANY_PLACEHOLDER.findall(value)) - names) if "${PORT_" in value else []
            is_tag = len(path) == 4 and path[2] == "tags"
            if unknown and not is_tag:
                message = f"${{PORT_{unknown[0][:60]}}} is used here, but no node tag declares it"
                errors.append(_error(topology, path, message))
        elif isinstance(value, dict):
            stack.extend((part, (*path, key)) for key, part in value.items())
        elif isinstance(value, list):
            stack.extend((part, (*path, index)) for index, part in enumerate(value))
    return errors


def _error(topology: Topology, path: Path, message: str) -> ContentError:
    document = topology.document
    return ContentError(file=document.file, line=document.line_of(path), field=format_path(path), message=message)
