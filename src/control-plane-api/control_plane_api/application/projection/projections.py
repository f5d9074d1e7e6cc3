"""What etcd shows of each aggregate: pure functions from documents to keys and values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lcm_core.domain.vocabulary import Kind
from lcm_core.etcd import StateSummary, encode_state, encode_value, object_key
from lcm_core.etcd.keys import CAPACITY, SETTINGS_KEY

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Projected:
    """One kind of aggregate: its database collection, its etcd collection and how its summary is read."""

    kind: Kind
    collection: str
    etcd_collection: str
    desired: Callable[[Document], str | None]
    next_at: Callable[[Document], str | None]
    refs: Callable[[Document], dict[str, str]]


def _get(document: Document, path: str) -> Any:
    found: Any = document
    for part in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(part)
    return found


def _path(path: str) -> Callable[[Document], str | None]:
    return lambda document: _get(document, path) or None


def _nothing(_: Document) -> str | None:
    return None


def _check(document: Document) -> str | None:
    """A definition is wanted to be checked until the last request is answered."""
    asked, answered = _get(document, "spec.check_requested_at"), _get(document, "status.sync.check_answered")
    return "check" if asked and asked != answered else None


def _refs(**paths: str) -> Callable[[Document], dict[str, str]]:
    def read(document: Document) -> dict[str, str]:
        found = {name: _get(document, path) for name, path in paths.items()}
        return {name: str(value) for name, value in found.items() if value}

    return read


PROJECTIONS: tuple[Projected, ...] = (
    Projected(
        Kind.SESSION,
        "sessions",
        "sessions",
        _path("spec.desired"),
        _path("status.deadline"),
        _refs(worker="status.placement.worker_id", definition="spec.definition_id"),
    ),
    Projected(
        Kind.WORKER,
        "workers",
        "workers",
        _path("spec.desired"),
        _path("status.deadline"),
        _refs(template="spec.template_id", region="spec.region"),
    ),
    Projected(Kind.DEFINITION, "definitions", "definitions", _check, _nothing, _refs(name="spec.name")),
    Projected(
        Kind.LAB_RECORD,
        "lab_records",
        "lab-records",
        _path("spec.pending_action"),
        _nothing,
        _refs(worker="spec.worker_id", session="spec.session_id"),
    ),
    Projected(Kind.TEMPLATE, "templates", "templates", _nothing, _nothing, _refs()),
    Projected(Kind.TASK, "tasks", "tasks", _nothing, _nothing, _refs()),
    Projected(Kind.SETTINGS, "settings", "settings", _nothing, _nothing, _refs()),
    Projected(Kind.QUOTA, "quotas", "quotas", _nothing, _nothing, _refs(subject="spec.subject")),
)

BY_COLLECTION = {projected.collection: projected for projected in PROJECTIONS}
BY_ETCD_COLLECTION = {projected.etcd_collection: projected for projected in PROJECTIONS}


def project(projected: Projected, document: Document) -> list[tuple[str, bytes]]:
    """Keys and values of one document."""
    next_at = projected.next_at(document)
    summary = StateSummary(
        version=document["version"],
        generation=document["generation"],
        phase=_get(document, "status.phase") or "",
        desired=projected.desired(document),
        next_at=datetime.fromisoformat(next_at) if next_at else None,
        refs=projected.refs(document),
        traceparent=_traceparent(document),
    )
    if projected.kind is Kind.SETTINGS:
        return [(SETTINGS_KEY, encode_state(summary))]
    values = [(object_key(projected.etcd_collection, document["_id"]), encode_state(summary))]
    if projected.kind is Kind.WORKER:
        capacity = {
            **(_get(document, "status.capacity") or {}),
            "claims_version": _get(document, "status.claims_version") or 0,
            "schedulable": bool(_get(document, "status.schedulable")),
        }
        key = object_key(projected.etcd_collection, document["_id"], CAPACITY)
        values.append((key, encode_value(document["version"], capacity)))
    return values


def _traceparent(document: Document) -> str | None:
    outbox = document.get("outbox") or []
    return (outbox[-1].get("traceparent") or None) if outbox else None
