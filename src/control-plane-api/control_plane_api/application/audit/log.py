"""The audit trail: every event of every aggregate, and every denied attempt, in one searchable collection.

Accepted commands need no entry of their own: their events carry actor, command and correlation id, are written with
the state, and reach the collection through the outbox. So nothing can change without leaving a trace.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from pymongo.errors import PyMongoError
from ulid import ULID

from control_plane_api.application.authorization.policy import Action, Scope, scope_of
from control_plane_api.application.authorization.principal import Principal
from control_plane_api.application.errors import InvalidError
from control_plane_api.infrastructure.mongo.database import Collection, Database
from control_plane_api.kernel.context import request_context
from lcm_core.contracts.common import Page
from lcm_core.contracts.platform import AuditEntryView

log = logging.getLogger(__name__)

DENIED = "CommandDenied"
PURGE_SECONDS = 3600.0
CHANGES_LIMIT = 2000


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """A search; empty fields match everything. ``cursor`` comes from the page before."""

    actor: str = ""
    target_id: str = ""
    command: str = ""
    result: str = ""
    since: datetime | None = None
    until: datetime | None = None
    cursor: str = ""
    limit: int = 50


class AuditLog:
    """Reads the trail, and writes what was denied."""

    def __init__(self, database: Database, retention_days: int) -> None:
        self._events: Collection = database["events"]
        self._retention = timedelta(days=retention_days)

    async def denied(self, principal: Principal, action: str, reason: str, target_id: str = "") -> None:
        """Record a refused attempt. A database that is away must not turn a refusal into a failure."""
        entry = {
            "_id": str(ULID()),
            "type": DENIED,
            "kind": "",
            "aggregate_id": target_id,
            "at": datetime.now(UTC),
            "actor": principal.actor,
            "command": action,
            "correlation_id": request_context().correlation_id,
            "department": principal.department,
            "data": {"reason": reason},
        }
        try:
            await self._events.insert_one(entry)
        except PyMongoError as error:
            log.error("A denied %s of %s could not be recorded: %s", action, principal.actor, error)

    async def accepted(
        self,
        principal: Principal,
        action: str,
        target_kind: str,
        target_id: str,
        details: Mapping[str, str] | None = None,
    ) -> None:
        """Record what changes no object but must leave a trace: a launch URL was read, everybody was told something."""
        entry = {
            "_id": str(ULID()),
            "type": "Accessed",
            "kind": target_kind,
            "aggregate_id": target_id,
            "at": datetime.now(UTC),
            "actor": principal.actor,
            "command": action,
            "correlation_id": request_context().correlation_id,
            "department": principal.department,
            "data": dict(details or {}),
        }
        await self._events.insert_one(entry)

    async def search(self, query: AuditQuery, reader: Principal) -> Page[AuditEntryView]:
        """One page, newest first, of what the reader may see. Raises ``InvalidError`` for a cursor that is none."""
        condition: dict[str, Any] = {}
        if scope_of(reader, Action.AUDIT_READ) is not Scope.ANY:
            condition["department"] = reader.department or {"$in": []}
        fields = {"actor": query.actor, "aggregate_id": query.target_id, "command": query.command}
        condition |= {name: value for name, value in fields.items() if value}
        if query.result:
            condition["type"] = DENIED if query.result == "denied" else {"$ne": DENIED}
        at: dict[str, datetime] = {}
        if query.since is not None:
            at["$gte"] = query.since
        if query.until is not None:
            at["$lte"] = query.until
        if query.cursor:
            last_at, last_id = _parse_cursor(query.cursor)
            at["$lte"] = last_at
            condition["$or"] = [{"at": {"$lt": last_at}}, {"_id": {"$lt": last_id}}]
        if at:
            condition["at"] = at
        cursor = self._events.find(condition).sort([("at", -1), ("_id", -1)]).limit(query.limit + 1)
        documents = await cursor.to_list()
        page = documents[: query.limit]
        last = page[-1] if len(documents) > query.limit else None
        following = f"{last['at'].isoformat()}|{last['_id']}" if last else ""
        return Page[AuditEntryView](items=[_entry(document) for document in page], next_cursor=following)

    async def purge(self) -> None:
        """Delete what is older than the retention, for ever; runs beside the requests."""
        while True:
            cutoff = datetime.now(UTC) - self._retention
            result = await self._events.delete_many({"at": {"$lt": cutoff}})
            if result.deleted_count:
                log.info("Deleted %d audit entries older than %s", result.deleted_count, cutoff.date())
            await asyncio.sleep(PURGE_SECONDS)


def _parse_cursor(cursor: str) -> tuple[datetime, str]:
    at, _, last_id = cursor.partition("|")
    try:
        return datetime.fromisoformat(at), last_id
    except ValueError as error:
        raise InvalidError.field("BadCursor", "cursor", "this is not a cursor of the audit trail") from error


def _entry(document: Mapping[str, Any]) -> AuditEntryView:
    data: Mapping[str, Any] = document.get("data") or {}
    denied = document["type"] == DENIED
    changes = {"event": document["type"], **data} if not denied else {}
    return AuditEntryView(
        id=document["_id"],
        at=document["at"],
        actor=document.get("actor") or "system",
        command=document.get("command") or document["type"],
        target_kind=document.get("kind") or "",
        target_id=document.get("aggregate_id") or "",
        result="denied" if denied else "accepted",
        reason=str(data.get("message") or data.get("reason") or ""),
        changes=orjson.dumps(changes).decode()[:CHANGES_LIMIT] if changes else "",
        correlation_id=document.get("correlation_id") or "",
    )
