"""From committed documents to etcd and the event log: at least once, in order per aggregate (ruling 4).

For each document with a pending outbox: put the newest state in etcd (guarded by the version), append the events to the
collection ``events`` (unique event id), then pull them from the outbox. Repeating any step is harmless, so two control
planes may work on the same document, and a crash at any instruction only leads to a repetition. What this process has
just written is put without being read again, and whatever comes after etcd is done for many documents together.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from pymongo.errors import PyMongoError

from control_plane_api.application.outbox.event_log import EMPTY_SECONDS, EventLog, Item
from control_plane_api.application.projection.projections import BY_COLLECTION, PROJECTIONS, Projected, project
from control_plane_api.infrastructure.mongo.database import Database
from control_plane_api.kernel.failpoints import failpoint
from control_plane_api.kernel.tasks import together
from lcm_core.etcd import EtcdError, EtcdStore, GuardedWrite

log = logging.getLogger(__name__)

SWEEP_SECONDS = 2.0
SWEEP_LIMIT = 500
CONCURRENCY = 16
PAUSE_AFTER_FAILURE = 0.5
_Written = Mapping[str, Any] | None


class Dispatcher:
    """Drains outboxes; woken by the stores, and by a sweep every two seconds for what a crash left behind.

    With ``publishes`` events that have a CloudEvents type are marked for the publisher.
    """

    def __init__(self, database: Database, etcd: EtcdStore, *, publishes: bool = False) -> None:
        self._database = database
        self._etcd = etcd
        self._log = EventLog(database, publishes=publishes)
        self._waiting: dict[Item, _Written] = {}
        self._busy: set[Item] = set()
        self._ready: asyncio.Queue[Item] = asyncio.Queue()
        self.failing = ""

    async def create_indexes(self) -> None:
        """For the audit search and the CloudEvents cursor."""
        await self._log.create_indexes()

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
        self._log.subscribe(callback)

    def logged(self, event_id: str) -> bool:
        """Whether this process knows the event to be in the log, so that no outbox needs to hold it."""
        return self._log.logged(event_id)

    async def run(self) -> None:
        """Work until cancelled."""
        drains = (self._drain_forever() for _ in range(CONCURRENCY))
        await together(self._sweep(), self._append_forever(), self._empty_forever(), *drains)

    async def _sweep(self) -> None:
        while True:
            try:
                for projected in PROJECTIONS:
                    cursor = self._database[projected.collection].find({"pending": True}, {"_id": 1})
                    async for document in cursor.limit(SWEEP_LIMIT):
                        if not self._log.has((projected.collection, document["_id"])):
                            self.changed(projected.collection, document["_id"])
            except PyMongoError as error:
                self._note_failure(error)
            await asyncio.sleep(SWEEP_SECONDS)

    async def _drain_forever(self) -> None:
        while True:
            item = await self._ready.get()
            written = self._waiting.pop(item)
            self._busy.add(item)
            try:
                await self._drain(item, written)
                self.failing = ""
            except (EtcdError, PyMongoError) as error:
                self._note_failure(error)
                await asyncio.sleep(PAUSE_AFTER_FAILURE)
                self._waiting.setdefault(item, None)
            finally:
                self._busy.discard(item)
                if item in self._waiting:
                    self._ready.put_nowait(item)

    async def _drain(self, item: Item, written: _Written) -> None:
        projected = BY_COLLECTION[item[0]]
        document = written or await self._database[item[0]].find_one({"_id": item[1]})
        if document is None:
            await self._forget(item)
        elif document.get("pending"):
            await self._put(projected, document)
            self._log.projected(item, document)

    async def _append_forever(self) -> None:
        while True:
            batch = await self._log.gathered()
            while True:
                try:
                    await self._log.append(batch)
                    break
                except PyMongoError as error:
                    self._note_failure(error)
                    await asyncio.sleep(PAUSE_AFTER_FAILURE)
            self._database_works()

    async def _empty_forever(self) -> None:
        while True:
            await asyncio.sleep(EMPTY_SECONDS)
            try:
                for collection, document_id in await self._log.empty():
                    self.changed(collection, document_id)
                self._database_works()
            except PyMongoError as error:
                self._note_failure(error)
                await asyncio.sleep(PAUSE_AFTER_FAILURE)

    def _database_works(self) -> None:
        if self.failing.startswith("database"):
            self.failing = ""

    async def _put(self, projected: Projected, document: Mapping[str, Any]) -> None:
        failpoint("before-projection")
        await self._etcd.put_guarded_many([GuardedWrite(key, value) for key, value in project(projected, document)])
        failpoint("after-projection")

    async def _forget(self, item: Item) -> None:
        """A purged aggregate disappears from etcd; ids are never used twice, so no newer value can be hit."""
        await self._etcd.delete_prefix(f"/lcm/{BY_COLLECTION[item[0]].etcd_collection}/{item[1]}/")

    def _note_failure(self, error: EtcdError | PyMongoError) -> None:
        sentence = f"{'etcd' if isinstance(error, EtcdError) else 'database'}: {error}"
        if sentence != self.failing:
            log.warning("Projection is held up by %s", sentence)
        self.failing = sentence
