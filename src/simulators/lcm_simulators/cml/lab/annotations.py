"""Annotation models: exactly the keys that the real API shows, since the vendor's client refuses any other."""

from typing import Annotated, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from lcm_simulators.cml.routing import ApiError, validation_error

BorderStyle = Literal["", "2,2", "4,2"]
LineEnd = Literal["arrow", "square", "circle"] | None
Coordinate = Annotated[float, Field(ge=-15_000, le=15_000)]


class _Annotation(BaseModel):
    model_config = ConfigDict(extra="forbid")

    border_color: str = "#808080FF"
    border_style: BorderStyle = ""
    color: str = "#FFFFFFFF"
    thickness: int = Field(default=1, ge=1, le=32)
    x1: Coordinate = 0
    y1: Coordinate = 0
    z_index: int = Field(default=0, ge=-10_240, le=10_240)


class Rectangle(_Annotation):
    """A rectangle from x1, y1 with width x2 and height y2."""

    type: Literal["rectangle"]
    x2: Coordinate = 100
    y2: Coordinate = 100
    rotation: int = 0
    border_radius: int = Field(default=0, ge=0, le=128)


class Ellipse(_Annotation):
    """An ellipse."""

    type: Literal["ellipse"]
    x2: Coordinate = 100
    y2: Coordinate = 100
    rotation: int = 0


class Line(_Annotation):
    """A line with optional ends."""

    type: Literal["line"]
    x2: Coordinate = 100
    y2: Coordinate = 100
    line_start: LineEnd = None
    line_end: LineEnd = None


class Text(_Annotation):
    """A text."""

    type: Literal["text"]
    border_color: str = "#00000000"
    color: str = "#808080FF"
    rotation: int = 0
    text_bold: bool = False
    text_content: str = Field(default="text annotation", max_length=8192)
    text_font: str = "monospace"
    text_italic: bool = False
    text_size: float = Field(default=12, ge=1, le=128)
    text_unit: Literal["pt", "px", "em"] = "pt"


Annotation = Annotated[Rectangle | Ellipse | Line | Text, Field(discriminator="type")]
_ADAPTER: TypeAdapter[Rectangle | Ellipse | Line | Text] = TypeAdapter(Annotation)


class SmartAnnotationUpdate(BaseModel):
    """What may be changed of a smart annotation."""

    model_config = ConfigDict(extra="forbid")

    tag: str | None = None
    label: str | None = None
    is_on: bool | None = None
    padding: int | None = Field(default=None, ge=1, le=200)
    tag_offset_x: int | None = None
    tag_offset_y: int | None = None
    tag_size: int | None = Field(default=None, ge=1, le=128)
    group_distance: int | None = Field(default=None, ge=1)
    thickness: int | None = Field(default=None, ge=1, le=32)
    border_style: BorderStyle | None = None
    fill_color: str | None = None
    border_color: str | None = None
    z_index: int | None = None


def read_annotation(value: object, annotation_id: str | None = None) -> dict[str, object]:
    """A complete annotation from a request or a topology. Raises `ApiError` 400."""
    if isinstance(value, dict):
        value = {key: item for key, item in value.items() if key != "id"}
        if value.get("type") == "text":
            value = {key: item for key, item in value.items() if key not in {"x2", "y2"}}
        if value.get("type") == "line":
            value.pop("rotation", None)
    try:
        model = _ADAPTER.validate_python(value)
    except ValidationError as error:
        raise validation_error(error, "body") from error
    return {"id": annotation_id or str(uuid4()), **model.model_dump()}


def changed_annotation(stored: dict[str, object], update: object) -> dict[str, object]:
    """A stored annotation with an update applied; the type cannot change."""
    if not isinstance(update, dict):
        raise ApiError(400, "The body must be an object.")
    if update.get("type", stored["type"]) != stored["type"]:
        raise ApiError(400, "The type of an annotation cannot be changed.")
    return read_annotation(stored | update, str(stored["id"]))
