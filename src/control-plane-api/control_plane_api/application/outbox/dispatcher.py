"""From committed documents to etcd and the event log: at least once, in order per aggregate (ruling 4).

For each document with a pending outbox: put the newest state in etcd (guarded by the version), append the events to the
collection ``events`` (unique event id), then pull them from the outbox. Repeating any step is harmless, so two control
planes may work on the same document, and a crash at any instruction only leads to a repetition. What this process has
just written is put before it is read again: whoever waits for it in etcd waits for one round trip less.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from pymongo.errors import BulkWriteError, PyMongoError

from control_plane_api.application.projection.projections import BY_COLLECTION, PROJECTIONS, Projected, project
from control_plane_api.infrastructure.mongo.database import Collection, Database, ensure_index
from control_plane_api.kernel.failpoints import failpoint
from control_plane_api.kernel.tasks import together
from lcm_core.etcd import EtcdError, EtcdStore, GuardedWrite

log = logging.getLogger(__name__)

SWEEP_SECONDS = 1.0
SWEEP_LIMIT = 500
CONCURRENCY = 16
DUPLICATE_KEY = 11000
PAUSE_AFTER_FAILURE = 0.5
_Item = tuple[str, str]
"""Collection and id of a document."""
_Written = Mapping[str, Any] | None


class Dispatcher:
    """Drains outboxes; woken by the stores, and by a sweep each second for what a crash left behind.

    With ``publishes`` events that have a CloudEvents type are marked for the publisher.
    """

    def __init__(self, database: Database, etcd: EtcdStore, *, publishes: bool = False) -> None:
        self._database = database
        self._etcd = etcd
        self._publishes = publishes
        self._events: Collection = database["events"]
        self._waiting: dict[_Item, _Written] = {}
        self._busy: set[_Item] = set()
        self._ready: asyncio.Queue[_Item] = asyncio.Queue()
        self._on_events: list[Callable[[], None]] = []
        self.failing = ""

    async def create_indexes(self) -> None:
        """For the audit search and the CloudEvents cursor."""
        await ensure_index(self._events, [("aggregate_id", 1), ("at", -1)])
        await ensure_index(self._events, [("at", -1), ("_id", -1)])
        await ensure_index(self._events, [("actor", 1), ("at", -1)])

    def changed(self, collection: str, document_id: str, written: _Written = None) -> None:
        """A document was committed, or is to be looked at; drain it soon. ``written`` is its new state, if known."""
        item = (collection, document_id)
        known = item in self._waiting
        self._waiting[item] = written if written is not None else self._waiting.get(item)
        # One at a time per document keeps the order: whoever works on it puts it back when done.
        if not known and item not in self._busy:
            self._ready.put_nowait(item)

    def subscribe(self, callback: Callable[[], None]) -> None:
        """Be told when events were appended."""
        self._on_events.append(callback)

    async def run(self) -> None:
        """Work until cancelled."""
        await together(self._sweep(), *(self._drain_forever() for _ in range(CONCURRENCY)))

    async def _sweep(self) -> None:
        while True:
            try:
                for projected in PROJECTIONS:
                    cursor = self._database[projected.collection].find({"pending": True}, {"_id": 1})
                    async for document in cursor.limit(SWEEP_LIMIT):
                        self.changed(projected.collection, document["_id"])
            except PyMongoError as error:
                self._note_failure("database", error)
            await asyncio.sleep(SWEEP_SECONDS)

    async def _drain_forever(self) -> None:
        while True:
            item = await self._ready.get()
            written = self._waiting.pop(item)
            self._busy.add(item)
            try:
                await self._drain(BY_COLLECTION[item[0]], item[1], written)
                self.failing = ""
            except (EtcdError, PyMongoError) as error:
                self._note_failure("etcd" if isinstance(error, EtcdError) else "database", error)
                await asyncio.sleep(PAUSE_AFTER_FAILURE)
                self._waiting.setdefault(item, None)
            finally:
                self._busy.discard(item)
                if item in self._waiting:
                    self._ready.put_nowait(item)

    async def _drain(self, projected: Projected, document_id: str, written: _Written) -> None:
        if written is not None:
            await self._put(projected, written)
        collection = self._database[projected.collection]
        document = await collection.find_one({"_id": document_id})
        if document is None:
            await self._forget(projected, document_id)
            return
        if not document.get("pending"):
            return
        if written is None or written["version"] != document["version"]:
            await self._put(projected, document)
        entries = document.get("outbox") or []
        await self._append(entries)
        failpoint("after-events")
        await self._pull(collection, document, entries)
        failpoint("after-pull")
        for callback in self._on_events:
            callback()

    async def _put(self, projected: Projected, document: Mapping[str, Any]) -> None:
        failpoint("before-projection")
        await self._etcd.put_guarded_many([GuardedWrite(key, value) for key, value in project(projected, document)])
        failpoint("after-projection")

    async def _forget(self, projected: Projected, document_id: str) -> None:
        """A purged aggregate disappears from etcd; ids are never used twice, so no newer value can be hit."""
        await self._etcd.delete_prefix(f"/lcm/{projected.etcd_collection}/{document_id}/")

    async def _append(self, entries: list[dict[str, Any]]) -> None:
        if not entries:
            return
        documents = [{"_id": entry["event_id"], **self._flag(entry), **_without_id(entry)} for entry in entries]
        try:
            await self._events.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            failures = error.details.get("writeErrors", [])
            if any(failure["code"] != DUPLICATE_KEY for failure in failures):
                raise

    def _flag(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Marks what the publisher has to send; the rest of the log is for the audit alone."""
        return {"unsent": True} if self._publishes and entry.get("cloud_type") else {}

    @staticmethod
    async def _pull(collection: Collection, document: dict[str, Any], entries: list[dict[str, Any]]) -> None:
        unchanged = {"_id": document["_id"], "version": document["version"]}
        result = await collection.update_one(unchanged, {"$set": {"outbox": []}, "$unset": {"pending": 1}})
        if result.matched_count == 0:
            done = [entry["event_id"] for entry in entries]
            await collection.update_one({"_id": document["_id"]}, {"$pull": {"outbox": {"event_id": {"$in": done}}}})

    def _note_failure(self, where: str, error: Exception) -> None:
        sentence = f"{where}: {error}"
        if sentence != self.failing:
            log.warning("Projection is held up by %s", sentence)
        self.failing = sentence


def _without_id(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "event_id"}
