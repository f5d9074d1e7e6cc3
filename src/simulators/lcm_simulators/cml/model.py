"""State of one controller's labs, users and pools: plain data that is written to disk as JSON.

Times that start with `at_` are simulated seconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    """States of nodes; interfaces, links and labs use DEFINED, STOPPED and STARTED only."""

    DEFINED = "DEFINED_ON_CORE"
    QUEUED = "QUEUED"
    STARTING = "STARTING"
    STARTED = "STARTED"
    BOOTED = "BOOTED"
    STOPPED = "STOPPED"
    DISCONNECTED = "DISCONNECTED"


MOVING = frozenset({State.QUEUED, State.STARTING, State.STARTED})
RUNNING = frozenset({State.QUEUED, State.STARTING, State.STARTED, State.BOOTED})
POWERED = frozenset({State.STARTED, State.BOOTED})


@dataclass(slots=True)
class ConfigFile:
    """One named configuration file of a node."""

    name: str
    content: str


@dataclass(slots=True)
class Interface:
    """One interface; loopbacks have no slot."""

    id: str
    node: str
    label: str
    slot: int | None
    mac_address: str | None = None
    generated_mac: str | None = None
    state: State = State.DEFINED
    stopped: bool = False
    link: str | None = None


@dataclass(slots=True)
class Node:
    """One node. `plan` lists the transitions still to come of a starting node: (at, state)."""

    id: str
    label: str
    node_definition: str
    image_definition: str | None = None
    x: int = 0
    y: int = 0
    ram: int | None = None
    cpus: int | None = None
    cpu_limit: int | None = None
    data_volume: int | None = None
    boot_disk_size: int | None = None
    hide_links: bool = False
    tags: list[str] = field(default_factory=list)
    parameters: dict[str, str | None] = field(default_factory=dict)
    configuration: list[ConfigFile] = field(default_factory=list)
    priority: int | None = None
    pyats: dict[str, str | None] | None = None
    pinned_compute_id: str | None = None
    state: State = State.DEFINED
    plan: list[tuple[float, State]] = field(default_factory=list)
    times: dict[str, float] = field(default_factory=dict)
    interfaces: list[str] = field(default_factory=list)
    vnc_key: str | None = None
    console_keys: list[str] = field(default_factory=list)
    running: str | None = None
    startup: str | None = None
    transcript: dict[int, list[str]] = field(default_factory=dict)


@dataclass(slots=True)
class Link:
    """One link between two interfaces; `stopped` is a link taken down on purpose."""

    id: str
    interface_a: str
    interface_b: str
    node_a: str
    node_b: str
    label: str
    state: State = State.DEFINED
    stopped: bool = False
    conditioning: dict[str, float | bool] | None = None
    capture: dict[str, object] | None = None


@dataclass(slots=True)
class Association:
    """Permissions of a group or a user on a lab."""

    id: str
    permissions: list[str]


@dataclass(slots=True)
class Lab:
    """One lab with everything in it."""

    id: str
    title: str
    owner: str
    created: str
    modified: str
    description: str = ""
    notes: str = ""
    nodes: dict[str, Node] = field(default_factory=dict)
    interfaces: dict[str, Interface] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    annotations: dict[str, dict[str, object]] = field(default_factory=dict)
    smart_annotations: dict[str, dict[str, object]] = field(default_factory=dict)
    groups: list[Association] = field(default_factory=list)
    users: list[Association] = field(default_factory=list)
    connector_mappings: dict[str, str | None] = field(default_factory=dict)
    autostart: dict[str, object] = field(default_factory=dict)
    node_staging: dict[str, object] = field(default_factory=dict)

    @property
    def state(self) -> State:
        """STARTED when a node runs, else STOPPED when one was stopped, else DEFINED_ON_CORE."""
        states = {node.state for node in self.nodes.values()}
        if states & RUNNING or State.DISCONNECTED in states:
            return State.STARTED
        return State.STOPPED if State.STOPPED in states else State.DEFINED


@dataclass(slots=True)
class User:
    """A user; the password is kept as salted hash only. Tokens of an older `generation` are refused."""

    id: str
    username: str
    password_hash: str
    created: str
    modified: str
    fullname: str = ""
    description: str = ""
    email: str = ""
    admin: bool = False
    groups: list[str] = field(default_factory=list)
    associations: list[Association] = field(default_factory=list)
    resource_pool: str | None = None
    opt_in: str = "unset"
    tour_version: str = ""
    pubkey: str = ""
    last_login: str | None = None
    generation: int = 0


@dataclass(slots=True)
class Group:
    """A group of users with lab permissions (`id` in an association is then a lab id)."""

    id: str
    name: str
    created: str
    modified: str
    description: str = ""
    members: list[str] = field(default_factory=list)
    associations: list[Association] = field(default_factory=list)


@dataclass(slots=True)
class ResourcePool:
    """Limits for its users; null means no limit. Memory in MB, disk in GB, CPUs in hundredths."""

    id: str
    label: str
    description: str = ""
    template: str | None = None
    licenses: int | None = None
    ram: int | None = None
    cpus: int | None = None
    disk_space: int | None = None
    external_connectors: list[str] | None = None
    users: list[str] = field(default_factory=list)
    is_template: bool = False
