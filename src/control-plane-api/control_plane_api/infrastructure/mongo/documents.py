"""Between aggregates and documents.

Times at the top level are BSON dates; ``spec``, ``status`` and event payloads are stored in their JSON form, so that
what is stored is exactly what the wire models validate, and a document can be read by any tool.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from control_plane_api.kernel.aggregate import Resource, ResourceEvent, ResourceState
from control_plane_api.kernel.context import request_context
from lcm_core.observability.tracing import current_traceparent

AggregateT = TypeVar("AggregateT", bound=Resource[Any, Any])


def to_aggregate(kind: type[AggregateT], document: Mapping[str, Any]) -> AggregateT:
    """The aggregate in a document."""
    state: ResourceState[Any, Any] = ResourceState(
        id=document["_id"],
        version=document["version"],
        state_version=document["version"],
        generation=document["generation"],
        spec=kind.SPEC.model_validate(document["spec"]),
        status=kind.STATUS.model_validate(document["status"]),
        created_at=document["created_at"],
        updated_at=document["updated_at"],
        last_modified=document["updated_at"],
        created_by=document["created_by"],
    )
    return kind(state)


def body_of(aggregate: Resource[Any, Any]) -> dict[str, Any]:
    """The fields that a write replaces."""
    return {
        "generation": aggregate.generation,
        "spec": aggregate.spec.model_dump(mode="json"),
        "status": aggregate.status.model_dump(mode="json"),
    }


def outbox_entries(aggregate: Resource[Any, Any], version: int) -> list[dict[str, Any]]:
    """The outbox entries of what was recorded on an aggregate, for the write that makes this version.

    ``version`` and ``number`` order the events of one aggregate; ids and times do not.
    """
    events = enumerate(aggregate.pending_events)
    return [{**_entry(event, aggregate, version), "number": number} for number, event in events]


def _entry(event: ResourceEvent, aggregate: Resource[Any, Any], version: int) -> dict[str, Any]:
    context = request_context()
    return {
        "event_id": event.event_id,
        "type": event.event_type,
        "cloud_type": event.cloud_event_type() or "",
        "kind": str(aggregate.KIND),
        "aggregate_id": aggregate.key,
        "version": version,
        "phase": str(getattr(aggregate.status, "phase", "")),
        "at": event.at,
        "actor": context.actor,
        "command": context.command,
        "correlation_id": context.correlation_id,
        "department": getattr(aggregate.spec, "department", "") or context.department,
        "traceparent": current_traceparent() or "",
        "data": event.model_dump(mode="json", exclude={"event_id", "at", "aggregate_id"}),
    }
