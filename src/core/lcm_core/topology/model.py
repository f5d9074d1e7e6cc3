"""A CML topology as typed, immutable values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lcm_core.content.document import Document
from lcm_core.topology.node_definitions import NodeDefinition, node_definition


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface; ``slot`` is None for loopbacks."""

    id: str
    label: str = ""
    slot: int | None = None
    type: str = "physical"


@dataclass(frozen=True, slots=True)
class Node:
    """One node; sizes are None when the node definition decides. ``files`` are its named configurations."""

    id: str
    label: str
    node_definition: str
    image_definition: str = ""
    ram_mb: int | None = None
    cpus: int | None = None
    cpu_limit: int | None = None
    data_volume_gb: int = 0
    boot_disk_gb: int = 0
    tags: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    interfaces: tuple[Interface, ...] = ()

    @property
    def definition(self) -> NodeDefinition:
        """Costs and abilities of the node's definition."""
        return node_definition(self.node_definition)

    @property
    def configuration(self) -> str:
        """The main configuration (the first file), empty when there is none."""
        return next(iter(self.files.values()), "")


@dataclass(frozen=True, slots=True)
class Link:
    """One link between two interfaces."""

    id: str
    node_a: str
    interface_a: str
    node_b: str
    interface_b: str


@dataclass(frozen=True, slots=True)
class SmartAnnotation:
    """The box that CML draws around the nodes of one tag."""

    tag: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Topology:
    """A parsed topology; ``document`` is the raw form that is rewritten for an import."""

    version: str
    title: str
    description: str
    notes: str
    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    smart_annotations: tuple[SmartAnnotation, ...]
    annotation_count: int
    document: Document

    @property
    def node_count(self) -> int:
        """Nodes that count against a CML licence; connectors and unmanaged switches do not."""
        return sum(node.definition.counts for node in self.nodes)

    @property
    def node_definitions(self) -> tuple[str, ...]:
        """Definitions a controller must have, sorted."""
        return tuple(sorted({node.node_definition for node in self.nodes}))

    @property
    def configurable_nodes(self) -> tuple[Node, ...]:
        """Nodes whose running configuration CML can read back."""
        return tuple(node for node in self.nodes if node.definition.extractable)

    def node(self, label: str) -> Node | None:
        """The node of a label."""
        return next((node for node in self.nodes if node.label == label), None)
