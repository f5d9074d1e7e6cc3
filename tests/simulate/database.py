"""An in-memory database that behaves like the product's use of MongoDB, over connections that may fail.

One ``Database`` holds the truth; each process sees it through a ``DatabaseView`` with its own connection.
"""

import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo import UpdateOne
from pymongo.errors import AutoReconnect, BulkWriteError, DuplicateKeyError

from tests.simulate.documents import Document, copied, matches, projected, sort_key, stored, updated
from tests.simulate.network import Connection

DUPLICATE_KEY = 11000
Written = Callable[[str, Document | None, Document | None], None]
"""Called with collection, document before and document after, at the instant of each write."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a write answers."""

    matched_count: int = 0
    modified_count: int = 0
    deleted_count: int = 0


class Database:
    """Collections by name; whoever watches learns of each write at its instant."""

    def __init__(self) -> None:
        self.collections: dict[str, dict[Any, Document]] = {}
        self._watchers: list[Written] = []
        self._numbers = random.Random(0)

    def watch(self, watcher: Written) -> None:
        """Call for each write from now on; what it raises ends the run."""
        self._watchers.append(watcher)

    def documents(self, name: str) -> dict[Any, Document]:
        """The documents of a collection by id; not to be changed."""
        return self.collections.setdefault(name, {})

    def new_id(self) -> str:
        """An id for a document that brings none."""
        return f"{self._numbers.getrandbits(64):016x}"

    def write(self, name: str, key: Any, document: Document | None) -> None:
        """Replace, insert or (None) delete one document."""
        held = self.documents(name)
        before = held.get(key)
        if document is None:
            held.pop(key, None)
        else:
            held[key] = document
        for watcher in self._watchers:
            watcher(name, before, document)


class Cursor:
    """The answer of a find; documents are read when it is first walked."""

    def __init__(self, collection: "Collection", condition: Mapping[str, Any], wanted: Mapping[str, int] | None):
        self._collection = collection
        self._condition = condition
        self._wanted = wanted
        self._sort: Sequence[tuple[str, int]] = ()
        self._limit = 0

    def sort(self, keys: Sequence[tuple[str, int]]) -> "Cursor":
        """Order the answer."""
        self._sort = keys
        return self

    def limit(self, count: int) -> "Cursor":
        """Take so many at most."""
        self._limit = count
        return self

    async def to_list(self) -> list[Document]:
        """All of them."""
        return await self._collection.connection.call(self._read)

    async def __aiter__(self) -> AsyncIterator[Document]:
        for document in await self.to_list():
            yield document

    def _read(self) -> list[Document]:
        found = self._collection.select(self._condition)
        for path, direction in reversed(self._sort):
            found.sort(key=lambda document: sort_key(document, path), reverse=direction < 0)
        if self._limit:
            found = found[: self._limit]
        return [projected(document, self._wanted) for document in found]


