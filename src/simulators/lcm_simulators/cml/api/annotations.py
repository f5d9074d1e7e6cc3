"""Annotations and smart annotations."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from lcm_simulators.cml.api.lookup import EDIT, lab_of
from lcm_simulators.cml.api.router import route
from lcm_simulators.cml.lab import builder
from lcm_simulators.cml.lab.annotations import SmartAnnotationUpdate, changed_annotation, read_annotation
from lcm_simulators.cml.model import Lab
from lcm_simulators.cml.routing import NO_CONTENT, ApiError, Call

_ANY: TypeAdapter[Any] = TypeAdapter(Any)


def _found(stored: dict[str, dict[str, object]], kind: str, annotation_id: str) -> dict[str, object]:
    annotation = stored.get(annotation_id)
    if annotation is None:
        raise ApiError(404, f"{kind} not found: {annotation_id}")
    return annotation


def _changed(call: Call, lab: Lab, subtype: str, kind: str, annotation: dict[str, object]) -> None:
    call.controller.events.element(lab.id, subtype, kind, str(annotation["id"]), annotation)
    builder.touch(call.controller, lab)


@route("GET", "/labs/{lab}/annotations")
def list_annotations(call: Call) -> object:
    """All annotations."""
    return list(lab_of(call).annotations.values())


@route("POST", "/labs/{lab}/annotations")
def create_annotation(call: Call) -> object:
    """A rectangle, ellipse, line or text."""
    lab, annotation = lab_of(call, EDIT), read_annotation(call.read_as(_ANY))
    lab.annotations[str(annotation["id"])] = annotation
    _changed(call, lab, "created", "Annotation", annotation)
    return annotation


@route("GET", "/labs/{lab}/annotations/{annotation}")
def get_annotation(call: Call) -> object:
    """One annotation."""
    return _found(lab_of(call).annotations, "Annotation", call.uuid("annotation"))


@route("PATCH", "/labs/{lab}/annotations/{annotation}")
def change_annotation(call: Call) -> object:
    """Change an annotation."""
    lab = lab_of(call, EDIT)
    stored = _found(lab.annotations, "Annotation", call.uuid("annotation"))
    annotation = changed_annotation(stored, call.read_as(_ANY))
    lab.annotations[str(annotation["id"])] = annotation
    _changed(call, lab, "modified", "Annotation", annotation)
    return annotation


@route("DELETE", "/labs/{lab}/annotations/{annotation}")
def delete_annotation(call: Call) -> object:
    """Remove an annotation."""
    lab = lab_of(call, EDIT)
    annotation = _found(lab.annotations, "Annotation", call.uuid("annotation"))
    del lab.annotations[str(annotation["id"])]
    _changed(call, lab, "deleted", "Annotation", annotation)
    return NO_CONTENT


@route("GET", "/labs/{lab}/smart_annotations")
def list_smart_annotations(call: Call) -> object:
    """One per node tag."""
    return list(lab_of(call).smart_annotations.values())


@route("GET", "/labs/{lab}/smart_annotations/{annotation}")
def get_smart_annotation(call: Call) -> object:
    """One smart annotation."""
    return _found(lab_of(call).smart_annotations, "Smart annotation", call.uuid("annotation"))


@route("PATCH", "/labs/{lab}/smart_annotations/{annotation}")
def change_smart_annotation(call: Call) -> object:
    """Change its looks."""
    lab = lab_of(call, EDIT)
    annotation = _found(lab.smart_annotations, "Smart annotation", call.uuid("annotation"))
    annotation.update(call.read(SmartAnnotationUpdate).model_dump(exclude_unset=True, exclude_none=True))
    _changed(call, lab, "modified", "SmartAnnotation", annotation)
    return annotation
