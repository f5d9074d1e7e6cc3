"""Interfaces and links, and link conditioning."""

from __future__ import annotations

from pydantic import Field

from lcm_simulators.cml.api.lookup import EDIT, EXEC, Body, interface_of, lab_of, link_of
from lcm_simulators.cml.api.router import route
from lcm_simulators.cml.lab import builder, views
from lcm_simulators.cml.model import State
from lcm_simulators.cml.routing import NO_CONTENT, ApiError, Call


class InterfaceBody(Body):
    """A new interface."""

    node: str
    slot: int | None = Field(default=None, ge=0, le=128)
    mac_address: str | None = Field(default=None, pattern=r"^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$")


class MacBody(Body):
    """What may be changed of an interface."""

    mac_address: str | None = Field(default=None, pattern=r"^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$")


class LinkBody(Body):
    """A new link."""

    src_int: str
    dst_int: str


class Condition(Body):
    """Properties of a link; milliseconds, kilobits per second and percent."""

    enabled: bool | None = None
    bandwidth: int | None = Field(default=None, ge=0, le=10_000_000)
    latency: int | None = Field(default=None, ge=0, le=10_000)
    jitter: int | None = Field(default=None, ge=0, le=10_000)
    limit: int | None = Field(default=None, ge=0, le=10_000)
    gap: int | None = Field(default=None, ge=0, le=10_000)
    loss: float | None = Field(default=None, ge=0, le=100)
    loss_corr: float | None = Field(default=None, ge=0, le=100)
    delay_corr: float | None = Field(default=None, ge=0, le=100)
    duplicate: float | None = Field(default=None, ge=0, le=100)
    duplicate_corr: float | None = Field(default=None, ge=0, le=100)
    reorder_prob: float | None = Field(default=None, ge=0, le=100)
    reorder_corr: float | None = Field(default=None, ge=0, le=100)
    corrupt_prob: float | None = Field(default=None, ge=0, le=100)
    corrupt_corr: float | None = Field(default=None, ge=0, le=100)


@route("POST", "/labs/{lab}/interfaces")
def create_interface(call: Call) -> object:
    """The next free interface, or all up to a slot."""
    lab, body = lab_of(call, EDIT), call.read(InterfaceBody)
    node = lab.nodes.get(body.node)
    if node is None:
        raise ApiError(404, f"Node not found: {body.node}")
    if body.slot is None:
        made = builder.next_free(call.controller, lab, node)
        made.mac_address = body.mac_address or made.mac_address
        return views.interface_view(call.controller, lab, made)
    interfaces = builder.fill_slots(call.controller, lab, node, body.slot)
    if body.mac_address:
        interfaces[-1].mac_address = interfaces[-1].generated_mac = body.mac_address
    return [views.interface_view(call.controller, lab, interface) for interface in interfaces]


@route("GET", "/labs/{lab}/interfaces")
def list_interfaces(call: Call) -> object:
    """All interfaces of the lab."""
    lab = lab_of(call)
    return [views.interface_view(call.controller, lab, interface) for interface in lab.interfaces.values()]


@route("GET", "/labs/{lab}/interfaces/{interface}")
def get_interface(call: Call) -> object:
    """One interface."""
    lab, interface = interface_of(call)
    return views.interface_view(call.controller, lab, interface)


@route("PATCH", "/labs/{lab}/interfaces/{interface}")
def change_interface(call: Call) -> object:
    """Set the hardware address."""
    (lab, interface), body = interface_of(call, EDIT), call.read(MacBody)
    if lab.nodes[interface.node].state is not State.DEFINED:
        raise ApiError(400, f"Node {interface.node}: physical configuration locked")
    interface.mac_address = body.mac_address
    interface.generated_mac = body.mac_address or interface.generated_mac
    builder.touch(call.controller, lab)
    return views.interface_view(call.controller, lab, interface)


@route("DELETE", "/labs/{lab}/interfaces/{interface}")
def delete_interface(call: Call) -> object:
    """Remove an interface and its link."""
    lab, interface = interface_of(call, EDIT)
    builder.remove_interface(call.controller, lab, interface)
    return NO_CONTENT


