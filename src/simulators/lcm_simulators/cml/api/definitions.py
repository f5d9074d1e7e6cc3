"""Node and image definitions."""

from __future__ import annotations

from typing import Any

import yaml
from pydantic import TypeAdapter

from lcm_simulators.cml import catalog
from lcm_simulators.cml.api.router import route
from lcm_simulators.cml.definitions import document_of, image_documents
from lcm_simulators.cml.routing import NO_CONTENT, Answer, ApiError, Call

_FLAG: TypeAdapter[bool] = TypeAdapter(bool)
Document = dict[str, Any]


def _node_documents(call: Call) -> dict[str, Document]:
    documents: dict[str, Document] = {name: document_of(found) for name, found in catalog.SHIPPED.items()}
    documents |= call.controller.state.node_definitions
    for name, flag in call.controller.state.read_only.items():
        if name in documents:
            documents[name]["general"] = {**documents[name].get("general", {}), "read_only": flag}
    return documents


def _images(call: Call) -> dict[str, Document]:
    shipped = [image for definition in catalog.SHIPPED.values() for image in image_documents(definition)]
    removed = set(call.controller.state.removed_images)
    images: dict[str, Document] = {str(image["id"]): image for image in shipped if image["id"] not in removed}
    images |= call.controller.state.image_definitions
    for name, flag in call.controller.state.read_only.items():
        if name in images:
            images[name] = {**images[name], "read_only": flag}
    return images


