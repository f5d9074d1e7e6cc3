"""What lies outside of the labs: external connectors and sign-in services."""

from __future__ import annotations

from typing import Any, cast

from pydantic import TypeAdapter

from lcm_simulators.cml.api.lookup import EDIT, Body, lab_of
from lcm_simulators.cml.api.router import route
from lcm_simulators.cml.lab import builder
from lcm_simulators.cml.model import RUNNING, Lab, Node
from lcm_simulators.cml.routing import NO_CONTENT, ApiError, Call

_METHODS = ("local", "ldap", "radius", "oidc", "oauth2", "saml")
_OBJECT: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


class ConnectorChange(Body):
    """What may be changed of an external connector."""

    label: str | None = None
    protected: bool | None = None
    snooped: bool | None = None
    tags: list[str] | None = None


class Rescan(Body):
    """Whether the configured state is written to the host."""

    push_configured_state: bool = True


class Mapping(Body):
    """The device that a key of a lab leads to."""

    key: str
    device_name: str | None = None


_MAPPINGS: TypeAdapter[list[Mapping]] = TypeAdapter(list[Mapping])


def _connector(call: Call) -> dict[str, object]:
    connector = call.controller.state.connectors.get(call.uuid("connector"))
    if connector is None:
        raise ApiError(404, f"External connector not found: {call.params['connector']}")
    return connector


@route("GET", "/system/external_connectors")
def list_connectors(call: Call) -> object:
    """All connectors of the host."""
    return list(call.controller.state.connectors.values())


@route("PUT", "/system/external_connectors")
def rescan_connectors(call: Call) -> object:
    """Look at the host's bridges again."""
    call.require_admin()
    call.read(Rescan)
    return list_connectors(call)


@route("GET", "/system/external_connectors/{connector}")
def get_connector(call: Call) -> object:
    """One connector."""
    return _connector(call)


@route("PATCH", "/system/external_connectors/{connector}")
def change_connector(call: Call) -> object:
    """Change a connector; the host follows at once."""
    call.require_admin()
    connector, changes = _connector(call), call.read(ConnectorChange).model_dump(exclude_unset=True, exclude_none=True)
    connector.update(changes)
    operational = cast("dict[str, object]", connector["operational"])
    operational.update({key: value for key, value in changes.items() if key in operational})
    call.controller.changed()
    return connector


@route("DELETE", "/system/external_connectors/{connector}")
def delete_connector(call: Call) -> object:
    """Forget a connector."""
    call.require_admin()
    del call.controller.state.connectors[str(_connector(call)["id"])]
    call.controller.changed()
    return NO_CONTENT


def _key_of(node: Node) -> str:
    """What an external connector node asks for: the text of its configuration."""
    return (node.configuration[0].content.strip() if node.configuration else "") or "NAT"


def _connector_nodes(call: Call, lab: Lab) -> list[Node]:
    controller = call.controller
    return [
        node
        for node in lab.nodes.values()
        if controller.definition(node.node_definition).nature == "external_connector"
    ]


@route("GET", "/labs/{lab}/connector_mappings")
def connector_mappings(call: Call) -> object:
    """Where each external connector of the lab leads."""
    lab = lab_of(call)
    connectors = call.controller.state.connectors.values()
    rows = []
    for key in sorted({_key_of(node) for node in _connector_nodes(call, lab)} | lab.connector_mappings.keys()):
        device = lab.connector_mappings.get(key)
        found = next(
            (
                item
                for item in connectors
                if (item["device_name"] == device if device else key in {item["device_name"], item["label"]})
                or (device is None and key in cast("list[str]", item["tags"]))
            ),
            None,
        )
        rows.append(
            {
                "key": key,
                "device_name": found["device_name"] if found else device,
                "label": found["label"] if found else key,
                "tags": found["tags"] if found else [],
                "allowed": bool(found and found["allowed"]),
            }
        )
    return rows


@route("PATCH", "/labs/{lab}/connector_mappings")
def change_connector_mappings(call: Call) -> object:
    """Lead keys elsewhere; 409 for one that a running node uses."""
    lab, wanted = lab_of(call, EDIT), call.read_as(_MAPPINGS)
    busy = {_key_of(node) for node in _connector_nodes(call, lab) if node.state in RUNNING}
    for mapping in wanted:
        if mapping.key in busy:
            raise ApiError(409, f"Connector mapping {mapping.key} is used by a running node.")
    for mapping in wanted:
        lab.connector_mappings[mapping.key] = mapping.device_name
        call.controller.events.element(lab.id, "modified", "ConnectorMapping", mapping.key, mapping.model_dump())
    builder.touch(call.controller, lab)
    return connector_mappings(call)


@route("GET", "/system/auth/config")
def auth_config(call: Call) -> object:
    """The sign-in method with its settings."""
    call.require_admin()
    return call.controller.state.preferences.auth


@route("PATCH", "/system/auth/config")
def change_auth_config(call: Call) -> object:
    """Change the settings. Users go on to sign in locally: no directory is simulated."""
    call.require_admin()
    changes = call.read_as(_OBJECT)
    method = changes.get("method", call.controller.state.preferences.auth["method"])
    if method not in _METHODS:
        raise ApiError(400, f"Unknown authentication method: {method}.")
    call.controller.state.preferences.auth = {**call.controller.state.preferences.auth, **changes}
    call.controller.changed()
    return NO_CONTENT


@route("PUT", "/system/auth/config")
def replace_auth_config(call: Call) -> object:
    """Replace the settings."""
    call.require_admin()
    call.controller.state.preferences.auth = {"method": "local"}
    return change_auth_config(call)


@route("POST", "/system/auth/test")
def test_auth(call: Call) -> object:
    """Try settings with a user's name and password; only local ones can succeed."""
    call.require_admin()
    body = call.read_as(_OBJECT)
    settings = body.get("auth-config") or {}
    local = settings.get("method", "local") == "local"
    return {
        "user": {"auth_ok": local, "is_admin": False, "display_name": None, "email": None},
        "group": {"search_ok": local, "is_member": False},
    }


@route("GET", "/system/auth/groups")
def auth_groups(call: Call) -> object:
    """Groups of the directory: none."""
    call.require_admin()
    return []


@route("PUT", "/system/auth/refresh")
def refresh_auth(call: Call) -> object:
    """Look at the directory again."""
    call.require_admin()
    return NO_CONTENT
