"""Aggregates in MongoDB: one document each, compare-and-set on the version, events in the same write.

Written for every server that speaks the protocol: no findAndModify, no top-level ``$and``, keyset paging, and an index
on ``(_id, version)`` that makes the compare-and-set cheap where the planner needs it.
"""

import asyncio
import base64
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import bson
import orjson
from pymongo.errors import DuplicateKeyError

from control_plane_api.application.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
    PreconditionError,
    UnavailableError,
)
from control_plane_api.application.ports import ListPage, ListQuery
from control_plane_api.infrastructure.mongo.database import (
    Collection,
    Database,
    Document,
    ensure_index,
    in_milliseconds,
)
from control_plane_api.infrastructure.mongo.documents import body_of, outbox_entries, to_aggregate
from control_plane_api.infrastructure.mongo.pages import REFERENCE, NewestFirst, ParsedDocuments, Totals
from control_plane_api.infrastructure.mongo.written import LastWritten
from control_plane_api.kernel.aggregate import Resource
from control_plane_api.kernel.failpoints import failpoint

AggregateT = TypeVar("AggregateT", bound=Resource[Any, Any])
Changed = Callable[[str, str, Mapping[str, Any] | None], None]
"""Called with collection, id and what was written (None: removed) after a commit; wakes the dispatcher."""

ATTEMPTS = 30
BACKLOG_LIMIT_BYTES = 256 * 1024
BACKLOG_CHECK_FROM = 64


