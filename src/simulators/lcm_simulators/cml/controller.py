"""One simulated CML controller: its state, its power, its services."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from lcm_simulators.cml import catalog
from lcm_simulators.cml.catalog import NodeDefinition
from lcm_simulators.cml.config import ControllerConfig
from lcm_simulators.cml.consoles.patty import Patty
from lcm_simulators.cml.controller_state import ADMIN_ID, ControllerState
from lcm_simulators.cml.definitions import definition_from_document
from lcm_simulators.cml.devices.runtime import Devices
from lcm_simulators.cml.events import EventBus
from lcm_simulators.cml.lab.lifecycle import Lifecycle
from lcm_simulators.cml.license_reservation import Reservation
from lcm_simulators.cml.licensing import Licensing
from lcm_simulators.cml.model import POWERED, RUNNING, Lab, Node, State, User
from lcm_simulators.cml.routing import ApiError
from lcm_simulators.cml.timers import Timer
from lcm_simulators.cml.tokens import TokenMint, hash_password, password_fits

if TYPE_CHECKING:
    from lcm_simulators.cml.world import World


class Phase(StrEnum):
    """What a client finds: nothing listens, a proxy without a service, a service that is not ready, or CML."""

    OFF = "off"
    CONNECTION_REFUSED = "connection_refused"
    BAD_GATEWAY = "bad_gateway"
    NOT_READY = "not_ready"
    READY = "ready"


class Controller:
    """State and services of one controller. Not thread-safe: everything runs on one event loop."""

    def __init__(
        self, world: World, instance_id: str, config: ControllerConfig, state: ControllerState | None = None
    ) -> None:
        self.world = world
        self.instance_id = instance_id
        self.config = config
        self.clock = world.clock
        self.timers = world.timers
        self.labs: dict[str, Lab] = {}
        self.port = config.port
        self.listening = False
        fresh = state is None
        self.state = state or ControllerState()
        self.tokens = TokenMint(self.state.secret)
        self.events = EventBus(self.clock.time)
        if fresh:
            self.state.license.product = config.product
            self._add_admin()
        self.licensing: Licensing = Licensing(
            self, world.license_server, self.state.license, config.max_nodes_unlicensed
        )
        self.reservation = Reservation(self, self.licensing)
        self.lifecycle = Lifecycle(self)
        self.devices = Devices(self)
        self.patty = Patty(self)

    @property
    def seed(self) -> int:
        """Seed of all pseudo-random figures."""
        return self.world.seed

    @property
    def boot_scale(self) -> float:
        """Factor on node boot times; 0 boots at once."""
        return self.world.boot_scale

    @property
    def phase(self) -> Phase:
        """What a client finds now: the time says how far the boot is, and nothing answers before the port is open."""
        due = self.due_phase
        return due if self.listening or due is Phase.OFF else Phase.CONNECTION_REFUSED

    @property
    def due_phase(self) -> Phase:
        """How far the boot must have come by the time."""
        if not self.state.powered:
            return Phase.OFF
        remaining = self.state.ready_at - self.clock.time()
        whole = max(self.state.ready_at - self.state.powered_at, 1e-9)
        if remaining <= 0:
            return Phase.READY
        share = remaining / whole
        if share > 0.5:
            return Phase.CONNECTION_REFUSED
        return Phase.BAD_GATEWAY if share > 0.2 else Phase.NOT_READY

    @property
    def ready(self) -> bool:
        """Whether CML can start nodes."""
        return self.phase is Phase.READY

    def stamp(self, days: float = 0) -> str:
        """Simulated time the way the licensing service writes it."""
        return (self.clock.now() + timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S")

    def iso(self) -> str:
        """Simulated time the way labs and users carry it."""
        return self.clock.now().isoformat(timespec="seconds")

    def later(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Run something after simulated seconds, unless the controller is gone by then."""

        def guarded() -> None:
            if self.world.controllers.get(self.instance_id) is self:
                action()

        return self.timers.after(seconds, guarded)

    def running_nodes(self) -> int:
        """Nodes that count against the license."""
        return sum(
            node.state in RUNNING and self.definition(node.node_definition).simulated
            for lab in self.labs.values()
            for node in lab.nodes.values()
        )

    def changed(self) -> None:
        """The controller's own state must be written."""
        self.state.license = self.licensing.state
        self.world.store.mark_controller(self)

    def lab_changed(self, lab: Lab) -> None:
        """A lab must be written."""
        self.world.store.mark_lab(self, lab.id)

    def definition(self, definition_id: str) -> NodeDefinition:
        """A node definition; one that cannot start for an unknown id."""
        document = self.state.node_definitions.get(definition_id)
        if document is not None:
            return definition_from_document(document)
        return catalog.SHIPPED.get(definition_id) or catalog.unknown_definition(definition_id)

    def has_definition(self, definition_id: str) -> bool:
        """Whether nodes of this definition can start."""
        return definition_id in catalog.SHIPPED or definition_id in self.state.node_definitions

    def lab(self, lab_id: str) -> Lab:
        """A lab, or `ApiError` 404 with the words that clients look for."""
        lab = self.labs.get(lab_id)
        if lab is None:
            raise ApiError(404, f"Lab not found: {lab_id}")
        return lab

    def sign_in(self, username: str, password: str) -> str | None:
        """A token, or None for wrong credentials."""
        for user in self.state.users.values():
            if user.username == username:
                if not password_fits(password, user.password_hash):
                    return None
                user.last_login = self.iso()
                lifetime = self.state.preferences.session_timeout
                return self.tokens.issue(user.id, time.time(), lifetime, user.generation)
        return None

    def user_of(self, token: str) -> User | None:
        """Whose token this is; None when it is not (or no longer) good."""
        try:
            claims = self.tokens.read(token, time.time())
        except (ValueError, KeyError, TypeError):
            return None
        user = self.state.users.get(claims.user_id)
        if user is None or claims.generation != user.generation or claims.token_id in self.state.revoked:
            return None
        return user

    def sign_out(self, user: User, token: str, *, everywhere: bool) -> None:
        """Refuse this token from now on, or every token that the user has."""
        if everywhere:
            user.generation += 1
        else:
            claims = self.tokens.read(token, time.time())
            now = time.time()
            self.state.revoked = {name: end for name, end in self.state.revoked.items() if end > now}
            self.state.revoked[claims.token_id] = claims.expires
        self.changed()

    def expire_tokens(self) -> None:
        """Refuse every token issued so far, as if its time were over."""
        for user in self.state.users.values():
            user.generation += 1
        self.changed()

    def node_powered(self, lab: Lab, node: Node) -> None:
        """A node came up: its consoles and ports open."""
        self.patty.open(lab, node)

    def node_unpowered(self, lab: Lab, node: Node) -> None:
        """A node went down: its consoles and ports close."""
        self.patty.close(node.id)
        self.devices.forget(node.id)

    def forget_running(self, lab: Lab, node: Node) -> None:
        """A node loses its running configuration; what was saved on the device stays on its disk."""
        node.running = None
        self.devices.forget(node.id)

    def adopt_labs(self, labs: list[Lab]) -> None:
        """Take labs read from disk; running nodes go on."""
        for lab in labs:
            self.labs[lab.id] = lab
            if self.state.powered:
                self.lifecycle.resume(lab)

    def power_down(self) -> None:
        """Stop all nodes and close everything, as a host does that is switched off."""
        self.state.powered = False
        for lab in self.labs.values():
            for node in lab.nodes.values():
                node.plan = []
                if node.state in RUNNING:
                    if node.state in POWERED:
                        self.node_unpowered(lab, node)
                    node.state, node.running = State.STOPPED, None
                    node.console_keys, node.vnc_key, node.times = [], None, {}
            for interface in lab.interfaces.values():
                interface.state = State.STOPPED if interface.state is State.STARTED else interface.state
            for link in lab.links.values():
                link.state = State.STOPPED if link.state is State.STARTED else link.state
            self.lab_changed(lab)
        self.events.close()
        self.changed()

    def _add_admin(self) -> None:
        now = self.iso()
        admin = User(
            ADMIN_ID, self.config.admin_name, hash_password(self.config.admin_password), now, now,
            fullname="Administrator", admin=True,
        )  # fmt: skip
        self.state.users[admin.id] = admin