class Collection:
    """One collection as a process sees it: the methods of the driver that the product uses."""

    def __init__(self, database: Database, name: str, connection: Connection) -> None:
        self._database = database
        self._name = name
        self.connection = connection

    async def create_index(self, keys: Sequence[tuple[str, int]], **options: Any) -> str:
        """Accepted: every query reads everything anyway."""
        del keys, options
        return ""

    def select(self, condition: Mapping[str, Any]) -> list[Document]:
        """Matching documents themselves, in the order of their insertion."""
        held = self._database.documents(self._name)
        wanted = condition.get("_id")
        if isinstance(wanted, str):
            one = held.get(wanted)
            return [one] if one is not None and matches(one, condition) else []
        return [document for document in held.values() if matches(document, condition)]

    def find(self, condition: Mapping[str, Any], wanted: Mapping[str, int] | None = None) -> Cursor:
        """Documents that match."""
        return Cursor(self, condition, wanted)

    async def find_one(self, condition: Mapping[str, Any], wanted: Mapping[str, int] | None = None) -> Document | None:
        """The first that matches."""

        def read() -> Document | None:
            found = self.select(condition)
            return projected(found[0], wanted) if found else None

        return await self.connection.call(read)

    async def count_documents(self, condition: Mapping[str, Any], limit: int = 0) -> int:
        """How many match."""
        found = await self.connection.call(lambda: len(self.select(condition)))
        return min(found, limit) if limit else found

    async def insert_one(self, document: Document) -> None:
        """Raises ``DuplicateKeyError``."""
        await self.connection.call(lambda: self._insert(document))

    def _insert(self, document: Document) -> None:
        fresh = stored(document)
        key = fresh.setdefault("_id", self._database.new_id())
        if key in self._database.documents(self._name):
            raise DuplicateKeyError(f"{self._name} holds {key} already", DUPLICATE_KEY)
        self._database.write(self._name, key, fresh)

    async def insert_many(self, documents: Iterable[Document], *, ordered: bool = True) -> None:
        """Raises ``BulkWriteError`` that names the duplicates; the others are written."""
        del ordered
        await self.connection.call(lambda: self._insert_many(list(documents)))

    def _insert_many(self, documents: list[Document]) -> None:
        failures: list[Document] = []
        for index, document in enumerate(documents):
            try:
                self._insert(document)
            except DuplicateKeyError:
                failures.append({"index": index, "code": DUPLICATE_KEY})
        if failures:
            raise BulkWriteError({"writeErrors": failures})

    async def update_one(
        self, condition: Mapping[str, Any], change: Mapping[str, Mapping[str, Any]], *, upsert: bool = False
    ) -> Result:
        """Change the first that matches."""
        return await self.connection.call(lambda: self._update(condition, change, upsert=upsert, most=1))

    async def update_many(self, condition: Mapping[str, Any], change: Mapping[str, Mapping[str, Any]]) -> Result:
        """Change all that match."""
        return await self.connection.call(lambda: self._update(condition, change, upsert=False, most=None))

    async def replace_one(self, condition: Mapping[str, Any], document: Document) -> Result:
        """Put another document in the place of the first that matches."""
        return await self.connection.call(lambda: self._replace(condition, document))

    def _replace(self, condition: Mapping[str, Any], document: Document) -> Result:
        found = self.select(condition)[:1]
        fresh = stored(document)
        for before in found:
            self._database.write(self._name, before["_id"], fresh)
        return Result(len(found), sum(before != fresh for before in found))

    async def bulk_write(self, writes: Sequence[UpdateOne], *, ordered: bool = True) -> Result:
        """Changes of one document each."""
        del ordered
        return await self.connection.call(lambda: self._bulk_write(writes))

    def _bulk_write(self, writes: Sequence[UpdateOne]) -> Result:
        results = [self._update(write._filter, write._doc, upsert=False, most=1) for write in writes]
        return Result(sum(each.matched_count for each in results), sum(each.modified_count for each in results))

    def _update(
        self, condition: Mapping[str, Any], change: Mapping[str, Mapping[str, Any]], *, upsert: bool, most: int | None
    ) -> Result:
        found = self.select(condition)[:most]
        if not found and upsert:
            self._database.write(
                self._name, condition["_id"], updated({"_id": condition["_id"]}, change, inserting=True)
            )
            return Result()
        modified = 0
        for document in found:
            fresh = updated(document, change)
            if fresh != document:
                modified += 1
                self._database.write(self._name, document["_id"], fresh)
        return Result(len(found), modified)

    async def delete_one(self, condition: Mapping[str, Any]) -> Result:
        """Delete the first that matches."""
        return await self.connection.call(lambda: self._delete(condition, 1))

    async def delete_many(self, condition: Mapping[str, Any]) -> Result:
        """Delete all that match."""
        return await self.connection.call(lambda: self._delete(condition, None))

    def _delete(self, condition: Mapping[str, Any], most: int | None) -> Result:
        found = self.select(condition)[:most]
        for document in found:
            self._database.write(self._name, document["_id"], None)
        return Result(deleted_count=len(found))


class DatabaseView:
    """The database as one process sees it; stands for the driver's database."""

    def __init__(self, database: Database, connection: Connection) -> None:
        self._database = database
        self._connection = connection
        self._collections: dict[str, Collection] = {}

    def __getitem__(self, name: str) -> Collection:
        if name not in self._collections:
            self._collections[name] = Collection(self._database, name, self._connection)
        return self._collections[name]


def database_failure(sentence: str) -> Exception:
    """What the driver raises when the connection breaks."""
    return AutoReconnect(sentence)


__all__ = ["Database", "DatabaseView", "copied", "database_failure"]
