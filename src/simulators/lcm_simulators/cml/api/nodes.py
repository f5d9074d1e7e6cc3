"""Nodes: make, change, start, stop, wipe, extract, console logs and keys."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from pydantic import Field

from lcm_simulators.cml.api.lookup import EDIT, EXEC, Body, lab_of, node_of
from lcm_simulators.cml.api.router import route
from lcm_simulators.cml.definitions import image_documents
from lcm_simulators.cml.lab import builder, smart_tags, views
from lcm_simulators.cml.model import ConfigFile, Lab, Node, State
from lcm_simulators.cml.routing import NO_CONTENT, ApiError, Call


class FileBody(Body):
    """One named configuration file."""

    name: str
    content: str


class NodeBody(Body):
    """What may be said about a node."""

    label: str | None = Field(default=None, min_length=1, max_length=128)
    node_definition: str | None = Field(default=None, min_length=1, max_length=250)
    image_definition: str | None = None
    x: int | None = None
    y: int | None = None
    ram: int | None = Field(default=None, ge=1)
    cpus: int | None = Field(default=None, ge=1, le=128)
    cpu_limit: int | None = Field(default=None, ge=20, le=100)
    data_volume: int | None = Field(default=None, ge=0, le=4096)
    boot_disk_size: int | None = Field(default=None, ge=0, le=4096)
    hide_links: bool | None = None
    tags: list[str] | None = None
    parameters: dict[str, str | None] | None = None
    configuration: str | list[FileBody] | FileBody | None = None
    priority: int | None = Field(default=None, ge=0, le=10_000)
    pyats: dict[str, str | None] | None = None
    pinned_compute_id: str | None = None
    resource_pool: str | None = None


_PLAIN = (
    "label", "image_definition", "x", "y", "ram", "cpus", "cpu_limit", "data_volume", "boot_disk_size", "hide_links",
    "tags", "parameters", "priority", "pyats", "pinned_compute_id",
)  # fmt: skip
_FIXED_WHILE_IT_EXISTS = frozenset(
    {"image_definition", "ram", "cpus", "cpu_limit", "data_volume", "boot_disk_size", "configuration"}
)


@route("POST", "/labs/{lab}/nodes")
def create_node(call: Call) -> object:
    """A node, with its usual interfaces on request."""
    lab, body = lab_of(call, EDIT), call.read(NodeBody)
    if body.label is None or body.node_definition is None:
        raise ApiError(400, "A node needs a label and a node_definition.")
    if not call.controller.has_definition(body.node_definition):
        raise ApiError(400, f"Unknown node definition: {body.node_definition}")
    node = Node(str(uuid4()), body.label, body.node_definition)
    _apply(call, lab, node, body)
    builder.add_node(call.controller, lab, node, configured=body.configuration is not None)
    if call.flag("populate_interfaces"):
        builder.populate(call.controller, lab, node)
    return {"id": node.id}


@route("GET", "/labs/{lab}/nodes")
def list_nodes(call: Call) -> object:
    """Ids, or whole nodes with `data`."""
    lab = lab_of(call)
    if not call.flag("data"):
        return list(lab.nodes)
    exclude = call.flag("exclude_configurations")
    return [
        views.node_view(call.controller, lab, node, exclude, call.flag("operational")) for node in lab.nodes.values()
    ]


@route("GET", "/labs/{lab}/nodes/{node}")
def get_node(call: Call) -> object:
    """One node."""
    lab, node = node_of(call)
    return views.node_view(call.controller, lab, node, call.flag("exclude_configurations"), call.flag("operational"))


@route("PATCH", "/labs/{lab}/nodes/{node}")
def change_node(call: Call) -> object:
    """Change a node; what its disk was made from cannot change while the disk exists."""
    (lab, node), body = node_of(call, EDIT), call.read(NodeBody)
    fixed = _FIXED_WHILE_IT_EXISTS & body.model_fields_set
    if fixed and node.state is not State.DEFINED:
        raise ApiError(400, f"Node {node.id} must be wiped before {', '.join(sorted(fixed))} can be changed.")
    if body.label is not None and any(o.label == body.label and o is not node for o in lab.nodes.values()):
        raise ApiError(400, f"Node label already exists: {body.label}")
    _apply(call, lab, node, body)
    smart_tags.refresh(lab)
    call.controller.events.element(lab.id, "modified", "Node", node.id, views.node_view(call.controller, lab, node))
    if body.tags is not None:
        call.controller.patty.refresh(lab, node)
    builder.touch(call.controller, lab)
    return node.id


def _apply(call: Call, lab: Lab, node: Node, body: NodeBody) -> None:
    del lab
    for name in _PLAIN:
        if name in body.model_fields_set:
            value: Any = getattr(body, name)
            if value is not None or name not in {"label", "x", "y", "hide_links", "tags", "parameters"}:
                setattr(node, name, value)
    if "configuration" not in body.model_fields_set or body.configuration is None:
        return
    definition = call.controller.definition(node.node_definition)
    if isinstance(body.configuration, str):
        name = node.configuration[0].name if node.configuration else definition.config_file or "Main"
        node.configuration = [ConfigFile(name, body.configuration)]
        return
    given = body.configuration if isinstance(body.configuration, list) else [body.configuration]
    known = {file.name: file for file in node.configuration}
    for file in given:
        # The client names the first file "Main", whatever the definition calls it.
        name = definition.config_file or file.name if file.name == "Main" else file.name
        known[name] = ConfigFile(name, file.content)
    node.configuration = list(known.values())


@route("DELETE", "/labs/{lab}/nodes/{node}")
def delete_node(call: Call) -> object:
    """Only a wiped node."""
    lab, node = node_of(call, EDIT)
    builder.remove_node(call.controller, lab, node)
    return NO_CONTENT


@route("GET", "/labs/{lab}/nodes/{node}/state")
def node_state(call: Call) -> object:
    """State and boot progress."""
    _, node = node_of(call)
    return {"label": node.label, "state": node.state, "progress": views.PROGRESS.get(node.state, "Not running")}


@route("PUT", "/labs/{lab}/nodes/{node}/state/start")
def start_node(call: Call) -> object:
    """Start one node."""
    lab, node = node_of(call, EXEC)
    call.controller.lifecycle.start_node(lab, node)
    return NO_CONTENT


@route("PUT", "/labs/{lab}/nodes/{node}/state/stop")
def stop_node(call: Call) -> object:
    """Stop one node."""
    lab, node = node_of(call, EXEC)
    call.controller.lifecycle.stop_node(lab, node)
    return NO_CONTENT


@route("PUT", "/labs/{lab}/nodes/{node}/wipe_disks")
def wipe_node(call: Call) -> object:
    """Discard the disk of one node."""
    lab, node = node_of(call, EXEC)
    call.controller.lifecycle.wipe_node(lab, node)
    return NO_CONTENT


@route("GET", "/labs/{lab}/nodes/{node}/check_if_converged")
def node_converged(call: Call) -> object:
    """Whether the node is not on its way up."""
    return call.controller.lifecycle.converged([node_of(call)[1]])


@route("PUT", "/labs/{lab}/nodes/{node}/extract_configuration")
def extract_configuration(call: Call) -> object:
    """Read the running configuration from the device into the node."""
    lab, node = node_of(call, EXEC)
    definition = call.controller.definition(node.node_definition)
    if not definition.extractable:
        raise ApiError(400, f"Node {node.id}: configurations of {definition.id} cannot be extracted.")
    if node.state is not State.BOOTED:
        raise ApiError(400, f"Node {node.id} is not booted: its configuration cannot be extracted.")
    content = call.controller.devices.running_configuration(lab, node)
    name = definition.config_file or "Main"
    others = [file for file in node.configuration if file.name != name]
    node.configuration = [ConfigFile(name, content), *others]
    builder.touch(call.controller, lab)
    return "Success"


@route("PUT", "/labs/{lab}/nodes/{node}/clone_image")
def clone_image(call: Call) -> object:
    """A new image definition from the disk of a stopped node (2.9)."""
    controller = call.controller
    if controller.config.release < (2, 9):
        raise ApiError(404, "Not Found")
    _, node = node_of(call, EXEC)
    definition = controller.definition(node.node_definition)
    if node.state is not State.STOPPED or definition.image is None:
        raise ApiError(400, f"Node {node.id} must be stopped and have a disk for its image to be cloned.")
    name = f"{definition.id}-clone-{uuid4().hex[:8]}"
    base = image_documents(definition)[0]
    image = base | {"id": name, "label": f"Clone of {node.label}", "disk_subfolder": name, "read_only": False}
    controller.state.image_definitions[name] = image
    controller.changed()
    return image


@route("GET", "/labs/{lab}/nodes/{node}/layer3_addresses")
def node_addresses(call: Call) -> object:
    """Addresses of a running node."""
    lab, node = node_of(call)
    return call.controller.devices.addresses(lab, node)


@route("DELETE", "/labs/{lab}/nodes/{node}/layer3_addresses")
def forget_node_addresses(call: Call) -> object:
    """Forget what was seen; addresses of a running node are seen again at once."""
    node_of(call, EDIT)
    return NO_CONTENT


@route("GET", "/labs/{lab}/nodes/{node}/interfaces")
def node_interfaces(call: Call) -> object:
    """Ids, or whole interfaces with `data`."""
    lab, node = node_of(call)
    if not call.flag("data"):
        return list(node.interfaces)
    return [views.interface_view(call.controller, lab, lab.interfaces[name]) for name in node.interfaces]


@route("GET", "/labs/{lab}/find/node/label/{label}")
def find_node(call: Call) -> object:
    """The node of a label."""
    lab = lab_of(call)
    for node in lab.nodes.values():
        if node.label == call.params["label"]:
            return views.node_view(call.controller, lab, node)
    raise ApiError(404, f"Node not found: {call.params['label']}")


@route("GET", "/labs/{lab}/find_all/node/tag/{tag}")
def find_tagged(call: Call) -> object:
    """The nodes with a tag."""
    lab = lab_of(call)
    return [
        views.node_view(call.controller, lab, node) for node in lab.nodes.values() if call.params["tag"] in node.tags
    ]


@route("GET", "/nodes")
def all_nodes(call: Call) -> object:
    """All nodes of one's own labs."""
    return [
        views.node_view(call.controller, lab, node)
        for lab in call.controller.labs.values()
        if lab.owner == call.caller.id or call.caller.admin
        for node in lab.nodes.values()
    ]
