"""Who uses how much of a quota: the ids of the sessions that count, one document per limit.

A session is added by one conditional update that also checks the limit, so two reservations cannot both be the last.
"""

from collections.abc import Sequence

from pymongo.errors import DuplicateKeyError

from control_plane_api.infrastructure.mongo.database import Collection, Database, ensure_index
from lcm_core.domain.vocabulary import SessionPhase

_LIVE = [str(phase) for phase in SessionPhase if phase is not SessionPhase.TERMINATED]
_TRIES = 20
"""Each further try means that somebody began the count or gave a place back between the update and the look."""
_PATHS = {"owner": "spec.owner", "department": "spec.department"}


class MongoQuotaUsage:
    """Implements ``QuotaUsage``."""

    def __init__(self, database: Database) -> None:
        self._usage: Collection = database["quota_usage"]
        self._sessions: Collection = database["sessions"]

    async def create_indexes(self) -> None:
        """For the sweeper."""
        await ensure_index(self._usage, [("holders", 1)])

    async def hold(self, key: str, session_id: str, limit: int) -> bool:
        """See ``QuotaUsage``."""
        for _ in range(_TRIES):
            if await self._try(key, session_id, limit):
                return True
            known = await self._usage.find_one({"_id": key})
            if known is None:
                await self._begin(key)
            elif session_id in known["holders"]:
                return True
            elif len(known["holders"]) >= limit:
                return False
        return False

    async def _try(self, key: str, session_id: str, limit: int) -> bool:
        free = {"_id": key, f"holders.{limit - 1}": {"$exists": False}, "holders": {"$ne": session_id}}
        result = await self._usage.update_one(free, {"$push": {"holders": session_id}})
        return result.modified_count == 1

    async def _begin(self, key: str) -> None:
        """A limit that was set just now counts the sessions there are."""
        scope, _, subject = key.partition(":")
        condition = {_PATHS[scope]: subject, "status.phase": {"$in": _LIVE}}
        ids = [document["_id"] async for document in self._sessions.find(condition, {"_id": 1})]
        try:
            await self._usage.insert_one({"_id": key, "holders": ids})
        except DuplicateKeyError:
            return  # Another replica began it.

    async def release(self, session_id: str, keys: Sequence[str]) -> None:
        """See ``QuotaUsage``."""
        if keys:
            await self._usage.update_many({"_id": {"$in": list(keys)}}, {"$pull": {"holders": session_id}})

    async def used(self, keys: Sequence[str]) -> dict[str, int]:
        """See ``QuotaUsage``."""
        cursor = self._usage.find({"_id": {"$in": list(keys)}})
        return {document["_id"]: len(document["holders"]) async for document in cursor}

    async def holders(self) -> list[tuple[str, str]]:
        """See ``QuotaUsage``."""
        return [
            (document["_id"], session_id)
            async for document in self._usage.find({})
            for session_id in document["holders"]
        ]
