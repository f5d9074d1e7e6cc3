"""``content.xml``: the devices that the delivery system shows, and how each is reached.

Every element with the attribute ``device_label`` is a device: ``<device device_label="R1" category="router"
coords="10,20" user_access_mode="serial"/>``. The label is a node's; the access mode (``serial``, ``vnc``, ``ssh``,
``pat``) names one of the node's port tags, any other word means the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax import SAXException, SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl

from defusedxml import DefusedXmlException
from defusedxml.sax import parseString

from lcm_core.content.errors import ContentRefused
from lcm_core.contracts.definitions import ContentError, DeviceTemplate, PortSlot
from lcm_core.domain.vocabulary import PortProtocol
from lcm_core.topology import Topology

DEVICES_FILE = "content.xml"
MAX_DEVICES = 500
MAX_BYTES = 1024 * 1024
_ACCESS = {
    "telnet": PortProtocol.SERIAL,
    "serial": PortProtocol.SERIAL,
    "vnc": PortProtocol.VNC,
    "gui": PortProtocol.VNC,
    "ssh": PortProtocol.SSH,
    "pat": PortProtocol.PAT,
    "web": PortProtocol.PAT,
}


@dataclass(frozen=True, slots=True)
class DeviceEntry:
    """One device of the file, with the line it stands on."""

    label: str
    access_mode: str
    line: int


def parse_devices(content: bytes) -> Sequence[DeviceEntry]:
    """The devices of ``content.xml``. Raises ``ContentRefused``, also for DTDs and entities."""
    if len(content) > MAX_BYTES:
        raise _refused(f"{len(content)} bytes, the limit is {MAX_BYTES}")
    handler = _Handler()
    try:
        parseString(content, handler, forbid_dtd=True)
    except DefusedXmlException as error:
        raise _refused("document types, entities and external references are not allowed", _line_of(handler)) from error
    except SAXParseException as error:
        raise _refused(error.getMessage(), error.getLineNumber() or 0) from error
    except (SAXException, ValueError, LookupError) as error:  # LookupError: an encoding that nobody knows
        raise _refused(f"not readable XML: {error}") from error
    if len(handler.devices) > MAX_DEVICES:
        raise _refused(f"{len(handler.devices)} devices, the limit is {MAX_DEVICES}")
    return handler.devices


class _Handler(ContentHandler):
    """Collects the devices with their lines."""

    def __init__(self) -> None:
        super().__init__()
        self.devices: list[DeviceEntry] = []

    def startElement(self, name: str, attrs: AttributesImpl) -> None:
        """See ``ContentHandler``."""
        if "device_label" in attrs:
            entry = DeviceEntry(attrs["device_label"], attrs.get("user_access_mode", "").lower(), _line_of(self))
            self.devices.append(entry)


def _line_of(handler: ContentHandler) -> int:
    locator = getattr(handler, "_locator", None)
    return (locator.getLineNumber() or 0) if locator is not None else 0


def device_templates(
    topology: Topology, ports: Sequence[PortSlot], entries: Sequence[DeviceEntry] | None
) -> list[DeviceTemplate]:
    """The devices to deliver: those the author lists, else every node with a port.

    Raises ``ContentRefused`` for labels without a node and access modes without a port.
    """
    if entries is None:
        return _every_node(topology, ports)
    errors: list[ContentError] = []
    devices: dict[str, DeviceTemplate] = {}
    for entry in entries:
        problem, device = _device(topology, ports, entry)
        if not problem and entry.label in devices:
            problem = f"the device {entry.label!r} appears twice"
        if problem:
            errors.append(_error(problem, entry.line))
        elif device is not None:
            devices[entry.label] = device
    if errors:
        raise ContentRefused(errors)
    return list(devices.values())


def _device(topology: Topology, ports: Sequence[PortSlot], entry: DeviceEntry) -> tuple[str, DeviceTemplate | None]:
    """A device, or why there is none. A node nobody can reach (an unmanaged switch) is drawn but not delivered."""
    node = topology.node(entry.label)
    if node is None:
        return f"there is no node {entry.label!r} in the topology", None
    own = [port for port in ports if port.node_label == entry.label]
    wanted = _ACCESS.get(entry.access_mode)
    if wanted is None or not own:
        chosen = own[0] if own else None
    else:
        chosen = next((port for port in own if port.protocol is wanted), None)
        if chosen is None:
            return f"{entry.label!r} is to be reached by {entry.access_mode}, but has no such port tag", None
    if chosen is None:
        return "", None
    return "", _template(entry.label, node.node_definition, chosen)


def _every_node(topology: Topology, ports: Sequence[PortSlot]) -> list[DeviceTemplate]:
    devices: dict[str, DeviceTemplate] = {}
    for port in ports:
        node = topology.node(port.node_label)
        if node is not None:
            devices.setdefault(node.label, _template(node.label, node.node_definition, port))
    return list(devices.values())


def _template(label: str, node_definition: str, port: PortSlot) -> DeviceTemplate:
    return DeviceTemplate(
        label=label, node_label=label, node_definition=node_definition, port_name=port.name, protocol=port.protocol
    )


def _error(message: str, line: int) -> ContentError:
    return ContentError(file=DEVICES_FILE, line=line, field="device_label", message=message)


def _refused(message: str, line: int = 0) -> ContentRefused:
    return ContentRefused.one(DEVICES_FILE, "document", message, line)


def read_devices(content: bytes | None) -> Sequence[DeviceEntry] | None:
    """The author's list; None when the package has no ``content.xml``."""
    return None if content is None else parse_devices(content)
