"""Labs as a whole: list, make, change, import, export, start, stop, wipe."""

from __future__ import annotations

from pydantic import Field

from lcm_simulators.cml.access import visible_labs
from lcm_simulators.cml.api.lookup import ADMIN, EDIT, EXEC, Body, lab_of
from lcm_simulators.cml.api.router import route
from lcm_simulators.cml.api.sharing import Associations, LegacyGroup, associate, associate_groups
from lcm_simulators.cml.lab import builder, views
from lcm_simulators.cml.lab.documents import read_topology
from lcm_simulators.cml.lab.exporting import export_yaml
from lcm_simulators.cml.lab.importing import import_topology
from lcm_simulators.cml.lab.statistics import simulation_stats
from lcm_simulators.cml.model import Lab
from lcm_simulators.cml.routing import NO_CONTENT, Answer, ApiError, Call


class Autostart(Body):
    """Whether and when a lab starts with its controller; the delay is in seconds."""

    enabled: bool | None = None
    priority: int | None = Field(default=None, ge=0, le=10_000)
    delay: int | None = Field(default=None, ge=0, le=86_400)


class NodeStaging(Body):
    """Whether nodes start one priority after the other."""

    enabled: bool | None = None
    start_remaining: bool | None = None
    abort_on_failure: bool | None = None


class LabChange(Body):
    """What may be said about a lab."""

    title: str | None = Field(default=None, max_length=64)
    description: str | None = Field(default=None, max_length=4096)
    notes: str | None = Field(default=None, max_length=32_768)
    owner: str | None = None
    associations: Associations | None = None
    groups: list[LegacyGroup] | None = None
    autostart: Autostart | None = None
    node_staging: NodeStaging | None = None


@route("GET", "/labs")
def list_labs(call: Call) -> object:
    """Ids of one's own labs, or of all visible ones."""
    return [lab.id for lab in visible_labs(call.controller, call.caller, bool(call.flag("show_all")))]


@route("POST", "/labs")
def create_lab(call: Call) -> object:
    """An empty lab."""
    body = call.read(LabChange)
    lab = builder.new_lab(call.controller, call.caller.id, body.title)
    _change(call, lab, body)
    return views.lab_view(call.controller, lab, call.caller)


@route("GET", "/labs/{lab}")
def get_lab(call: Call) -> object:
    """One lab."""
    return views.lab_view(call.controller, lab_of(call), call.caller)


@route("PATCH", "/labs/{lab}")
def change_lab(call: Call) -> object:
    """Title, description, notes, owner, associations."""
    lab = lab_of(call, EDIT)
    _change(call, lab, call.read(LabChange))
    return views.lab_view(call.controller, lab, call.caller)


@route("DELETE", "/labs/{lab}")
def delete_lab(call: Call) -> object:
    """Only a wiped lab."""
    builder.delete_lab(call.controller, lab_of(call, ADMIN))
    return NO_CONTENT


def _change(call: Call, lab: Lab, body: LabChange) -> None:
    if body.owner is not None and body.owner != lab.owner:
        call.require_admin()
        if body.owner not in call.controller.state.users:
            raise ApiError(404, f"User does not exist: {body.owner}.")
        lab.owner = body.owner
    lab.title = body.title or lab.title
    lab.description = body.description if body.description is not None else lab.description
    lab.notes = body.notes if body.notes is not None else lab.notes
    if body.autostart is not None:
        lab.autostart |= body.autostart.model_dump(exclude_unset=True)
    if body.node_staging is not None:
        lab.node_staging |= body.node_staging.model_dump(exclude_unset=True)
    if body.groups is not None:
        associate_groups(lab, body.groups)
    if body.associations is not None:
        associate(lab, body.associations)
    data: dict[str, object] = {
        "title": lab.title, "description": lab.description, "notes": lab.notes, "owner": lab.owner,
        "autostart": lab.autostart, "node_staging": lab.node_staging,
    }  # fmt: skip
    call.controller.events.lab(lab.id, "modified", data)
    builder.touch(call.controller, lab)


