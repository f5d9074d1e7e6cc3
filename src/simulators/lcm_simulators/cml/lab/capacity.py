"""Refusing starts for which the license or the host does not suffice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lcm_simulators.cml.model import RUNNING, Lab, Node
from lcm_simulators.cml.routing import ApiError

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller


@dataclass(slots=True)
class Usage:
    """What running nodes take: counted nodes, virtual CPUs, memory in MB."""

    nodes: int = 0
    cpus: float = 0.0
    ram: int = 0

    def add(self, controller: Controller, node: Node) -> None:
        """Count one more node."""
        definition = controller.definition(node.node_definition)
        if not definition.simulated:
            return
        self.nodes += 1
        self.cpus += (node.cpus or definition.cpus or 1) * (node.cpu_limit or 100) / 100
        self.ram += node.ram or definition.ram or 0


def usage_of(controller: Controller, owner: str | None = None) -> Usage:
    """What runs now, of everyone or of one owner."""
    usage = Usage()
    for lab in controller.labs.values():
        if owner is not None and lab.owner != owner:
            continue
        for node in lab.nodes.values():
            if node.state in RUNNING:
                usage.add(controller, node)
    return usage


def check_start(controller: Controller, lab: Lab, nodes: list[Node]) -> None:
    """Raise `ApiError` 400 when these nodes cannot run beside those that already do."""
    unknown = sorted({node.node_definition for node in nodes if not controller.has_definition(node.node_definition)})
    if unknown:
        raise ApiError(400, f"Cannot start lab {lab.id}: unknown node definition {', '.join(unknown)}.")
    usage = usage_of(controller)
    for node in nodes:
        usage.add(controller, node)
    limit = controller.licensing.node_limit
    if usage.nodes > limit:
        raise ApiError(
            400,
            f"Licensing issue: Cannot start lab {lab.id}: {usage.nodes} nodes would run, the license allows {limit}.",
        )
    memory = int(controller.config.memory_mb * controller.config.memory_overcommit)
    if usage.ram > memory:
        raise ApiError(
            400, f"Cannot start lab {lab.id}: not enough memory ({usage.ram} MB needed, {memory} MB present)."
        )
    cpus = controller.config.cpus * controller.config.cpu_overcommit
    if usage.cpus > cpus:
        raise ApiError(400, f"Cannot start lab {lab.id}: not enough CPUs ({usage.cpus:g} needed, {cpus:g} present).")
    _check_pool(controller, lab, nodes)


def _check_pool(controller: Controller, lab: Lab, nodes: list[Node]) -> None:
    owner = controller.state.users.get(lab.owner)
    pool = controller.state.pools.get(owner.resource_pool) if owner and owner.resource_pool else None
    if pool is None:
        return
    usage = usage_of(controller, lab.owner)
    for node in nodes:
        usage.add(controller, node)
    template = controller.state.pools.get(pool.template or "")
    for name, used in (("licenses", usage.nodes), ("ram", usage.ram), ("cpus", usage.cpus * 100)):
        limit = getattr(pool, name)
        if limit is None and template is not None:
            limit = getattr(template, name)
        if limit is not None and used > limit:
            raise ApiError(400, f"Cannot start lab {lab.id}: resource pool {pool.label} has not enough {name}.")
