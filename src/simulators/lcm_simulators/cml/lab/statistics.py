"""Load figures: what nodes use, what the host has left. Deterministic: the same nodes give the same figures."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lcm_simulators.cml.model import MOVING, POWERED, RUNNING, Lab, Node, State

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller

MEBI = 1 << 20
GIBI = 1 << 30
BASE_CPU_PERCENT = 1.5
BASE_MEMORY_SHARE = 0.03
BASE_DISK_GB = 18.0
NODE_DISK_GB = 0.4
BOOTING_SHARE = 0.7
BYTES_PER_LINK_MINUTE = 48_000


@dataclass(frozen=True, slots=True)
class Load:
    """The load of one controller's host; network figures are bytes per minute."""

    cpu_percent: float
    memory_percent: float
    storage_percent: float
    network_in: int
    network_out: int
    running_nodes: int
    running_labs: int


def _idle_share(node: Node) -> float:
    """How much of its CPUs a booted node uses: 2 to 10 percent, fixed per node."""
    return 0.02 + hashlib.sha256(node.id.encode()).digest()[0] / 255 * 0.08


def node_cpu_share(node: Node) -> float:
    """Used share of the node's own CPUs, 0 to 1."""
    if node.state is State.BOOTED:
        return _idle_share(node)
    return BOOTING_SHARE if node.state is State.STARTED else 0.0


def load_of(controller: Controller) -> Load:
    """The figures of now; all zero while the host is off."""
    if not controller.state.powered:
        return Load(0.0, 0.0, 0.0, 0, 0, 0, 0)
    cpus, memory_mb, disk_gb = 0.0, 0.0, BASE_DISK_GB
    nodes = labs = links = 0
    for lab in controller.labs.values():
        running = 0
        for node in lab.nodes.values():
            if node.state is State.DEFINED:
                continue
            definition = controller.definition(node.node_definition)
            if definition.simulated:
                disk_gb += NODE_DISK_GB
            if node.state not in RUNNING:
                continue
            running += 1
            if definition.simulated and node.state in POWERED:
                cpus += (node.cpus or definition.cpus or 1) * node_cpu_share(node)
                memory_mb += node.ram or definition.ram or 0
        nodes += running
        labs += bool(running)
        links += sum(link.state is State.STARTED for link in lab.links.values()) if running else 0
    config = controller.config
    base = config.memory_mb * BASE_MEMORY_SHARE
    return Load(
        round(min(100.0, BASE_CPU_PERCENT + 100 * cpus / config.cpus), 2),
        round(min(100.0, 100 * (base + memory_mb) / config.memory_mb), 2),
        round(min(100.0, 100 * disk_gb / config.disk_gb), 2),
        20_000 + links * BYTES_PER_LINK_MINUTE,
        35_000 + links * BYTES_PER_LINK_MINUTE // 2,
        nodes,
        labs,
    )


def system_stats(controller: Controller) -> dict[str, object]:
    """The body of `GET /system_stats`."""
    config, load = controller.config, load_of(controller)
    memory = _filled(config.memory_mb * MEBI, load.memory_percent)
    disk = _filled(config.disk_gb * GIBI, load.storage_percent)
    average = round(config.cpus * load.cpu_percent / 100, 2)
    cpu = {
        "count": config.cpus, "percent": load.cpu_percent, "model": "Intel(R) Xeon(R) Platinum 8252C CPU @ 3.80GHz",
        "hyperthreading": True, "predicted": load.cpu_percent, "load": [average, average, average],
    }  # fmt: skip
    stats = {"cpu": cpu, "memory": memory, "disk": disk, "dominfo": _domains(controller)}
    hostname = f"cml-{controller.instance_id}"
    return {
        "computes": {
            controller.state.compute_id: {"hostname": hostname, "is_controller": True, "stats": stats},
        },
        "all": {"cpu": {"count": config.cpus, "percent": load.cpu_percent}, "memory": memory, "disk": disk},
        "controller": {"disk": disk},
    }


def node_counts(controller: Controller) -> dict[str, int]:
    """Nodes that have a disk on this compute, and those that run."""
    total = running = 0
    for lab in controller.labs.values():
        for node in lab.nodes.values():
            if controller.definition(node.node_definition).simulated:
                total += node.state is not State.DEFINED
                running += node.state in POWERED
    return {"total_nodes": total, "running_nodes": running, "total_orphans": 0, "running_orphans": 0}


def _domains(controller: Controller) -> dict[str, object]:
    cpus = memory_kib = 0
    for lab in controller.labs.values():
        for node in lab.nodes.values():
            if node.state in POWERED:
                definition = controller.definition(node.node_definition)
                cpus += node.cpus or definition.cpus or 0
                memory_kib += (node.ram or definition.ram or 0) * 1024
    return {**node_counts(controller), "allocated_cpus": cpus, "allocated_memory": memory_kib}


def _filled(total: int, percent: float) -> dict[str, int]:
    used = int(total * percent / 100)
    return {"used": used, "free": total - used, "total": total}


def simulation_stats(controller: Controller, lab: Lab) -> dict[str, object]:
    """The body of `GET /labs/{lab}/simulation_stats`: only what runs is in it."""
    now = controller.clock.time()
    nodes = {
        node.id: _node_stats(controller, node, now) for node in lab.nodes.values() if node.state in MOVING | POWERED
    }
    links: dict[str, object] = {}
    for link in lab.links.values():
        if link.state is State.STARTED:
            began = max(lab.nodes[end].times.get(State.STARTED, now) for end in (link.node_a, link.node_b))
            packets = int(max(0.0, now - began) * 2)
            links[link.id] = {
                "readbytes": packets * 90, "readpackets": packets, "writebytes": packets * 92,
                "writepackets": packets, "drops": 0,
            }  # fmt: skip
    return {"nodes": nodes, "links": links}


def _node_stats(controller: Controller, node: Node, now: float) -> dict[str, object]:
    definition = controller.definition(node.node_definition)
    since = now - node.times.get(State.STARTED, now)
    stats: dict[str, object] = {
        "cpu_usage": round(100 * node_cpu_share(node), 2),
        "block0_rd_bytes": int(min(since, 120.0) * 400_000),
        "block0_wr_bytes": int(since * 2_000),
        "times": {state: max(0, int(now - at)) for state, at in node.times.items()},
    }
    if controller.config.release >= (2, 10):
        ram = node.ram or definition.ram or 0
        stats |= {
            "ram_usage": round(ram * 0.6), "disk_usage": NODE_DISK_GB, "cpus": node.cpus or definition.cpus or 0,
            "cpu_limit": node.cpu_limit or 100, "ram": ram, "is_running": node.state in POWERED,
        }  # fmt: skip
    return stats