class MongoStore(Generic[AggregateT]):
    """Implements ``Store`` for one kind of aggregate."""

    def __init__(
        self,
        database: Database,
        collection: str,
        kind: type[AggregateT],
        label: str,
        changed: Changed,
        logged: Callable[[str], bool] = lambda _: False,
    ):
        self._collection: Collection = database[collection]
        self._name = collection
        self._kind = kind
        self._label = label
        self._changed = changed
        self._logged = logged
        self._documents = ParsedDocuments(kind)
        self._totals = Totals(self._collection)
        self._newest = NewestFirst()
        self._written = LastWritten()

    async def create_indexes(self, *filters: str) -> None:
        """Indexes for the compare-and-set, the outbox sweep and each list filter."""
        await ensure_index(self._collection, [("_id", 1), ("version", 1)])
        await ensure_index(self._collection, [("pending", 1)], sparse=True)
        await ensure_index(self._collection, [("created_at", -1), ("_id", -1)])
        for path in filters:
            await ensure_index(self._collection, [(path, 1), ("created_at", -1), ("_id", -1)])

    async def find(self, resource_id: str) -> AggregateT | None:
        """See ``Store``."""
        document = await self._collection.find_one({"_id": resource_id}, {"outbox": 0})
        return None if document is None else to_aggregate(self._kind, document)

    async def get(self, resource_id: str) -> AggregateT:
        """See ``Store``."""
        found = await self.find(resource_id)
        if found is None:
            raise NotFoundError(self._label, resource_id)
        return found

    async def get_many(self, resource_ids: Sequence[str]) -> dict[str, AggregateT]:
        """See ``Store``."""
        cursor = self._collection.find({"_id": {"$in": list(resource_ids)}}, {"outbox": 0})
        return {document["_id"]: to_aggregate(self._kind, document) async for document in cursor}

    async def add(self, aggregate: AggregateT) -> bool:
        """See ``Store``."""
        document = {
            "_id": aggregate.key,
            "kind": str(aggregate.KIND),
            "version": 1,
            **body_of(aggregate),
            "created_at": in_milliseconds(aggregate.state.created_at),
            "updated_at": in_milliseconds(aggregate.state.updated_at),
            "created_by": aggregate.state.created_by,
            "outbox": outbox_entries(aggregate, 1),
            "pending": True,
        }
        failpoint("before-commit")
        try:
            await self._collection.insert_one(document)
        except DuplicateKeyError:
            return False
        self._written.created(document)
        self._committed(aggregate, document)
        return True

    async def update(
        self,
        resource_id: str,
        mutate: Callable[[AggregateT], object],
        *,
        expected_version: int | None = None,
    ) -> AggregateT:
        """See ``Store``. A hot aggregate may need many tries; each loads again, so ``mutate`` must be repeatable."""
        kept = self._written.get(resource_id)
        if kept is not None:
            aggregate = self._attempted(kept, mutate, expected_version)
            if aggregate is not None and await self._save(aggregate, kept):
                return aggregate
        for attempt in range(ATTEMPTS):
            document = await self._read(resource_id)
            aggregate = self._mutated(document, mutate, expected_version)
            if not aggregate.pending_events:
                return aggregate
            self._check_backlog(document)
            if await self._save(aggregate, document):
                return aggregate
            await asyncio.sleep(random.uniform(0, 0.002 * (attempt + 1)))
        raise ConflictError(
            "Contention", f"The {self._label} {resource_id} is being changed by too many at once; try again."
        )

    def _attempted(
        self, kept: Document, mutate: Callable[[AggregateT], object], expected_version: int | None
    ) -> AggregateT | None:
        """The aggregate after a change that is worth a compare-and-set, or None: then the database decides."""
        try:
            aggregate = self._mutated(kept, mutate, expected_version)
        except Exception:  # whatever refuses the change may do so because what was kept is outdated
            return None
        return aggregate if aggregate.pending_events else None

    def _mutated(
        self, document: Document, mutate: Callable[[AggregateT], object], expected_version: int | None
    ) -> AggregateT:
        aggregate = to_aggregate(self._kind, document)
        if expected_version is not None and aggregate.version != expected_version:
            raise PreconditionError(self._label, aggregate.key, expected_version, aggregate.version)
        mutate(aggregate)
        return aggregate

    async def _read(self, resource_id: str) -> Document:
        document = await self._collection.find_one({"_id": resource_id})
        if document is None:
            self._written.forget(resource_id)
            raise NotFoundError(self._label, resource_id)
        return document

    async def _save(self, aggregate: AggregateT, document: Document) -> bool:
        """Replace the whole document, which costs the database less than changing most of its fields.

        Events that were taken out of the outbox since it was read come back this way; appending them again is harmless.
        """
        waiting = [entry for entry in document.get("outbox") or () if not self._logged(entry["event_id"])]
        written = {
            **document,
            **body_of(aggregate),
            "version": aggregate.version + 1,
            "updated_at": in_milliseconds(datetime.now(UTC)),
            "outbox": [*waiting, *outbox_entries(aggregate, aggregate.version + 1)],
            "pending": True,
        }
        failpoint("before-commit")
        result = await self._collection.replace_one(
            # The time as well: a restored backup counts its versions again.
            {"_id": aggregate.key, "version": document["version"], "updated_at": document["updated_at"]},
            written,
        )
        if result.modified_count != 1:
            self._written.forget(aggregate.key)
            return False
        aggregate.state.updated_at = written["updated_at"]
        self._written.changed(written, base=document)
        self._committed(aggregate, written)
        # The dispatcher makes its call of etcd in the first turn of the loop and gRPC sends it in the second; only then
        # is the answer made, while etcd works.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return True

    def _committed(self, aggregate: AggregateT, written: Mapping[str, Any]) -> None:
        failpoint("after-commit")
        aggregate.state.version = written["version"]
        aggregate.clear_pending_events()
        self._totals.changed()
        self._changed(self._name, aggregate.key, written)

    def _check_backlog(self, document: Document) -> None:
        outbox = document.get("outbox") or []
        if len(outbox) < BACKLOG_CHECK_FROM:
            return
        size = len(bson.encode({"outbox": outbox}))
        if size > BACKLOG_LIMIT_BYTES:
            raise UnavailableError(
                "ProjectionBacklog",
                f"{size} bytes of events of {self._label} {document['_id']} wait to be projected; "
                "etcd or the database's event log is behind. Try again when it has caught up.",
            )

    async def list(self, query: ListQuery) -> ListPage[AggregateT]:
        """See ``Store``."""
        condition: dict[str, Any] = {key: _condition(value) for key, value in query.filters.items()}
        references = await self._references(condition, query)
        page = references[: query.limit]
        more = len(references) > query.limit
        whole = not more and not query.cursor
        total = len(page) if whole else await self._totals.of(condition)
        next_cursor = _encode_cursor(page[-1], query.sort) if more else ""
        return ListPage([*await self._parsed(page)], next_cursor, total)

    async def _references(self, condition: Mapping[str, Any], query: ListQuery) -> Sequence[dict[str, Any]]:
        """References with the sort value to a page's documents and one more."""
        boundary, after = _after(query.sort, query) if query.cursor else (None, {})
        if query.sort != "created_at" or not query.descending or condition:
            return await self._sorted({**condition, **after}, query)
        near = self._newest.range(boundary)
        found = await self._sorted({**after, "created_at": near}, query) if near is not None else []
        if len(found) <= query.limit:
            found = await self._sorted(after, query)
        self._newest.learn([each["created_at"] for each in found], query.limit)
        return found

    async def _sorted(self, condition: Mapping[str, Any], query: ListQuery) -> Sequence[dict[str, Any]]:
        path, direction = query.sort, -1 if query.descending else 1
        cursor = self._collection.find(condition, {**REFERENCE, path: 1})
        return await cursor.sort([(path, direction), ("_id", direction)]).limit(query.limit + 1).to_list()

    async def _parsed(self, references: Sequence[Mapping[str, Any]]) -> Sequence[AggregateT]:
        """The aggregates in the same order; one that vanished or changed meanwhile is left out or is the newer one."""
        # Taken before anything is awaited: pages that are read meanwhile may displace what is known now.
        found = {each["_id"]: self._documents.known(each) for each in references}
        missing = [key for key, aggregate in found.items() if aggregate is None]
        if missing:
            cursor = self._collection.find({"_id": {"$in": missing}}, {"outbox": 0})
            found |= self._documents.learn(await cursor.to_list())
        return [aggregate for aggregate in found.values() if aggregate is not None]

    async def remove(self, resource_id: str) -> bool:
        """See ``Store``."""
        result = await self._collection.delete_one({"_id": resource_id})
        self._written.forget(resource_id)
        if result.deleted_count:
            self._totals.changed()
            self._changed(self._name, resource_id, None)
        return bool(result.deleted_count)


