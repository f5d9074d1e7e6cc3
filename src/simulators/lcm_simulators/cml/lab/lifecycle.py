"""Starting, stopping and wiping nodes and labs of one controller.

A start computes the whole boot plan of a node (queued, starting, started, booted) and sets one timer for the next
step, so a booted or stopped node costs nothing. Plans are stored with the lab: after a restart of the simulator the
steps that are due happen at once and the others on time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import uuid4

from lcm_simulators.cml.lab.capacity import check_start
from lcm_simulators.cml.model import MOVING, POWERED, RUNNING, Interface, Lab, Link, Node, State
from lcm_simulators.cml.routing import ApiError

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller

STABILIZATION_SECONDS = 3.0
CREATION_SECONDS = 2.0


class Lifecycle:
    """The node states of one controller."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def start_lab(self, lab: Lab) -> None:
        """Start every node that does not run. Raises `ApiError` 400 when licence or resources do not suffice."""
        idle = [node for node in lab.nodes.values() if node.state not in RUNNING]
        check_start(self._controller, lab, idle)
        offset = 0.0
        for stage in self._stages(lab, idle):
            for node in stage:
                self._launch(lab, node, offset)
            offset = max([offset, *(self._boot_length(lab, node) + offset for node in stage)])
        self._controller.lab_changed(lab)

    def start_node(self, lab: Lab, node: Node) -> None:
        """Start one node; a running one is left alone."""
        if node.state in RUNNING:
            return
        check_start(self._controller, lab, [node])
        self._launch(lab, node, 0.0)
        self._controller.lab_changed(lab)

    def stop_lab(self, lab: Lab) -> None:
        """Stop every running node."""
        for node in list(lab.nodes.values()):
            self._halt(lab, node)
        self._controller.lab_changed(lab)

    def stop_node(self, lab: Lab, node: Node) -> None:
        """Stop one node; an idle one is left alone."""
        self._halt(lab, node)
        self._controller.lab_changed(lab)

    def wipe_lab(self, lab: Lab) -> None:
        """Discard the disks of all nodes. Raises `ApiError` 400 while a node runs."""
        if any(node.state in RUNNING for node in lab.nodes.values()):
            raise ApiError(400, f"Lab {lab.id} is running: the lab must be stopped before it can be wiped.")
        for node in lab.nodes.values():
            self._erase(lab, node)
        self._controller.lab_changed(lab)

    def wipe_node(self, lab: Lab, node: Node) -> None:
        """Discard the disk of one node."""
        if node.state in RUNNING:
            raise ApiError(400, f"Node {node.id} is running: the node must be stopped before it can be wiped.")
        self._erase(lab, node)
        self._controller.lab_changed(lab)

    def set_link_stopped(self, lab: Lab, link: Link, stopped: bool) -> None:
        """Take a link down, or up again."""
        link.stopped = stopped
        self._settle_link(lab, link, State.STOPPED)
        self._controller.lab_changed(lab)

    def set_interface_stopped(self, lab: Lab, interface: Interface, stopped: bool) -> None:
        """Pull an interface out, or plug it in again."""
        interface.stopped = stopped
        self._settle_interfaces(lab, lab.nodes[interface.node])
        self._controller.lab_changed(lab)

    def resume(self, lab: Lab) -> None:
        """Set the timers of a lab that was read from disk."""
        for node in lab.nodes.values():
            if node.plan:
                limit = self._controller.clock.time() + self._boot_length(lab, node)
                node.plan = [(min(at, limit), state) for at, state in node.plan]
                self._step(lab.id, node.id)
            elif node.state in POWERED:
                self._controller.node_powered(lab, node)

    def converged(self, nodes: Iterable[Node]) -> bool:
        """Whether no node is on its way up."""
        return all(node.state not in MOVING for node in nodes)

    def _stages(self, lab: Lab, nodes: list[Node]) -> list[list[Node]]:
        if not lab.node_staging.get("enabled"):
            return [nodes]
        priorities = sorted({node.priority for node in nodes if node.priority is not None}, reverse=True)
        stages = [[node for node in nodes if node.priority == priority] for priority in priorities]
        if lab.node_staging.get("start_remaining", True):
            stages.append([node for node in nodes if node.priority is None])
        return stages

    def _boot_length(self, lab: Lab, node: Node) -> float:
        definition = self._controller.definition(node.node_definition)
        scale = self._controller.boot_scale
        # Real boots of one image differ by some percent; the difference is fixed per node, so runs can be repeated.
        digest = hashlib.sha256(f"{self._controller.seed}{lab.id}{node.label}".encode()).digest()
        spread = 0.9 + digest[0] / 1275
        return (STABILIZATION_SECONDS + CREATION_SECONDS + definition.boot_seconds * spread) * scale

    def _launch(self, lab: Lab, node: Node, offset: float) -> None:
        start = self._controller.clock.time() + offset
        length, scale = self._boot_length(lab, node), self._controller.boot_scale
        plan = [
            (start + (STABILIZATION_SECONDS + CREATION_SECONDS) * scale, State.STARTED),
            (start + length, State.BOOTED),
        ]
        if self._controller.config.release >= (2, 10):
            plan.insert(0, (start + STABILIZATION_SECONDS * scale, State.STARTING))
        node.plan = plan
        node.times = {}
        definition = self._controller.definition(node.node_definition)
        node.console_keys = [str(uuid4()) for _ in range(definition.serial_ports)]
        node.vnc_key = str(uuid4()) if definition.vnc else None
        self._set_node(lab, node, State.QUEUED)
        self._step(lab.id, node.id)

    def _step(self, lab_id: str, node_id: str) -> None:
        """Apply the transitions that are due and wait for the next one."""
        lab = self._controller.labs.get(lab_id)
        node = lab.nodes.get(node_id) if lab else None
        if lab is None or node is None or not self._controller.state.powered:
            return
        now = self._controller.clock.time()
        while node.plan and node.plan[0][0] <= now + 1e-6:
            self._set_node(lab, node, node.plan.pop(0)[1])
        if node.plan:
            due = node.plan[0][0]
            self._controller.timers.at(due, lambda: self._step(lab_id, node_id))

    def _halt(self, lab: Lab, node: Node) -> None:
        node.plan = []
        if node.state not in RUNNING and node.state is not State.DISCONNECTED:
            return
        powered = node.state in POWERED
        self._controller.forget_running(lab, node)
        node.console_keys, node.vnc_key, node.times = [], None, {}
        self._set_node(lab, node, State.STOPPED)
        if powered:
            self._controller.node_unpowered(lab, node)

    def _erase(self, lab: Lab, node: Node) -> None:
        if node.state is State.DEFINED:
            return
        node.running = node.startup = None
        node.transcript = {}
        self._set_node(lab, node, State.DEFINED)

    def _set_node(self, lab: Lab, node: Node, state: State) -> None:
        previous, lab_before = node.state, lab.state
        if previous is state:
            return
        node.state = state
        node.times[state.value] = self._controller.clock.time()
        events = self._controller.events
        events.state(lab.id, "Node", node.id, previous, state)
        self._settle_interfaces(lab, node)
        if lab.state is not lab_before:
            events.lab(lab.id, "state", {"state": lab.state.value})
        if state is State.STARTED:
            self._controller.node_powered(lab, node)

    def _settle_interfaces(self, lab: Lab, node: Node) -> None:
        powered = node.state in POWERED
        target = State.STARTED if powered else State.DEFINED if node.state is State.DEFINED else State.STOPPED
        if node.state in {State.QUEUED, State.STARTING}:
            return
        for interface_id in node.interfaces:
            interface = lab.interfaces[interface_id]
            wanted = State.STOPPED if interface.stopped and target is State.STARTED else target
            if interface.state is not wanted:
                previous, interface.state = interface.state, wanted
                self._controller.events.state(lab.id, "Interface", interface.id, previous, wanted)
            if interface.link is not None:
                self._settle_link(lab, lab.links[interface.link], target)

    def settle_link(self, lab: Lab, link: Link) -> None:
        """Give a new link the state its ends imply."""
        self._settle_link(lab, link, link.state)

    def _settle_link(self, lab: Lab, link: Link, otherwise: State) -> None:
        ends = (lab.interfaces[link.interface_a].state, lab.interfaces[link.interface_b].state)
        if ends == (State.STARTED, State.STARTED) and not link.stopped:
            wanted = State.STARTED
        elif otherwise is State.DEFINED and any(end is not State.DEFINED for end in ends):
            wanted = State.STOPPED if State.STOPPED in ends else link.state
        elif otherwise is State.STARTED:
            wanted = State.STOPPED if link.stopped else link.state
        else:
            wanted = otherwise
        if link.state is not wanted:
            previous, link.state = link.state, wanted
            self._controller.events.state(lab.id, "Link", link.id, previous, wanted)
