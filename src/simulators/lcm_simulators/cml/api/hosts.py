"""Compute hosts, notices and maintenance mode."""

from __future__ import annotations

from typing import Any, Literal
from uuid import uuid4

from pydantic import Field

from lcm_simulators.cml.api.lookup import Body
from lcm_simulators.cml.api.router import route
from lcm_simulators.cml.lab.statistics import node_counts
from lcm_simulators.cml.routing import NO_CONTENT, ApiError, Call

Admission = Literal["UNREGISTERED", "REGISTERED", "ONLINE", "READY"]
_ALLOWED: dict[str, frozenset[str]] = {
    "UNREGISTERED": frozenset({"REGISTERED"}),
    "REGISTERED": frozenset({"UNREGISTERED", "ONLINE", "READY"}),
    "ONLINE": frozenset({"REGISTERED", "READY"}),
    "READY": frozenset({"REGISTERED", "ONLINE"}),
}
"""Changes of the admission state of a compute host, by the state it leaves."""


class HostChange(Body):
    """A wanted admission state."""

    admission_state: Admission


class HostDefault(Body):
    """The state that new hosts get."""

    admission_state: Literal["REGISTERED", "READY"]


class NoticeBody(Body):
    """What may be said about a notice."""

    level: Literal["INFO", "SUCCESS", "WARNING", "ERROR"] | None = None
    label: str | None = Field(default=None, max_length=128)
    content: str | None = Field(default=None, max_length=8192)
    enabled: bool | None = None
    acknowledged: dict[str, bool] | bool | None = None
    groups: list[str] | None = None


class Maintenance(Body):
    """The mode, or the notice that goes with it."""

    maintenance_mode: bool | None = None
    notice: str | None = None


def _host_view(call: Call) -> dict[str, object]:
    controller = call.controller
    return {
        "id": controller.state.compute_id, "server_address": "fe80::1%cluster",
        "hostname": f"cml-{controller.instance_id}", "is_simulator": True, "is_connector": True,
        "admission_state": controller.state.preferences.host_admission, "node_counts": node_counts(controller),
        "is_connected": controller.ready, "is_synced": controller.ready,
    }  # fmt: skip


def _require_host(call: Call) -> None:
    if call.uuid("host") != call.controller.state.compute_id:
        raise ApiError(404, f"Compute host not found: {call.params['host']}")


@route("GET", "/system/compute_hosts/configuration")
def host_configuration(call: Call) -> object:
    """The state that new hosts get."""
    return {"admission_state": call.controller.state.preferences.new_host_admission}


@route("PATCH", "/system/compute_hosts/configuration")
def change_host_configuration(call: Call) -> object:
    """Change the state that new hosts get."""
    call.require_admin()
    call.controller.state.preferences.new_host_admission = call.read(HostDefault).admission_state
    call.controller.changed()
    return host_configuration(call)


@route("GET", "/system/compute_hosts")
def list_hosts(call: Call) -> object:
    """The one host that a controller without a cluster has."""
    return [_host_view(call)]


@route("GET", "/system/compute_hosts/{host}")
def get_host(call: Call) -> object:
    """One host."""
    _require_host(call)
    return _host_view(call)


@route("PATCH", "/system/compute_hosts/{host}")
def change_host(call: Call) -> object:
    """Move a host to another admission state; 409 for a step that does not exist."""
    call.require_admin()
    _require_host(call)
    preferences, wanted = call.controller.state.preferences, call.read(HostChange).admission_state
    if wanted != preferences.host_admission and wanted not in _ALLOWED[preferences.host_admission]:
        raise ApiError(409, f"Compute host cannot go from {preferences.host_admission} to {wanted}.")
    preferences.host_admission = wanted
    call.controller.changed()
    return _host_view(call)


@route("DELETE", "/system/compute_hosts/{host}")
def delete_host(call: Call) -> object:
    """Refused: the only host is the controller itself."""
    call.require_admin()
    _require_host(call)
    raise ApiError(409, "Compute host must be UNREGISTERED and not the controller to be removed.")


@route("GET", "/system/notices")
def list_notices(call: Call) -> object:
    """All notices."""
    return list(call.controller.state.notices.values())


@route("POST", "/system/notices")
def create_notice(call: Call) -> object:
    """A notice for everybody or for groups."""
    call.require_admin()
    notice: dict[str, object] = {
        "id": str(uuid4()), "level": "INFO", "label": "Notice", "content": "", "enabled": True,
        "acknowledged": {}, "groups": [],
    }  # fmt: skip
    return _change_notice(call, notice, call.read(NoticeBody))


def _change_notice(call: Call, notice: dict[str, object], body: NoticeBody) -> dict[str, object]:
    changes: dict[str, Any] = body.model_dump(exclude_unset=True, exclude_none=True)
    acknowledged = changes.pop("acknowledged", None)
    if isinstance(acknowledged, bool):
        acknowledged = {call.caller.id: acknowledged}
    if changes:
        call.require_admin()
    notice.update(changes)
    if acknowledged is not None:
        known = notice["acknowledged"]
        notice["acknowledged"] = {**(known if isinstance(known, dict) else {}), **acknowledged}
    call.controller.state.notices[str(notice["id"])] = notice
    call.controller.changed()
    return notice


def _notice(call: Call) -> dict[str, object]:
    notice = call.controller.state.notices.get(call.uuid("notice"))
    if notice is None:
        raise ApiError(404, f"System notice not found: {call.params['notice']}")
    return notice


@route("GET", "/system/notices/{notice}")
def get_notice(call: Call) -> object:
    """One notice."""
    return _notice(call)


@route("PATCH", "/system/notices/{notice}")
def change_notice(call: Call) -> object:
    """Change a notice; everybody may acknowledge it."""
    return _change_notice(call, _notice(call), call.read(NoticeBody))


@route("DELETE", "/system/notices/{notice}")
def delete_notice(call: Call) -> object:
    """Remove a notice, also from the maintenance mode."""
    call.require_admin()
    notice = _notice(call)
    del call.controller.state.notices[str(notice["id"])]
    if call.controller.state.preferences.maintenance_notice == notice["id"]:
        call.controller.state.preferences.maintenance_notice = None
    call.controller.changed()
    return NO_CONTENT


@route("GET", "/system/maintenance_mode", public=True)
def maintenance_mode(call: Call) -> object:
    """The mode with its notice."""
    preferences = call.controller.state.preferences
    return {
        "maintenance_mode": preferences.maintenance,
        "notice": preferences.maintenance_notice,
        "resolved_notice": call.controller.state.notices.get(preferences.maintenance_notice or ""),
    }


@route("PATCH", "/system/maintenance_mode")
def change_maintenance_mode(call: Call) -> object:
    """Change either."""
    call.require_admin()
    preferences, body = call.controller.state.preferences, call.read(Maintenance)
    if body.maintenance_mode is not None:
        preferences.maintenance = body.maintenance_mode
    if "notice" in body.model_fields_set:
        if body.notice is not None and body.notice not in call.controller.state.notices:
            raise ApiError(404, f"System notice not found: {body.notice}")
        preferences.maintenance_notice = body.notice
    call.controller.changed()
    return maintenance_mode(call)
