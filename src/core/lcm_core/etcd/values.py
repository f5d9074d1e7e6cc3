"""Encoding of projected values.

A value is compact JSON that starts with the aggregate version in fixed width, ``{"v":"000000000012",…``. Bytes of two
values of one key therefore sort like their versions, and a transaction can compare ``value(key) < new``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

VERSION_WIDTH = 12
MAX_STATE_BYTES = 1024
"""Soft limit of a state value: a projection is a summary, details are read over REST."""


class MalformedValue(ValueError):
    """A value in etcd that does not follow the encoding; the key is skipped and reported."""


@dataclass(frozen=True, slots=True)
class StateSummary:
    """What watchers learn of an object without asking the control plane.

    ``version`` counts writes, ``generation`` counts changes of the desired state, ``next_at`` is the next instant of
    domain time at which something must happen, ``refs`` names related objects by role, ``traceparent`` continues the
    trace of the command that caused the change.
    """

    version: int
    generation: int
    phase: str
    desired: str | None = None
    next_at: datetime | None = None
    refs: Mapping[str, str] = field(default_factory=dict)
    traceparent: str | None = None


def encode_value(version: int, body: Mapping[str, object]) -> bytes:
    """Bytes of a projected value; ``body`` must not contain ``v``."""
    if version < 0 or version >= 10**VERSION_WIDTH:
        raise ValueError(f"version {version} does not fit {VERSION_WIDTH} digits")
    return orjson.dumps({"v": f"{version:0{VERSION_WIDTH}d}", **body}, option=orjson.OPT_UTC_Z)


def decode_value(value: bytes) -> tuple[int, dict[str, Any]]:
    """Version and remaining fields. Raises ``MalformedValue``."""
    try:
        body = orjson.loads(value)
        version = int(body.pop("v"))
    except (orjson.JSONDecodeError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise MalformedValue(f"not a projected value: {value[:40]!r}") from error
    return version, body


def encode_state(summary: StateSummary) -> bytes:
    """Bytes of a state value; absent fields are left out."""
    body: dict[str, object] = {"generation": summary.generation, "phase": summary.phase}
    if summary.desired is not None:
        body["desired"] = summary.desired
    if summary.next_at is not None:
        body["next_at"] = summary.next_at
    if summary.refs:
        body["refs"] = dict(summary.refs)
    if summary.traceparent is not None:
        body["traceparent"] = summary.traceparent
    return encode_value(summary.version, body)


def decode_state(value: bytes) -> StateSummary:
    """The summary in a state value. Raises ``MalformedValue``."""
    version, body = decode_value(value)
    try:
        next_at = body.get("next_at")
        return StateSummary(
            version=version,
            generation=int(body["generation"]),
            phase=str(body["phase"]),
            desired=body.get("desired"),
            next_at=datetime.fromisoformat(next_at) if next_at else None,
            refs=dict(body.get("refs") or {}),
            traceparent=body.get("traceparent"),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise MalformedValue(f"not a state value: {value[:80]!r}") from error