@route("GET", "/labs/{lab}/state")
def lab_state(call: Call) -> object:
    """The state as a JSON string."""
    return lab_of(call).state


@route("PUT", "/labs/{lab}/start")
def start_lab(call: Call) -> object:
    """Start every node."""
    call.controller.lifecycle.start_lab(lab_of(call, EXEC))
    return NO_CONTENT


@route("PUT", "/labs/{lab}/stop")
def stop_lab(call: Call) -> object:
    """Stop every node."""
    call.controller.lifecycle.stop_lab(lab_of(call, EXEC))
    return NO_CONTENT


@route("PUT", "/labs/{lab}/wipe")
def wipe_lab(call: Call) -> object:
    """Discard every disk."""
    call.controller.lifecycle.wipe_lab(lab_of(call, EXEC))
    return NO_CONTENT


@route("GET", "/labs/{lab}/check_if_converged")
def lab_converged(call: Call) -> object:
    """Whether no node is on its way up."""
    return call.controller.lifecycle.converged(lab_of(call).nodes.values())


@route("GET", "/labs/{lab}/topology")
def lab_topology(call: Call) -> object:
    """The whole lab as data."""
    return views.topology_view(call.controller, lab_of(call), call.flag("exclude_configurations"))


@route("GET", "/labs/{lab}/download")
def download_lab(call: Call) -> object:
    """The lab as topology YAML."""
    return Answer(text=export_yaml(call.controller, lab_of(call)), media_type="application/x-yaml")


@route("POST", "/import")
def import_lab(call: Call) -> object:
    """A lab from topology YAML or JSON."""
    document = read_topology(call.body)
    lab, warnings = import_topology(call.controller, call.caller.id, document, call.query.get("title") or None)
    return {"id": lab.id, "warnings": warnings}


@route("GET", "/labs/{lab}/lab_element_state")
def element_states(call: Call) -> object:
    """States of everything in the lab."""
    lab = lab_of(call)
    return {
        "nodes": {node.id: node.state for node in lab.nodes.values()},
        "links": {link.id: link.state for link in lab.links.values()},
        "interfaces": {interface.id: interface.state for interface in lab.interfaces.values()},
    }


@route("GET", "/labs/{lab}/simulation_stats")
def lab_statistics(call: Call) -> object:
    """Load of the running nodes and links."""
    return simulation_stats(call.controller, lab_of(call))


@route("GET", "/labs/{lab}/events")
def lab_events(call: Call) -> object:
    """What happened in the lab."""
    return call.controller.events.history(lab_of(call).id)


@route("GET", "/labs/{lab}/bootstrap")
def bootstrap_get(call: Call) -> object:
    """Build start configurations of nodes that have none (the vendor's client asks with GET)."""
    return bootstrap(call)


@route("PUT", "/labs/{lab}/bootstrap")
def bootstrap(call: Call) -> object:
    """Build start configurations of nodes that have none."""
    lab = lab_of(call, EDIT)
    for node in lab.nodes.values():
        definition = call.controller.definition(node.node_definition)
        if definition.extractable and definition.config_file and not any(file.content for file in node.configuration):
            node.configuration = [builder.bootstrap_file(definition, node)]
    builder.touch(call.controller, lab)
    return NO_CONTENT


@route("GET", "/labs/{lab}/resource_pools")
def lab_pools(call: Call) -> object:
    """Pools of the lab's owner."""
    owner = call.controller.state.users.get(lab_of(call).owner)
    return [owner.resource_pool] if owner is not None and owner.resource_pool else []


@route("GET", "/labs/{lab}/layer3_addresses")
def lab_addresses(call: Call) -> object:
    """Addresses of the running nodes, by node."""
    lab = lab_of(call)
    return {
        node.id: call.controller.devices.addresses(lab, node)
        for node in lab.nodes.values()
        if call.controller.devices.is_up(node)
    }


@route("DELETE", "/labs/{lab}/layer3_addresses")
def forget_lab_addresses(call: Call) -> object:
    """Forget what was seen; addresses of running nodes are seen again at once."""
    lab_of(call, EDIT)
    return NO_CONTENT