@route("GET", "/labs/{lab}/interfaces/{interface}/state")
def interface_state(call: Call) -> object:
    """The state of an interface."""
    _, interface = interface_of(call)
    return {"label": interface.label, "state": interface.state}


@route("PUT", "/labs/{lab}/interfaces/{interface}/state/start")
def start_interface(call: Call) -> object:
    """Plug it in."""
    lab, interface = interface_of(call, EXEC)
    call.controller.lifecycle.set_interface_stopped(lab, interface, stopped=False)
    return NO_CONTENT


@route("PUT", "/labs/{lab}/interfaces/{interface}/state/stop")
def stop_interface(call: Call) -> object:
    """Pull it out."""
    lab, interface = interface_of(call, EXEC)
    call.controller.lifecycle.set_interface_stopped(lab, interface, stopped=True)
    return NO_CONTENT


@route("POST", "/labs/{lab}/links")
def create_link(call: Call) -> object:
    """Connect two interfaces."""
    lab, body = lab_of(call, EDIT), call.read(LinkBody)
    ends = [lab.interfaces.get(name) for name in (body.src_int, body.dst_int)]
    if ends[0] is None or ends[1] is None:
        missing = body.src_int if ends[0] is None else body.dst_int
        raise ApiError(404, f"Interface not found: {missing}")
    link = builder.add_link(call.controller, lab, ends[0], ends[1])
    return views.link_view(lab, link)


@route("GET", "/labs/{lab}/links")
def list_links(call: Call) -> object:
    """Ids, or whole links with `data`."""
    lab = lab_of(call)
    return [views.link_view(lab, link) for link in lab.links.values()] if call.flag("data") else list(lab.links)


@route("GET", "/labs/{lab}/links/{link}")
def get_link(call: Call) -> object:
    """One link."""
    return views.link_view(*link_of(call))


@route("DELETE", "/labs/{lab}/links/{link}")
def delete_link(call: Call) -> object:
    """Disconnect."""
    lab, link = link_of(call, EDIT)
    builder.remove_link(call.controller, lab, link)
    return NO_CONTENT


@route("PUT", "/labs/{lab}/links/{link}/state/start")
def start_link(call: Call) -> object:
    """Take a link up."""
    lab, link = link_of(call, EXEC)
    call.controller.lifecycle.set_link_stopped(lab, link, stopped=False)
    return NO_CONTENT


@route("PUT", "/labs/{lab}/links/{link}/state/stop")
def stop_link(call: Call) -> object:
    """Take a link down."""
    lab, link = link_of(call, EXEC)
    call.controller.lifecycle.set_link_stopped(lab, link, stopped=True)
    return NO_CONTENT


@route("GET", "/labs/{lab}/links/{link}/check_if_converged")
def link_converged(call: Call) -> object:
    """Links follow their ends at once."""
    lab, link = link_of(call)
    return call.controller.lifecycle.converged([lab.nodes[link.node_a], lab.nodes[link.node_b]])


@route("GET", "/labs/{lab}/links/{link}/condition")
def get_condition(call: Call) -> object:
    """The properties in force."""
    _, link = link_of(call)
    stored = link.conditioning or {}
    return {**stored, "operational": stored if stored.get("enabled", bool(stored)) else {}}


@route("PATCH", "/labs/{lab}/links/{link}/condition")
def change_condition(call: Call) -> object:
    """Change some properties."""
    lab, link = link_of(call, EXEC)
    changes = call.read(Condition).model_dump(exclude_unset=True)
    merged = {"enabled": True, **(link.conditioning or {}), **changes}
    link.conditioning = {name: value for name, value in merged.items() if value is not None}
    builder.touch(call.controller, lab)
    return get_condition(call)


@route("DELETE", "/labs/{lab}/links/{link}/condition")
def delete_condition(call: Call) -> object:
    """Back to a plain wire."""
    lab, link = link_of(call, EXEC)
    if not link.conditioning:
        raise ApiError(400, f"Link {link.id} has no conditioning.")
    link.conditioning = None
    builder.touch(call.controller, lab)
    return NO_CONTENT
