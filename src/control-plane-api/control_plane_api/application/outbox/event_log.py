"""The last two durable steps of a change, many at a time: its events into the log, then out of the outbox.

Nobody waits for them, so what was projected within a few milliseconds shares three round trips to the database, and
the command that follows finds it less busy. Repeating any step is harmless.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from control_plane_api.infrastructure.mongo.database import Collection, Database, ensure_index
from control_plane_api.kernel.failpoints import failpoint

GATHER_SECONDS = 0.01
"""How long projected changes are gathered before their events are appended."""
BATCH_LIMIT = 200
DUPLICATE_KEY = 11000
Item = tuple[str, str]
"""Collection and id of a document."""
_Entry = dict[str, Any]


class EventLog:
    """Appends the events of documents whose state is in etcd. With ``publishes`` the publisher's are marked."""

    def __init__(self, database: Database, *, publishes: bool) -> None:
        self._database = database
        self._publishes = publishes
        self._events: Collection = database["events"]
        self._projected: dict[Item, int] = {}
        self._some = asyncio.Event()
        self._on_events: list[Callable[[], None]] = []

    async def create_indexes(self) -> None:
        """For the audit search and the CloudEvents cursor."""
        await ensure_index(self._events, [("aggregate_id", 1), ("at", -1)])
        await ensure_index(self._events, [("at", -1), ("_id", -1)])
        await ensure_index(self._events, [("actor", 1), ("at", -1)])

    def subscribe(self, callback: Callable[[], None]) -> None:
        """Be told when events were appended."""
        self._on_events.append(callback)

    def projected(self, item: Item, version: int) -> None:
        """Etcd shows the document at this version; events up to it may be appended."""
        self._projected[item] = max(version, self._projected.get(item, 0))
        self._some.set()

    async def gathered(self) -> dict[Item, int]:
        """Wait for projected documents and take them, with their versions."""
        await self._some.wait()
        await asyncio.sleep(GATHER_SECONDS)
        batch = dict(list(self._projected.items())[:BATCH_LIMIT])
        for item in batch:
            del self._projected[item]
        if not self._projected:
            self._some.clear()
        return batch

    async def settle(self, batch: Mapping[Item, int]) -> list[Item]:
        """Append and pull; what of the batch the database does not hold any more. Raises ``PyMongoError``."""
        by_collection: dict[str, dict[str, int]] = defaultdict(dict)
        for (name, key), version in batch.items():
            by_collection[name][key] = version
        gone: list[Item] = []
        for name, versions in by_collection.items():
            existing = await self._settle(self._database[name], versions)
            gone += [(name, key) for key in versions.keys() - existing]
        return gone

    async def _settle(self, collection: Collection, versions: Mapping[str, int]) -> set[str]:
        """Append and pull for the documents of one collection; the ids of those that exist."""
        cursor = collection.find({"_id": {"$in": list(versions)}}, {"version": 1, "pending": 1, "outbox": 1})
        documents = await cursor.to_list()
        pending = [document for document in documents if document.get("pending")]
        due = {each["_id"]: _due(each, versions[each["_id"]]) for each in pending}
        await self._append(entry for entries in due.values() for entry in entries)
        failpoint("after-events")
        whole = [each for each in pending if each["version"] <= versions[each["_id"]]]
        unchanged = await _pull_all(collection, whole)
        if not unchanged or len(whole) < len(pending):
            # What was changed meanwhile keeps its newer events until they are projected.
            await _pull_some(collection, due)
        failpoint("after-pull")
        if any(due.values()):
            for callback in self._on_events:
                callback()
        return {document["_id"] for document in documents}

    async def _append(self, entries: Iterable[_Entry]) -> None:
        documents = [{"_id": entry["event_id"], **self._flag(entry), **_without_id(entry)} for entry in entries]
        if not documents:
            return
        try:
            await self._events.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            failures = error.details.get("writeErrors", [])
            if any(failure["code"] != DUPLICATE_KEY for failure in failures):
                raise

    def _flag(self, entry: _Entry) -> _Entry:
        """Marks what the publisher has to send; the rest of the log is for the audit alone."""
        return {"unsent": True} if self._publishes and entry.get("cloud_type") else {}


async def _pull_all(collection: Collection, documents: Sequence[_Entry]) -> bool:
    """Empty the outboxes of documents that are still as they were read; whether all were."""
    empty = {"$set": {"outbox": []}, "$unset": {"pending": 1}}
    writes = [UpdateOne({"_id": each["_id"], "version": each["version"]}, empty) for each in documents]
    if not writes:
        return True
    result = await collection.bulk_write(writes, ordered=False)
    return result.matched_count == len(writes)


async def _pull_some(collection: Collection, due: Mapping[str, Sequence[_Entry]]) -> None:
    """Take what was appended out of the outboxes and leave what came since."""
    writes = [
        UpdateOne({"_id": key}, {"$pull": {"outbox": {"event_id": {"$in": [entry["event_id"] for entry in entries]}}}})
        for key, entries in due.items()
        if entries
    ]
    if writes:
        await collection.bulk_write(writes, ordered=False)


def _due(document: Mapping[str, Any], version: int) -> list[_Entry]:
    """The events of a document that etcd shows the effect of."""
    return [entry for entry in document.get("outbox") or [] if entry["version"] <= version]


def _without_id(entry: _Entry) -> _Entry:
    return {key: value for key, value in entry.items() if key != "event_id"}
