"""Who else may use a lab: associations of users and groups, and the older list of groups."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, TypeAdapter

from lcm_simulators.cml.api.lookup import ADMIN, Body, Permission, lab_of
from lcm_simulators.cml.api.router import route
from lcm_simulators.cml.lab import builder, views
from lcm_simulators.cml.model import Association, Lab
from lcm_simulators.cml.routing import Call

LEGACY: dict[str, tuple[str, ...]] = {
    "read_only": ("lab_view",),
    "read_write": ("lab_admin", "lab_edit", "lab_exec", "lab_view"),
}
"""Permissions behind the two words that groups of a lab had before there were associations."""


class AssociationBody(Body):
    """Permissions of one user or group."""

    id: str
    permissions: list[Permission] = Field(default_factory=list)


class Associations(Body):
    """Who else may use a lab."""

    groups: list[AssociationBody] | None = None
    users: list[AssociationBody] | None = None


class LegacyGroup(Body):
    """A group of a lab before there were associations."""

    id: str
    permission: Literal["read_only", "read_write"] = "read_only"


_GROUPS = TypeAdapter(list[LegacyGroup])


def associate(lab: Lab, body: Associations) -> None:
    """Replace one or both lists."""
    if body.groups is not None:
        lab.groups = [Association(entry.id, list(entry.permissions)) for entry in body.groups]
    if body.users is not None:
        lab.users = [Association(entry.id, list(entry.permissions)) for entry in body.users]


def associate_groups(lab: Lab, groups: list[LegacyGroup]) -> None:
    """Replace the groups as the older form says."""
    lab.groups = [Association(group.id, list(LEGACY[group.permission])) for group in groups]


@route("GET", "/labs/{lab}/associations")
def get_associations(call: Call) -> object:
    """Who else may use the lab."""
    lab = lab_of(call)
    return {
        "groups": [{"id": entry.id, "permissions": entry.permissions} for entry in lab.groups],
        "users": [{"id": entry.id, "permissions": entry.permissions} for entry in lab.users],
    }


@route("PATCH", "/labs/{lab}/associations")
def change_associations(call: Call) -> object:
    """Replace one or both lists."""
    lab = lab_of(call, ADMIN)
    associate(lab, call.read(Associations))
    builder.touch(call.controller, lab)
    return get_associations(call)


@route("GET", "/labs/{lab}/groups")
def lab_groups(call: Call) -> object:
    """Groups of a lab with the two permissions that older clients know."""
    return views.groups_view(lab_of(call))


@route("PUT", "/labs/{lab}/groups")
def change_lab_groups(call: Call) -> object:
    """Replace the groups of a lab, the older way."""
    lab = lab_of(call, ADMIN)
    associate_groups(lab, call.read_as(_GROUPS))
    builder.touch(call.controller, lab)
    return views.groups_view(lab)