def _document(call: Call) -> Document:
    """The body as YAML, of which JSON is a part."""
    try:
        document = yaml.safe_load(call.body)
        if isinstance(document, str):  # a JSON string that holds the document, as the vendor's client may send it
            document = yaml.safe_load(document)
    except yaml.YAMLError as error:
        raise ApiError(400, f"Bad definition: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("id"), str):
        raise ApiError(400, "Bad definition: an id is required.")
    return document


def _read_only(document: Document) -> bool:
    return bool(document.get("read_only") or document.get("general", {}).get("read_only"))


@route("GET", "/node_definitions")
def list_node_definitions(call: Call) -> object:
    """All definitions."""
    return list(_node_documents(call).values())


@route("GET", "/simplified_node_definitions")
def simplified_node_definitions(call: Call) -> object:
    """All definitions without what is needed to run them."""
    kept = ("id", "general", "device", "ui", "sim", "configuration", "inherited")
    return [
        {key: document[key] for key in kept if key in document}
        | {
            "image_definitions": [
                image["id"] for image in _images(call).values() if image["node_definition_id"] == name
            ]
        }
        for name, document in _node_documents(call).items()
    ]


@route("POST", "/node_definitions")
def create_node_definition(call: Call) -> object:
    """Add a definition."""
    call.require_admin()
    document = _document(call)
    if document["id"] in _node_documents(call):
        raise ApiError(400, f"Node definition already exists: {document['id']}")
    call.controller.state.node_definitions[document["id"]] = document
    call.controller.changed()
    return "Success"


@route("PUT", "/node_definitions")
def update_node_definition(call: Call) -> object:
    """Replace a definition that is not read-only."""
    call.require_admin()
    document = _document(call)
    known = _node_documents(call).get(document["id"])
    if known is None:
        raise ApiError(404, f"Node definition not found: {document['id']}")
    if _read_only(known):
        raise ApiError(400, f"Node definition {document['id']} is read-only.")
    call.controller.state.node_definitions[document["id"]] = document
    call.controller.changed()
    return "Success"


def _node_document(call: Call) -> Document:
    document = _node_documents(call).get(call.params["definition"])
    if document is None:
        raise ApiError(404, f"Node definition not found: {call.params['definition']}")
    return document


@route("GET", "/node_definitions/{definition}")
def get_node_definition(call: Call) -> object:
    """One definition as YAML, or JSON with `json`."""
    document = _node_document(call)
    if call.flag("json"):
        return document
    return Answer(text=yaml.safe_dump(document, sort_keys=False), media_type="application/x-yaml")


@route("DELETE", "/node_definitions/{definition}")
def delete_node_definition(call: Call) -> object:
    """Remove an uploaded definition."""
    call.require_admin()
    name = call.params["definition"]
    if _read_only(_node_document(call)) or name not in call.controller.state.node_definitions:
        raise ApiError(400, f"Node definition {name} is read-only.")
    del call.controller.state.node_definitions[name]
    call.controller.changed()
    return NO_CONTENT


@route("PUT", "/node_definitions/{definition}/read_only")
def node_definition_read_only(call: Call) -> object:
    """Lock or unlock."""
    call.require_admin()
    _node_document(call)
    call.controller.state.read_only[call.params["definition"]] = call.read_as(_FLAG)
    call.controller.changed()
    return _node_document(call)


@route("GET", "/node_definitions/{definition}/image_definitions")
def images_of_node_definition(call: Call) -> object:
    """The images of a definition."""
    name = str(_node_document(call)["id"])
    return [image for image in _images(call).values() if image["node_definition_id"] == name]


@route("GET", "/image_definitions")
def list_image_definitions(call: Call) -> object:
    """All images."""
    return list(_images(call).values())


@route("POST", "/image_definitions")
def create_image_definition(call: Call) -> object:
    """Add an image."""
    call.require_admin()
    document = _document(call)
    if document["id"] in _images(call):
        raise ApiError(400, f"Image definition already exists: {document['id']}")
    if document.get("node_definition_id") not in _node_documents(call):
        raise ApiError(400, f"Unknown node definition: {document.get('node_definition_id')}")
    call.controller.state.image_definitions[document["id"]] = {"read_only": False, **document}
    call.controller.changed()
    return "Success"


@route("PUT", "/image_definitions")
def update_image_definition(call: Call) -> object:
    """Replace an image definition that is not read-only."""
    call.require_admin()
    document = _document(call)
    known = _images(call).get(document["id"])
    if known is None:
        raise ApiError(404, f"Image definition not found: {document['id']}")
    if _read_only(known):
        raise ApiError(400, f"Image definition {document['id']} is read-only.")
    call.controller.state.image_definitions[document["id"]] = {"read_only": False, **document}
    call.controller.changed()
    return "Success"


def _image(call: Call) -> Document:
    image = _images(call).get(call.params["image"])
    if image is None:
        raise ApiError(404, f"Image definition not found: {call.params['image']}")
    return image


@route("GET", "/image_definitions/{image}")
def get_image_definition(call: Call) -> object:
    """One image as YAML, or JSON with `json`."""
    document = _image(call)
    if call.flag("json"):
        return document
    return Answer(text=yaml.safe_dump(document, sort_keys=False), media_type="application/x-yaml")


@route("DELETE", "/image_definitions/{image}")
def delete_image_definition(call: Call) -> object:
    """Remove an image definition."""
    call.require_admin()
    document = _image(call)
    if _read_only(document):
        raise ApiError(400, f"Image definition {document['id']} is read-only.")
    call.controller.state.image_definitions.pop(document["id"], None)
    call.controller.state.removed_images.append(document["id"])
    call.controller.changed()
    return NO_CONTENT


@route("PUT", "/image_definitions/{image}/read_only")
def image_definition_read_only(call: Call) -> object:
    """Lock or unlock."""
    call.require_admin()
    _image(call)
    call.controller.state.read_only[call.params["image"]] = call.read_as(_FLAG)
    call.controller.changed()
    return _image(call)


@route("GET", "/list_image_definition_drop_folder")
def drop_folder(call: Call) -> object:
    """Uploaded image files."""
    return list(call.controller.state.dropped_images)


@route("POST", "/images/upload")
def upload_image(call: Call) -> object:
    """Take an image file; only its name is kept."""
    call.require_admin()
    name = call.headers.get("x-original-file-name", "")
    if not name.endswith((".qcow2", ".qcow", ".iol", ".tar", ".tar.gz")) or "/" in name:
        raise ApiError(400, f"Not an image file name: {name}")
    if name not in call.controller.state.dropped_images:
        call.controller.state.dropped_images.append(name)
        call.controller.changed()
    return "Success"


@route("DELETE", "/images/manage/{name}")
def remove_image_file(call: Call) -> object:
    """Remove an uploaded image file."""
    call.require_admin()
    if call.params["name"] not in call.controller.state.dropped_images:
        raise ApiError(404, f"File not found: {call.params['name']}")
    call.controller.state.dropped_images.remove(call.params["name"])
    call.controller.changed()
    return "Success"
