"""Counts failed logins, so that passwords cannot be guessed; shared by all replicas."""

from datetime import UTC, datetime, timedelta

from control_plane_api.application.errors import ThrottledError
from control_plane_api.infrastructure.mongo.database import Collection, Database, ensure_index

WINDOW = timedelta(minutes=5)
FAILURES_PER_USER = 8
FAILURES_PER_ADDRESS = 40


class MongoLoginThrottle:
    """A user name may fail a few times, an address some more, per window."""

    def __init__(self, database: Database) -> None:
        self._failures: Collection = database["login_failures"]

    async def create_indexes(self) -> None:
        """By what is counted; old failures expire."""
        await ensure_index(self._failures, [("key", 1), ("at", 1)])
        await ensure_index(self._failures, [("at", 1)], expireAfterSeconds=int(WINDOW.total_seconds()))

    async def check(self, username: str, address: str) -> None:
        """Raise ``ThrottledError`` when the user name or the address failed too often."""
        since = datetime.now(UTC) - WINDOW
        for key, limit in ((f"user:{username}", FAILURES_PER_USER), (f"address:{address}", FAILURES_PER_ADDRESS)):
            count = await self._failures.count_documents({"key": key, "at": {"$gt": since}}, limit=limit)
            if count >= limit:
                raise ThrottledError(
                    "TooManyLogins", "Too many failed logins; try again in five minutes.", WINDOW.total_seconds()
                )

    async def failed(self, username: str, address: str) -> None:
        """Count a failure."""
        now = datetime.now(UTC)
        await self._failures.insert_many(
            [{"key": f"user:{username}", "at": now}, {"key": f"address:{address}", "at": now}]
        )
