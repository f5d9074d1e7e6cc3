"""Finding what a path names, with the permission checks that go with it."""

from __future__ import annotations

from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from lcm_simulators.cml.access import lab_for
from lcm_simulators.cml.model import Interface, Lab, Link, Node
from lcm_simulators.cml.routing import ApiError, Call

T = TypeVar("T")
Permission = Literal["lab_view", "lab_edit", "lab_exec", "lab_admin"]
VIEW, EDIT, EXEC, ADMIN = "lab_view", "lab_edit", "lab_exec", "lab_admin"


class Body(BaseModel):
    """Request bodies refuse unknown keys, as the real API does."""

    model_config = ConfigDict(extra="forbid")


def lab_of(call: Call, permission: str = VIEW) -> Lab:
    """The lab of the path."""
    return lab_for(call.controller, call.uuid("lab"), call.caller, permission)


def node_of(call: Call, permission: str = VIEW) -> tuple[Lab, Node]:
    """The lab and node of the path."""
    lab = lab_of(call, permission)
    return lab, _element(lab.nodes, "Node", call.uuid("node"))


def interface_of(call: Call, permission: str = VIEW) -> tuple[Lab, Interface]:
    """The lab and interface of the path."""
    lab = lab_of(call, permission)
    return lab, _element(lab.interfaces, "Interface", call.uuid("interface"))


def link_of(call: Call, permission: str = VIEW) -> tuple[Lab, Link]:
    """The lab and link of the path."""
    lab = lab_of(call, permission)
    return lab, _element(lab.links, "Link", call.uuid("link"))


def _element(elements: dict[str, T], kind: str, element_id: str) -> T:
    element = elements.get(element_id)
    if element is None:
        raise ApiError(404, f"{kind} not found: {element_id}")
    return element
