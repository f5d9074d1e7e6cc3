"""What the node definitions of CML cost and can do, for estimates made before any controller is asked.

Figures are those of the reference platforms that Cisco ships with CML 2.8–2.10 (``sim.linux_native`` of the node
definitions: RAM in MB, virtual CPUs; disk is the size of the base image rounded up to GB). A node that names its own
``ram``, ``cpus`` or disk overrides them. External connectors and unmanaged switches are not simulated by a machine:
they take nothing and do not count against a licence's node limit (CML administrator guide, "Licensing").
"""

from dataclasses import dataclass
from enum import StrEnum


class ConsoleKind(StrEnum):
    """How a person reaches a node that has no port tag."""

    SERIAL = "serial"
    VNC = "vnc"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class NodeDefinition:
    """One node definition: memory in MB, virtual CPUs, disk in GB.

    ``extractable`` says that CML can read the running configuration back from the device, which makes the node
    *configurable* in the sense of grading.
    """

    id: str
    ram_mb: int
    cpus: int
    disk_gb: float
    console: ConsoleKind = ConsoleKind.SERIAL
    extractable: bool = False

    @property
    def counts(self) -> bool:
        """Whether a started node counts against the licence: the one place of this rule."""
        return self.id not in UNCOUNTED_DEFINITIONS


UNCOUNTED_DEFINITIONS = frozenset({"external_connector", "unmanaged_switch"})

_NETWORK = (  # id, MB, CPUs, GB
    ("iosv", 512, 1, 1.0),
    ("iosvl2", 768, 1, 1.0),
    ("iol-xe", 512, 1, 0.5),
    ("iol-xe-serial-4eth", 512, 1, 0.5),
    ("ioll2-xe", 512, 1, 0.5),
    ("pagent", 512, 1, 1.0),
    ("csr1000v", 3072, 1, 8.0),
    ("cat8000v", 4096, 1, 8.0),
    ("cat9000v-q200", 18432, 4, 16.0),
    ("cat9000v-uadp", 18432, 4, 16.0),
    ("nxosv9000", 12288, 4, 8.0),
    ("iosxrv", 3072, 1, 4.0),
    ("iosxrv9000", 20480, 4, 45.0),
    ("ios-xrd-control-plane", 2048, 1, 2.0),
    ("asav", 2048, 1, 8.0),
    ("ftdv", 8192, 4, 48.0),
)
_SERVERS = (
    ("alpine", 512, 1, 1.0),
    ("alpine-trex", 2048, 1, 4.0),
    ("alpine-wanem", 512, 1, 1.0),
    ("coreos", 1024, 1, 2.0),
    ("server", 128, 1, 0.5),
    ("ubuntu", 2048, 1, 16.0),
    ("fmcv", 32768, 4, 250.0),
    ("vwlc", 4096, 1, 8.0),
    ("thousandeyes-ea", 1024, 1, 2.0),
    ("frr", 256, 1, 0.5),
    ("dnsmasq", 64, 1, 0.5),
    ("net-tools", 64, 1, 0.5),
    ("nginx", 64, 1, 0.5),
    ("radius", 64, 1, 0.5),
    ("syslog", 64, 1, 0.5),
    ("tacplus", 64, 1, 0.5),
    ("splunk", 4096, 1, 4.0),
)
_DESKTOPS = (("desktop", 768, 1, 1.0), ("chrome", 1024, 1, 2.0), ("firefox", 1024, 1, 2.0))

_KNOWN: dict[str, NodeDefinition] = {
    **{row[0]: NodeDefinition(*row, extractable=True) for row in _NETWORK},
    **{row[0]: NodeDefinition(*row) for row in _SERVERS},
    **{row[0]: NodeDefinition(*row, console=ConsoleKind.VNC) for row in _DESKTOPS},
    **{name: NodeDefinition(name, 0, 0, 0.0, ConsoleKind.NONE) for name in sorted(UNCOUNTED_DEFINITIONS)},
}

_UNKNOWN_RAM_MB, _UNKNOWN_CPUS, _UNKNOWN_DISK_GB = 2048, 1, 8.0


def node_definition(definition_id: str) -> NodeDefinition:
    """The definition; a cautious guess for one that is not shipped with CML (an author's own)."""
    known = _KNOWN.get(definition_id)
    return known or NodeDefinition(definition_id, _UNKNOWN_RAM_MB, _UNKNOWN_CPUS, _UNKNOWN_DISK_GB)


def known_definitions() -> tuple[NodeDefinition, ...]:
    """All definitions of the table, by id."""
    return tuple(_KNOWN[name] for name in sorted(_KNOWN))
