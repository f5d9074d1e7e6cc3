"""Keys of consoles and screens, and what consoles have printed."""

from __future__ import annotations

from collections.abc import Iterator

from lcm_simulators.cml.api.lookup import node_of
from lcm_simulators.cml.api.router import route
from lcm_simulators.cml.model import Lab, Node, State
from lcm_simulators.cml.routing import ApiError, Call

MOST_CONSOLES = 64


@route("GET", "/labs/{lab}/nodes/{node}/keys/console")
def console_key(call: Call) -> object:
    """The key of one serial line."""
    _, node = node_of(call)
    line = call.query.get("line") or "0"
    if not line.isdigit() or int(line) >= len(node.console_keys):
        raise ApiError(404, f"Node {node.id} has no console {line}.")
    return node.console_keys[int(line)]


@route("GET", "/labs/{lab}/nodes/{node}/keys/vnc")
def vnc_key(call: Call) -> object:
    """The key of the screen."""
    _, node = node_of(call)
    if node.vnc_key is None:
        raise ApiError(404, f"Node {node.id} has no VNC console.")
    return node.vnc_key


@route("GET", "/labs/{lab}/nodes/{node}/consoles/{console}/log")
def console_log(call: Call) -> object:
    """What a serial line has printed."""
    lab, node = node_of(call)
    console, lines = call.params["console"], call.query.get("lines") or ""
    definition = call.controller.definition(node.node_definition)
    known = console.isdigit() and int(console) < min(MOST_CONSOLES, definition.serial_ports)
    if not known or node.state is State.DEFINED:
        raise ApiError(404, f"Node {node.id} has no log of console {console}.")
    text = call.controller.devices.console_log(lab, node, int(console))
    if lines.isdigit():
        text = "\n".join(text.splitlines()[-int(lines) :])
    return text


def _nodes(call: Call) -> Iterator[tuple[Lab, Node]]:
    """Nodes of one's own labs, or of all for an administrator who asks with `show_all`."""
    everything = call.caller.admin and bool(call.flag("show_all"))
    for lab in call.controller.labs.values():
        if everything or lab.owner == call.caller.id:
            for node in lab.nodes.values():
                yield lab, node


@route("GET", "/keys/console")
def console_keys(call: Call) -> object:
    """Console keys of the running nodes that the caller may use."""
    return {
        key: {"lab_id": lab.id, "node_id": node.id, "label": node.label, "line": line}
        for lab, node in _nodes(call)
        for line, key in enumerate(node.console_keys)
    }


@route("GET", "/keys/vnc")
def vnc_keys(call: Call) -> object:
    """Keys of the screens of running nodes that the caller may use."""
    return {
        node.vnc_key: {"lab_id": lab.id, "node_id": node.id, "label": node.label}
        for lab, node in _nodes(call)
        if node.vnc_key is not None
    }
