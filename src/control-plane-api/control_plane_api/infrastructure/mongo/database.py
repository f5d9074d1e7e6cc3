"""The connection to MongoDB; the only module that imports the driver's client."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError

Document = Mapping[str, Any]
NewDocument = dict[str, Any]
Collection = AsyncCollection[dict[str, Any]]
Database = AsyncDatabase[dict[str, Any]]
IndexKeys = Sequence[tuple[str, int]]
DUPLICATE_KEY = 11000


def connect(uri: str) -> "AsyncMongoClient[dict[str, Any]]":
    """A client with aware times and time limits that fit a request: 3 s to find a server, 10 s for each answer.

    The driver's limit of a whole operation (``timeoutMS``) would cost every operation a tenth of its time.
    """
    return AsyncMongoClient(
        uri,
        tz_aware=True,
        serverSelectionTimeoutMS=3000,
        connectTimeoutMS=3000,
        socketTimeoutMS=10_000,
        waitQueueTimeoutMS=10_000,
        maxPoolSize=64,
        retryWrites=True,
    )


async def ensure_index(collection: Collection, keys: IndexKeys, **options: Any) -> None:
    """Create an index unless it exists."""
    await collection.create_index(list(keys), **options)


async def insert_new(collection: Collection, documents: Sequence[NewDocument]) -> set[int]:
    """Insert those whose ids are not taken; the indexes of the others. Raises ``PyMongoError``."""
    try:
        await collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        failures = error.details.get("writeErrors", [])
        if any(failure["code"] != DUPLICATE_KEY for failure in failures):
            raise
        return {failure["index"] for failure in failures}
    return set()


def in_milliseconds(instant: datetime) -> datetime:
    """The instant as the database keeps it, so that what is read back is what was meant."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)
