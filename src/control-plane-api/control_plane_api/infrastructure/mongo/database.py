"""The connection to MongoDB; the only module that imports the driver's client."""

from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

Document = Mapping[str, Any]
Collection = AsyncCollection[dict[str, Any]]
Database = AsyncDatabase[dict[str, Any]]
IndexKeys = Sequence[tuple[str, int]]


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
