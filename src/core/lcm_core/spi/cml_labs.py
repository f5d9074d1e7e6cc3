"""The labs side of a CML controller. System, licensing and users are another service's concern.

A *lab* is a topology on one controller; its *notes* carry the id of the session it was made for. Node states are those
of CML 2.6 to 2.10.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from lcm_core.spi.cml_system import CmlTarget


class LabState(StrEnum):
    """State of a lab as CML reports it."""

    DEFINED = "DEFINED_ON_CORE"
    STOPPED = "STOPPED"
    STARTED = "STARTED"


class NodeState(StrEnum):
    """State of a node."""

    DEFINED = "DEFINED_ON_CORE"
    QUEUED = "QUEUED"
    STARTING = "STARTING"
    STARTED = "STARTED"
    BOOTED = "BOOTED"
    STOPPED = "STOPPED"
    DISCONNECTED = "DISCONNECTED"


@dataclass(frozen=True, slots=True)
class LabInfo:
    """A lab without its topology."""

    id: str
    title: str
    notes: str
    state: LabState
    node_count: int


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """A node; memory in MB. ``files`` are its configuration files, filled only where that is said."""

    id: str
    label: str
    node_definition: str
    state: NodeState
    tags: tuple[str, ...] = ()
    ram_mb: int | None = None
    cpus: int | None = None
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NodeLoad:
    """What one running node uses: percent of its CPUs, and MB of memory when CML says so."""

    label: str
    cpu_percent: float
    memory_mb: float | None = None


class CmlLabs(Protocol):
    """The labs API of CML controllers. Methods raise ``OutsideError`` subclasses.

    ``start``, ``stop``, ``wipe`` and ``delete`` are idempotent; ``wipe`` and ``delete`` need a stopped lab.
    """

    async def labs(self, target: CmlTarget) -> Sequence[LabInfo]:
        """Every lab of the controller, of all users."""

    async def lab(self, target: CmlTarget, lab_id: str) -> LabInfo:
        """One lab. Raises ``OutsideNotFound``."""

    async def import_lab(self, target: CmlTarget, topology: str) -> str:
        """Make a lab of a topology's text; its id. Not idempotent: look for an earlier one first."""

    async def rename(self, target: CmlTarget, lab_id: str, title: str, notes: str) -> None:
        """Change title and notes."""

    async def start(self, target: CmlTarget, lab_id: str) -> None:
        """Start every node. Raises ``OutsideRefused`` when licence or resources do not suffice."""

    async def stop(self, target: CmlTarget, lab_id: str) -> None:
        """Stop every node; a lab that is gone is stopped."""

    async def wipe(self, target: CmlTarget, lab_id: str) -> None:
        """Discard every disk."""

    async def delete(self, target: CmlTarget, lab_id: str) -> None:
        """Remove a wiped lab; one that is gone is removed."""

    async def converged(self, target: CmlTarget, lab_id: str) -> bool:
        """Whether no node is on its way up or down."""

    async def nodes(self, target: CmlTarget, lab_id: str, *, with_configurations: bool = False) -> Sequence[NodeInfo]:
        """The nodes of a lab."""

    async def retag(self, target: CmlTarget, lab_id: str, node_id: str, tags: Sequence[str]) -> None:
        """Replace a node's tags."""

    async def configure(self, target: CmlTarget, lab_id: str, node_id: str, files: Mapping[str, str]) -> None:
        """Replace configuration files by name; the node must be wiped."""

    async def extract(self, target: CmlTarget, lab_id: str, node_id: str) -> None:
        """Have the running configuration read back into the node's files."""

    async def files(self, target: CmlTarget, lab_id: str, node_id: str) -> Mapping[str, str]:
        """Configuration files of a node by name."""

    async def console_log(self, target: CmlTarget, lab_id: str, node_id: str, line: int = 0) -> str:
        """What the console printed. Raises ``OutsideNotFound`` when nothing is kept."""

    async def loads(self, target: CmlTarget, lab_id: str) -> Sequence[NodeLoad]:
        """What the running nodes use."""

    async def export(self, target: CmlTarget, lab_id: str) -> str:
        """The lab's topology as text."""

    async def forget(self, worker_id: str) -> None:
        """Close what is kept for a worker that is gone."""