def _condition(value: object) -> object:
    return {"$in": list(value)} if isinstance(value, list | tuple | frozenset | set) else value


def _lookup(document: Mapping[str, Any], path: str) -> Any:
    found: Any = document
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _encode_cursor(document: Mapping[str, Any], path: str) -> str:
    value = _lookup(document, path)
    kind = "t" if isinstance(value, datetime) else "v"
    text = value.isoformat() if isinstance(value, datetime) else value
    return base64.urlsafe_b64encode(orjson.dumps([path, kind, text, document["_id"]])).decode()


def _after(path: str, query: ListQuery) -> tuple[Any, dict[str, Any]]:
    """The value a cursor stands at, and the condition for what comes after it."""
    try:
        stored_path, kind, value, last_id = orjson.loads(base64.urlsafe_b64decode(query.cursor))
        boundary = datetime.fromisoformat(value) if kind == "t" else value
    except (ValueError, TypeError) as error:
        raise InvalidError.field("BadCursor", "cursor", "this is not a cursor of this list") from error
    if stored_path != path:
        raise InvalidError.field("BadCursor", "cursor", f"the cursor belongs to a list sorted by {stored_path}")
    operator = "$lt" if query.descending else "$gt"
    return boundary, {"$or": [{path: {operator: boundary}}, {path: boundary, "_id": {operator: last_id}}]}
