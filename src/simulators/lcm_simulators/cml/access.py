"""Who may do what with a lab."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lcm_simulators.cml.model import Lab, User
from lcm_simulators.cml.routing import ApiError

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller

ALL = ("lab_view", "lab_edit", "lab_exec", "lab_admin")


def permissions(controller: Controller, lab: Lab, user: User) -> list[str]:
    """Effective permissions: all for the owner and administrators, else what associations grant."""
    if user.admin or lab.owner == user.id:
        return list(ALL)
    granted: set[str] = set()
    for association in lab.users:
        if association.id == user.id:
            granted |= set(association.permissions)
    for association in lab.groups:
        group = controller.state.groups.get(association.id)
        if group is not None and user.id in group.members:
            granted |= set(association.permissions)
    for association in user.associations:
        if association.id == lab.id:
            granted |= set(association.permissions)
    for group in controller.state.groups.values():
        if user.id in group.members:
            for association in group.associations:
                if association.id == lab.id:
                    granted |= set(association.permissions)
    return [permission for permission in ALL if permission in granted]


def lab_for(controller: Controller, lab_id: str, user: User, permission: str = "lab_view") -> Lab:
    """A lab that the user may use in this way; 404 when it is invisible, 403 when it is only not allowed."""
    lab = controller.lab(lab_id)
    held = permissions(controller, lab, user)
    if not held:
        raise ApiError(404, f"Lab not found: {lab_id}")
    if permission not in held and "lab_admin" not in held:
        raise ApiError(403, f"Access denied: {permission} is required for lab {lab_id}.")
    return lab


def visible_labs(controller: Controller, user: User, show_all: bool) -> list[Lab]:
    """Own labs, or with `show_all` every lab that the user may see."""
    if show_all:
        return [lab for lab in controller.labs.values() if permissions(controller, lab, user)]
    return [lab for lab in controller.labs.values() if lab.owner == user.id]
