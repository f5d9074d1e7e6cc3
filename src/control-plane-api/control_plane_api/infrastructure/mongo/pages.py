"""What makes a page of a list cheap: parsed documents are kept, totals are remembered, the newest are looked for first.

A page reads the ids and versions of its documents and parses only those it does not know yet. None of it
changes what a list answers, except that a total may be a second old.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

import orjson
from cachetools import LRUCache, TTLCache

from control_plane_api.infrastructure.mongo.database import Collection
from control_plane_api.infrastructure.mongo.documents import to_aggregate
from control_plane_api.infrastructure.mongo.field_names import FieldNames
from control_plane_api.kernel.aggregate import Resource, ResourceState

AggregateT = TypeVar("AggregateT", bound=Resource[Any, Any])
Document = Mapping[str, Any]
_Version = tuple[int, datetime]

KEPT_DOCUMENTS = 5_000
COUNT_LIMIT = 10_000
COUNTED_SECONDS = 1.0
COUNTED_CONDITIONS = 500
EXACT_BELOW = 1_000
"""A smaller total counts every change of this process at once; a larger one may lag behind."""


REFERENCE = {"_id": 1, "version": 1, "updated_at": 1}
"""What tells one state of a document from every other; the time, because a restored backup may count again."""


class ParsedDocuments(Generic[AggregateT]):
    """Aggregates by reference, the newest that was parsed of each. They share specification and status: for reading,
    never to be changed.
    """

    def __init__(self, kind: type[AggregateT], size: int = KEPT_DOCUMENTS) -> None:
        self._kind = kind
        self._states: LRUCache[str, tuple[_Version, ResourceState[Any, Any]]] = LRUCache(size)
        self._names = FieldNames()

    def learn(self, documents: Iterable[Document]) -> dict[str, AggregateT]:
        """Parse whole documents; the aggregates by id."""
        learned = {}
        for document in documents:
            aggregate = to_aggregate(self._kind, document)
            self._names.share(aggregate.spec)
            self._names.share(aggregate.status)
            self._states[document["_id"]] = (_version(document), aggregate.state)
            learned[aggregate.key] = aggregate
        return learned

    def known(self, reference: Document) -> AggregateT | None:
        """The aggregate of a reference, unless it was never parsed or is forgotten."""
        version, state = self._states.get(reference["_id"], (None, None))
        return None if state is None or version != _version(reference) else self._kind(state)


def _version(document: Document) -> _Version:
    return document["version"], document["updated_at"]


class Totals:
    """How many documents match a condition: at most a second old, and exact for this process's changes while small."""

    def __init__(self, collection: Collection, timer: Callable[[], float] | None = None) -> None:
        self._collection = collection
        self._changes = 0
        self._known: TTLCache[bytes, tuple[int, int]] = TTLCache(
            COUNTED_CONDITIONS, COUNTED_SECONDS, timer or _loop_time
        )

    def changed(self) -> None:
        """This process wrote a document of the collection."""
        self._changes += 1

    async def of(self, condition: Document) -> int:
        """The total, up to ``COUNT_LIMIT``."""
        key = orjson.dumps(condition, option=orjson.OPT_SORT_KEYS)
        changes, total = self._known.get(key, (-1, 0))
        if changes != self._changes and total < EXACT_BELOW:
            changes = self._changes
            total = await self._collection.count_documents(condition, limit=COUNT_LIMIT)
            self._known[key] = (changes, total)
        return total


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


class NewestFirst:
    """Guesses how far back the next page reaches, by how far the page before did.

    The embedded database sorts everything that matches before it takes the first; a range of times keeps that small.
    """

    def __init__(self) -> None:
        self._newest: datetime | None = None
        self._span = timedelta(0)

    def range(self, boundary: datetime | None) -> dict[str, datetime] | None:
        """Condition on the time for the page that ends at a boundary (None: now); None when nothing is known."""
        if self._newest is None:
            return None
        if boundary is None:
            return {"$gte": self._newest - self._span}
        return {"$gte": boundary - self._span, "$lte": boundary}

    def learn(self, times: Sequence[datetime], limit: int) -> None:
        """Take note of a page's times, newest first; a page that was not full tells nothing."""
        if len(times) <= limit:
            self._newest = None
            return
        self._newest = max(times[0], self._newest or times[0])
        # Twice as far: the next page may hold fewer in the same time.
        self._span = 2 * (times[0] - times[-1]) + timedelta(milliseconds=1)
