"""Named locks with an expiry in MongoDB: work that one replica does at a time and that is harmless when done twice."""

from datetime import UTC, datetime, timedelta

from pymongo.errors import DuplicateKeyError

from control_plane_api.infrastructure.mongo.database import Collection, Database


class MongoLocks:
    """Locks of this process. They order work; they do not guard it: a frozen holder may wake up after its time."""

    def __init__(self, database: Database, identity: str) -> None:
        self._locks: Collection = database["locks"]
        self._identity = identity

    async def hold(self, name: str, seconds: float) -> bool:
        """Take or renew the lock for ``seconds`` from now; False while another process holds it."""
        now = datetime.now(UTC)
        until = now + timedelta(seconds=seconds)
        known = await self._locks.find_one({"_id": name})
        if known is None:
            try:
                await self._locks.insert_one({"_id": name, "holder": self._identity, "until": until})
            except DuplicateKeyError:
                return False
            return True
        if known["holder"] != self._identity and known["until"] > now:
            return False
        result = await self._locks.update_one(
            {"_id": name, "holder": known["holder"], "until": known["until"]},
            {"$set": {"holder": self._identity, "until": until}},
        )
        return result.matched_count == 1

    async def release(self, name: str) -> None:
        """Give the lock back; harmless when it is not held."""
        await self._locks.delete_one({"_id": name, "holder": self._identity})
