"""Accepted CloudEvents in MongoDB, unique by (source, id)."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from control_plane_api.infrastructure.mongo.children import MongoChildren
from control_plane_api.infrastructure.mongo.database import Collection, Database, ensure_index, insert_new
from lcm_core.contracts.common import Page
from lcm_core.contracts.inbound import InboundEvent, InboundEventView

EARLY_LIMIT = 50


def event_key(event: InboundEvent) -> str:
    """The identity of an event."""
    return hashlib.sha256(f"{event.source}\n{event.id}".encode()).hexdigest()


class MongoInbound:
    """Implements ``InboundStore``."""

    def __init__(self, database: Database, children: MongoChildren) -> None:
        self._events: Collection = database["inbound_events"]
        self._children = children

    async def create_indexes(self) -> None:
        """For the sweeper and for operators who look up a session's events."""
        await ensure_index(self._events, [("waiting", 1)], sparse=True)
        await ensure_index(self._events, [("event.session_id", 1), ("stored_at", 1)])
        await ensure_index(self._events, [("stored_at", 1)])
        await ensure_index(self._events, [("event.external_id", 1)])

    async def insert(self, events: Sequence[InboundEvent], now: datetime) -> list[bool]:
        """See ``InboundStore``."""
        first: dict[str, int] = {}
        for index, event in enumerate(events):
            first.setdefault(event_key(event), index)
        order = list(first)
        documents = [
            {
                "_id": key,
                "event": events[first[key]].model_dump(mode="json"),
                "stored_at": now,
                "waiting": True,
            }
            for key in order
        ]
        known = {order[index] for index in await insert_new(self._events, documents)}
        return [
            first[event_key(event)] == index and event_key(event) not in known for index, event in enumerate(events)
        ]

    async def session_of_external(self, external_id: str) -> str:
        """See ``InboundStore``."""
        return await self._children.session_of_external(external_id)

    async def mark_applied(self, event: InboundEvent, attached: bool) -> None:
        """See ``InboundStore``."""
        change = {"$unset": {"waiting": 1}, "$set": {"attached": attached}}
        await self._events.update_one({"_id": event_key(event)}, change)

    async def unapplied(self, limit: int) -> list[InboundEvent]:
        """See ``InboundStore``."""
        cursor = self._events.find({"waiting": True}).limit(limit)
        return [InboundEvent.model_validate(document["event"]) async for document in cursor]

    async def early(self, external_id: str) -> list[InboundEvent]:
        """See ``InboundStore``."""
        cursor = self._events.find({"event.external_id": external_id, "attached": False}).sort([("stored_at", 1)])
        return [InboundEvent.model_validate(document["event"]) async for document in cursor.limit(EARLY_LIMIT)]

    async def page(self, session_id: str, cursor: str, limit: int) -> Page[InboundEventView]:
        """See ``InboundStore``."""
        condition: dict[str, Any] = {"event.session_id": session_id} if session_id else {}
        if cursor:
            at, _, last = cursor.partition("|")
            instant = datetime.fromisoformat(at)
            condition["$or"] = [{"stored_at": {"$lt": instant}}, {"stored_at": instant, "_id": {"$lt": last}}]
        found = self._events.find(condition).sort([("stored_at", -1), ("_id", -1)]).limit(limit + 1)
        documents = await found.to_list()
        page = documents[:limit]
        more = len(documents) > limit
        following = f"{page[-1]['stored_at'].isoformat()}|{page[-1]['_id']}" if more else ""
        return Page[InboundEventView](items=[_view(document) for document in page], next_cursor=following)

    async def find(self, key: str) -> InboundEventView | None:
        """See ``InboundStore``."""
        document = await self._events.find_one({"_id": key})
        return None if document is None else _view(document)

    async def forget_before(self, instant: datetime) -> int:
        """See ``InboundStore``."""
        return (
            await self._events.delete_many({"stored_at": {"$lt": instant}, "waiting": {"$exists": False}})
        ).deleted_count


def _view(document: Mapping[str, Any]) -> InboundEventView:
    return InboundEventView(
        id=document["_id"],
        event=InboundEvent.model_validate(document["event"]),
        stored_at=document["stored_at"],
        attached=bool(document.get("attached")),
    )
