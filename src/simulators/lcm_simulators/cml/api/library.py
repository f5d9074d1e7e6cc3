"""Labs from elsewhere and labs in other forms: samples, repositories, old topologies, testbeds, tiles."""

from __future__ import annotations

from uuid import uuid4
from xml.etree import ElementTree

from defusedxml.ElementTree import fromstring
from pydantic import Field

from lcm_simulators.cml.access import visible_labs
from lcm_simulators.cml.api.lookup import Body, lab_of
from lcm_simulators.cml.api.router import route
from lcm_simulators.cml.lab import views
from lcm_simulators.cml.lab.documents import TopologyDocument
from lcm_simulators.cml.lab.importing import import_topology
from lcm_simulators.cml.lab.samples import SAMPLES
from lcm_simulators.cml.lab.testbed import testbed_yaml
from lcm_simulators.cml.lab.virl import read_virl
from lcm_simulators.cml.routing import NO_CONTENT, Answer, ApiError, Call


class Repository(Body):
    """A repository of labs."""

    url: str = Field(min_length=1, max_length=1024)
    name: str = Field(min_length=1, max_length=128)
    folder: str | None = None


@route("GET", "/sample/labs")
def sample_labs(call: Call) -> object:
    """Labs that come with the product."""
    return {
        name: {"id": sample.id, "title": name, "description": sample.description, "file_path": f"{name}.yaml"}
        for name, sample in SAMPLES.items()
    }


@route("PUT", "/sample/labs/{sample}")
def load_sample(call: Call) -> object:
    """Import a sample; the answer is the id of the new lab."""
    wanted = call.params["sample"]
    found = next((item for name, item in SAMPLES.items() if wanted in {name, item.id}), None)
    if found is None:
        raise ApiError(404, f"Sample lab not found: {wanted}")
    document = TopologyDocument.model_validate(found.document())
    lab, _ = import_topology(call.controller, call.caller.id, document, None)
    return lab.id


@route("GET", "/lab_repos")
def list_repositories(call: Call) -> object:
    """All repositories."""
    return list(call.controller.state.lab_repos.values())


@route("POST", "/lab_repos")
def add_repository(call: Call) -> object:
    """Know one more repository."""
    call.require_admin()
    body = call.read(Repository)
    folder = body.folder or body.url.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git")
    repository: dict[str, object] = {"id": str(uuid4()), "url": body.url, "name": body.name, "folder": folder}
    call.controller.state.lab_repos[str(repository["id"])] = repository
    call.controller.changed()
    return repository


@route("PUT", "/lab_repos/refresh")
def refresh_repositories(call: Call) -> object:
    """Nothing is fetched: a simulated controller reaches no repository."""
    return {
        str(repository["name"]): {"success": False, "message": "The repository cannot be reached."}
        for repository in call.controller.state.lab_repos.values()
    }


@route("DELETE", "/lab_repos/{repository}")
def delete_repository(call: Call) -> object:
    """Forget a repository."""
    call.require_admin()
    if call.controller.state.lab_repos.pop(call.uuid("repository"), None) is None:
        raise ApiError(404, f"Lab repository not found: {call.params['repository']}")
    call.controller.changed()
    return NO_CONTENT


@route("POST", "/import/virl-1x")
def import_virl(call: Call) -> object:
    """A lab from the XML of VIRL 1.x."""
    try:
        document = read_virl(fromstring(call.body, forbid_dtd=True))
    except (ElementTree.ParseError, ValueError) as error:
        raise ApiError(400, f"Bad topology: not a VIRL 1.x document: {error}") from error
    lab, warnings = import_topology(call.controller, call.caller.id, document, call.query.get("title") or None)
    return {"id": lab.id, "warnings": warnings}


@route("GET", "/labs/{lab}/pyats_testbed")
def pyats_testbed(call: Call) -> object:
    """The testbed as YAML."""
    hostname = call.query.get("hostname") or None
    return Answer(text=testbed_yaml(call.controller, lab_of(call), hostname), media_type="application/x-yaml")


def _tile(call: Call, lab_id: str) -> dict[str, object]:
    lab = call.controller.labs[lab_id]
    topology = views.topology_view(call.controller, lab, exclude=True)
    return views.lab_view(call.controller, lab, call.caller) | {"topology": topology}


@route("GET", "/populate_lab_tiles")
def lab_tiles(call: Call) -> object:
    """Labs with their topologies, for an overview page."""
    labs = visible_labs(call.controller, call.caller, bool(call.flag("show_all")))
    return {"lab_tiles": {lab.id: _tile(call, lab.id) for lab in labs}}


@route("GET", "/labs/{lab}/tile")
def lab_tile(call: Call) -> object:
    """One lab with its topology."""
    return _tile(call, lab_of(call).id)


@route("GET", "/populate_lab/{lab}")
def populate_lab(call: Call) -> object:
    """One lab with its topology, under its older name."""
    return lab_tile(call)
