"""Server-sent events as bytes (WHATWG HTML, section 9.2)."""

from dataclasses import dataclass

import orjson

HEARTBEAT = b": heartbeat\n\nevent: heartbeat\ndata: {}\n\n"
"""A comment, which keeps proxies from closing the connection, and an event, which tells scripts that it lives."""


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event, encoded once for every client. ``owner`` and ``department`` say whose it is, empty for everybody's.

    ``id`` is set on the last event of a flush only: everything up to it was delivered (ruling 5).
    """

    kind: str
    object_id: str
    body: bytes
    owner: str = ""
    department: str = ""


def encode(name: str, data: object, event_id: str = "") -> bytes:
    """An event with a JSON body."""
    body = data if isinstance(data, bytes) else orjson.dumps(data)
    head = f"id: {event_id}\n".encode() if event_id else b""
    return head + f"event: {name}\n".encode() + b"data: " + body + b"\n\n"


def position(incarnation: str, revision: int) -> str:
    """The id of an event: which life of etcd, which revision."""
    return f"{incarnation}-{revision}"


def parse_position(event_id: str) -> tuple[str, int] | None:
    """The parts of an id; None for text that is none."""
    incarnation, _, revision = event_id.rpartition("-")
    if not incarnation or not revision.isdigit() or len(revision) > 18:
        return None
    return incarnation, int(revision)
