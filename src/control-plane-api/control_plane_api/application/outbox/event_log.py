"""The last two durable steps of a change, many at a time: its events into the log, then out of the outbox.

Nobody waits for them, so what was projected within a few milliseconds is appended in one round trip, and outboxes are
emptied some times a second: a document that is changed again meanwhile leaves out what is in the log already and needs
no emptying. Repeating any step is harmless; what a crash leaves in an outbox is appended again and recognized.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cachetools import LRUCache
from pymongo import UpdateOne

from control_plane_api.infrastructure.mongo.database import (
    Collection,
    Database,
    Document,
    ensure_index,
    insert_new,
)
from control_plane_api.kernel.failpoints import failpoint

GATHER_SECONDS = 0.02
"""How long projected changes are gathered before their events are appended."""
EMPTY_SECONDS = 0.2
"""How often the outboxes of what was appended are emptied."""
BATCH_LIMIT = 200
APPENDED_KEPT = 10_000
Item = tuple[str, str]
"""Collection and id of a document."""
_Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Due:
    """Etcd shows a document at this version, with these events in its outbox then."""

    version: int
    outbox: Sequence[_Entry]


class EventLog:
    """Appends the events of documents whose state is in etcd. With ``publishes`` the publisher's are marked."""

    def __init__(self, database: Database, *, publishes: bool) -> None:
        self._database = database
        self._publishes = publishes
        self._events: Collection = database["events"]
        self._projected: dict[Item, Due] = {}
        self._full: dict[Item, int] = {}
        self._some = asyncio.Event()
        self._on_events: list[Callable[[], None]] = []
        self._appended: LRUCache[str, bool] = LRUCache(APPENDED_KEPT)

    async def create_indexes(self) -> None:
        """For the audit search and the CloudEvents cursor."""
        await ensure_index(self._events, [("aggregate_id", 1), ("at", -1)])
        await ensure_index(self._events, [("at", -1), ("_id", -1)])
        await ensure_index(self._events, [("actor", 1), ("at", -1)])

    def subscribe(self, callback: Callable[[], None]) -> None:
        """Be told when events were appended."""
        self._on_events.append(callback)

    def has(self, item: Item) -> bool:
        """Whether a step for this document is to come by itself."""
        return item in self._projected or item in self._full

    def logged(self, event_id: str) -> bool:
        """Whether this process knows the event to be in the log."""
        return event_id in self._appended

    def projected(self, item: Item, document: Document) -> None:
        """Etcd shows this state of a document; the events in its outbox may be appended."""
        before = self._projected.get(item)
        outbox = [*(before.outbox if before else ()), *(document.get("outbox") or ())]
        self._projected[item] = Due(max(document["version"], before.version if before else 0), outbox)
        self._some.set()

    async def gathered(self) -> dict[Item, Due]:
        """Wait for projected documents and take them."""
        await self._some.wait()
        await asyncio.sleep(GATHER_SECONDS)
        batch = dict(list(self._projected.items())[:BATCH_LIMIT])
        for item in batch:
            del self._projected[item]
        if not self._projected:
            self._some.clear()
        return batch

    async def append(self, batch: Mapping[Item, Due]) -> None:
        """Write the events of a batch into the log. Raises ``PyMongoError``; then nothing of it may be forgotten."""
        entries = {
            entry["event_id"]: entry
            for due in batch.values()
            for entry in due.outbox
            if entry["event_id"] not in self._appended
        }
        documents = [{"_id": key, **self._flag(entry), **_without_id(entry)} for key, entry in entries.items()]
        if documents:
            await insert_new(self._events, documents)
        failpoint("after-events")
        self._appended.update((key, True) for key in entries)
        for item, due in batch.items():
            self._full[item] = due.version
        if documents:
            for callback in self._on_events:
                callback()

    async def empty(self) -> list[Item]:
        """Empty the outboxes of what was appended; what of it the database does not hold any more.

        Raises ``PyMongoError``; the next call tries the same again.
        """
        full, self._full = self._full, {}
        by_collection: dict[str, dict[str, int]] = defaultdict(dict)
        for (name, key), version in full.items():
            by_collection[name][key] = version
        gone: list[Item] = []
        try:
            for name, versions in by_collection.items():
                gone += [(name, key) for key in await _empty(self._database[name], versions)]
                failpoint("after-pull")
        except BaseException:
            self._full = full | self._full
            raise
        return gone

    def _flag(self, entry: _Entry) -> _Entry:
        """Marks what the publisher has to send; the rest of the log is for the audit alone."""
        return {"unsent": True} if self._publishes and entry.get("cloud_type") else {}


async def _empty(collection: Collection, versions: Mapping[str, int]) -> list[str]:
    """Empty the outboxes of documents that are still at their version; the ids that do not exist.

    At that version the outbox holds what was appended and nothing else. One that was changed meanwhile comes again
    when that change is projected.
    """
    empty = {"$set": {"outbox": []}, "$unset": {"pending": 1}}
    writes = [UpdateOne({"_id": key, "version": version}, empty) for key, version in versions.items()]
    result = await collection.bulk_write(writes, ordered=False)
    if result.matched_count == len(writes):
        return []
    existing = await collection.find({"_id": {"$in": list(versions)}}, {"_id": 1}).to_list()
    known = {document["_id"] for document in existing}
    return [key for key in versions if key not in known]


def _without_id(entry: _Entry) -> _Entry:
    return {key: value for key, value in entry.items() if key != "event_id"}
