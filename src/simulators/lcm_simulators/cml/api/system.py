"""What the controller says about itself: version, health, statistics, diagnostics."""

from __future__ import annotations

from collections.abc import Callable

from lcm_simulators.cml.api.lookup import Body
from lcm_simulators.cml.api.router import route
from lcm_simulators.cml.lab import statistics
from lcm_simulators.cml.lab.builder import OUI
from lcm_simulators.cml.model import State
from lcm_simulators.cml.routing import Answer, ApiError, Call


@route("GET", "/system_information", public=True, early=True)
def system_information(call: Call) -> object:
    """Version and readiness; the first call of every client, without a token."""
    config = call.controller.config
    body: dict[str, object] = {
        "version": config.version, "ready": call.controller.ready, "allow_ssh_pubkey_auth": False,
        "oui": f"{OUI}:00:00:00",
    }  # fmt: skip
    return body | {"timeout": 10, "features": []} if config.release >= (2, 10) else body


@route("GET", "/system_health", early=True)
def system_health(call: Call) -> object:
    """Health of the host; users who are no administrators see less."""
    controller = call.controller
    ready = controller.ready
    body: dict[str, object] = {
        "valid": ready, "is_licensed": controller.licensing.valid,
        "is_enterprise": controller.licensing.state.product != "CML_Free" and "Personal" not in
        controller.licensing.state.product,
    }  # fmt: skip
    if not call.caller.admin:
        return body | {"computes": {}, "controller": {"valid": ready}}
    compute: dict[str, object] = {
        "kvm_vmx_enabled": True, "enough_cpus": controller.config.cpus >= 4, "lld_connected": ready,
        "lld_synced": ready, "libvirt": True, "fabric": True, "device_mux": True, "docker_shim": True,
        "refplat_images_available": True, "valid": ready,
        "admission_state": controller.state.preferences.host_admission, "is_controller": True,
        "hostname": f"cml-{controller.instance_id}",
    }  # fmt: skip
    core: dict[str, object] = {"core_connected": True, "nodes_loaded": ready, "images_loaded": ready, "valid": ready}
    if controller.config.release >= (2, 10):
        load = statistics.load_of(controller)
        compute |= {
            "cpu_overload": load.cpu_percent > 95, "memory_overload": load.memory_percent > 95,
            "disk_overload": load.storage_percent > 95,
        }  # fmt: skip
        core |= dict.fromkeys(("airhandler", "dispatcher", "ipsnooper", "pcapdemux"), True)
    return body | {"computes": {controller.state.compute_id: compute}, "controller": core}


@route("GET", "/system_stats", early=True)
def system_stats(call: Call) -> object:
    """CPU, memory, disk and node counts of the host."""
    return statistics.system_stats(call.controller)


class Telemetry(Body):
    """The telemetry choice."""

    opt_in: str


@route("GET", "/telemetry")
def telemetry(call: Call) -> object:
    """Whether telemetry is on."""
    choice = call.controller.state.preferences.telemetry
    return {"opt_in": choice, "show_modal": choice == "unset"}


@route("PUT", "/telemetry")
def set_telemetry(call: Call) -> object:
    """Choose; upper case is accepted because the vendor's client sends it."""
    call.require_admin()
    choice = call.read(Telemetry).opt_in.lower()
    if choice not in {"accepted", "declined", "unset"}:
        raise ApiError(400, f"Unknown telemetry choice: {choice}.")
    call.controller.state.preferences.telemetry = choice
    call.controller.changed()
    return telemetry(call)


@route("GET", "/telemetry/events")
def telemetry_events(call: Call) -> object:
    """Nothing is ever collected here."""
    return []


@route("POST", "/feedback")
def feedback(call: Call) -> object:
    """Accepted and dropped."""
    return Answer(status=201, body=None)


@route("GET", "/diagnostics/{category}")
def diagnostics(call: Call) -> object:
    """One category of internal figures."""
    call.require_admin()
    category = call.params["category"]
    modern = call.controller.config.release >= (2, 10)
    reader = _DIAGNOSTICS.get(category)
    if reader is None or (category in _MODERN_ONLY and not modern):
        raise ApiError(404, f"Unknown diagnostics category: {category}")
    return reader(call)


def _computes(call: Call) -> object:
    stats = statistics.system_stats(call.controller)
    return stats["computes"]


def _labs(call: Call) -> object:
    return {
        lab.id: {
            "created": lab.created, "state": lab.state, "owner": lab.owner, "allocated_nodes": len(lab.nodes),
            "nodes": {node.id: {"label": node.label, "state": node.state} for node in lab.nodes.values()},
        }
        for lab in call.controller.labs.values()
    }  # fmt: skip


def _lab_events(call: Call) -> object:
    return {lab_id: call.controller.events.history(lab_id) for lab_id in call.controller.labs}


def _launch_queue(call: Call) -> object:
    now = call.controller.clock.time()
    queue: list[object] = []
    for lab in call.controller.labs.values():
        for node in lab.nodes.values():
            if node.state is State.QUEUED:
                definition = call.controller.definition(node.node_definition)
                queue.append({
                    "node_id": node.id, "lab_id": lab.id, "user_id": lab.owner,
                    "queued_time": now - node.times.get(State.QUEUED, now), "priority": node.priority,
                    "dependencies": [],
                    "resource_requirements": {
                        "cpus": node.cpus or definition.cpus, "cpu_limit": node.cpu_limit or 100,
                        "cpu_points": None, "ram": node.ram or definition.ram, "disk": 0,
                    },
                })  # fmt: skip
    return queue


def _licensing(call: Call) -> object:
    controller = call.controller
    limit, started = controller.licensing.node_limit, controller.running_nodes()
    return {"quota": limit, "started": started, "user_quota": limit, "user_started": started}


def _startup(call: Call) -> object:
    names = ("licensing_loaded", "core_driver_connected", "node_definitions_loaded", "lld_connected", "lld_synced")
    return dict.fromkeys((*names, "system_ready"), call.controller.ready)


def _definitions(call: Call) -> object:
    counts: dict[str, int] = {}
    for lab in call.controller.labs.values():
        for node in lab.nodes.values():
            counts[node.node_definition] = counts.get(node.node_definition, 0) + 1
    return counts


def _users(call: Call) -> object:
    return [{"id": user.id, "username": user.username} for user in call.controller.state.users.values()]


_MODERN_ONLY = frozenset({"dispatcher", "licensing_status"})
_DIAGNOSTICS: dict[str, Callable[[Call], object]] = {
    "computes": _computes,
    "labs": _labs,
    "lab_events": _lab_events,
    "node_launch_queue": _launch_queue,
    "services": lambda call: {"dispatcher": call.controller.ready, "termws": call.controller.ready},
    "node_definitions": _definitions,
    "user_list": _users,
    "licensing": _licensing,
    "startup_scheduler": _startup,
    "dispatcher": lambda call: {"running": call.controller.ready},
    "licensing_status": lambda call: {"valid": call.controller.licensing.valid},
}
