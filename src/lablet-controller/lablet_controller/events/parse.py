"""CloudEvents 1.0 over HTTP in its three modes (structured, binary, batch) as inbound events of the platform."""

import base64
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from lablet_controller.events.types import signal_of
from lcm_core.contracts.common import UtcTime
from lcm_core.contracts.sessions import InboundEvent

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
MAX_BATCH = 1000
MAX_DATA = 262_144
_SESSION_FIELDS = ("auth_id", "lablet_session_id", "lcm_session_id")
_EXTERNAL_FIELDS = ("session_id", "grading_session_id", "lds_session_id", "engine_id")
_REQUIRED = ("id", "source", "type", "specversion")


class MalformedEvent(ValueError):
    """The request is no CloudEvent; the message says which rule it breaks (400)."""


class UnsupportedMedia(ValueError):
    """The content type belongs to none of the three modes (415)."""


class _Event(BaseModel):
    """Attributes of CloudEvents 1.0; extensions are ignored."""

    model_config = ConfigDict(extra="ignore")

    specversion: str = Field(pattern=r"^1\.\d+$")
    id: str = Field(min_length=1, max_length=200)
    source: str = Field(min_length=1, max_length=300)
    type: str = Field(min_length=1, max_length=200)
    subject: str = Field(default="", max_length=300)
    time: UtcTime | None = None
    datacontenttype: str = ""
    data: object = None
    data_base64: str | None = None


_EVENT = TypeAdapter(_Event)


def parse_events(headers: Mapping[str, str], body: bytes) -> Sequence[InboundEvent]:
    """The events of a request; header names are lower case. Raises ``MalformedEvent`` or ``UnsupportedMedia``."""
    media = headers.get("content-type", "").split(";")[0].strip().lower()
    if media == STRUCTURED:
        return [_inbound(_load(body))]
    if media == BATCH:
        items = _load(body)
        if not isinstance(items, list):
            raise MalformedEvent("a batch is a JSON array of events")
        if len(items) > MAX_BATCH:
            raise MalformedEvent(f"{len(items)} events, a batch holds at most {MAX_BATCH}")
        return [_inbound(item) for item in items]
    if "ce-specversion" in headers:
        return [_inbound(_binary(headers, media, body))]
    raise UnsupportedMedia(
        f"send {STRUCTURED}, {BATCH}, or the attributes in ce- headers; {media or 'no content type'} is none of them"
    )


def _load(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedEvent(f"the body is not JSON: {error}") from error


def _binary(headers: Mapping[str, str], media: str, body: bytes) -> dict[str, object]:
    attributes: dict[str, object] = {
        name.removeprefix("ce-"): unquote(value) for name, value in headers.items() if name.startswith("ce-")
    }
    attributes["datacontenttype"] = media
    if body:
        attributes["data"] = _load(body) if _is_json(media) else body.decode("utf-8", "replace")
    return attributes


def _is_json(media: str) -> bool:
    return media in ("", "application/json", "text/json") or media.endswith("+json")


def _inbound(value: object) -> InboundEvent:
    """One event in the platform's words."""
    if not isinstance(value, dict):
        raise MalformedEvent("an event is a JSON object")
    missing = [name for name in _REQUIRED if not value.get(name)]
    if missing:
        raise MalformedEvent(f"the event has no {', '.join(missing)}")
    try:
        event = _EVENT.validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        raise MalformedEvent(f"{first['loc'][0]}: {first['msg']}") from error
    data = _data(event)
    try:
        text = orjson.dumps(data).decode()
    except TypeError as error:  # what orjson reads may be nested deeper than what it writes
        raise MalformedEvent("data: nested too deeply") from error
    if len(text) > MAX_DATA:
        raise MalformedEvent(f"data: {len(text)} characters, the limit is {MAX_DATA}")
    return InboundEvent(
        source=event.source,
        id=event.id,
        type=event.type,
        signal=signal_of(event.type),
        subject=event.subject,
        session_id=_first(data, _SESSION_FIELDS),
        external_id=_first(data, _EXTERNAL_FIELDS),
        time=event.time,
        data_json=text,
    )


def _data(event: _Event) -> object:
    if event.data_base64 is None:
        return event.data if event.data is not None else {}
    try:
        content = base64.b64decode(event.data_base64, validate=True)
    except ValueError as error:
        raise MalformedEvent("data_base64: not base64") from error
    return _load(content) if _is_json(event.datacontenttype) else event.data_base64


def _first(data: object, names: Sequence[str]) -> str:
    """The first of these fields that holds a word."""
    if isinstance(data, dict):
        for name in names:
            if isinstance(data.get(name), str | int) and data[name]:
                return str(data[name])[:200]
    return ""
