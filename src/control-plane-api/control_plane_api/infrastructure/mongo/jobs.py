"""When jobs ran last, and what their runs did."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.errors import DuplicateKeyError
from ulid import ULID

from control_plane_api.infrastructure.mongo.database import Collection, Database, ensure_index
from lcm_core.contracts.administration import JobLast, JobRunView

RUNS_KEPT_SECONDS = 30 * 24 * 3600
LOST_AFTER = timedelta(minutes=10)
"""A run that has not finished by then died with its process; the job may run again."""


class MongoJobs:
    """Implements ``JobStore``."""

    def __init__(self, database: Database) -> None:
        self._jobs: Collection = database["jobs"]
        self._runs: Collection = database["job_runs"]

    async def create_indexes(self) -> None:
        """Runs by job; old ones expire."""
        await ensure_index(self._runs, [("job", 1), ("started_at", -1)])
        await ensure_index(self._runs, [("finished_at", 1)], expireAfterSeconds=RUNS_KEPT_SECONDS)

    async def due(self, intervals: Mapping[str, int]) -> set[str]:
        """See ``JobStore``; one read for all jobs."""
        now = datetime.now(UTC)
        known = {document["_id"]: document async for document in self._jobs.find({})}
        return {name for name, seconds in intervals.items() if name not in known or _due(known[name], seconds, now)}

    async def claim(self, name: str, interval_seconds: int) -> bool:
        """See ``JobStore``. A new installation waits one interval before the first run."""
        now = datetime.now(UTC)
        known = await self._jobs.find_one({"_id": name})
        if known is None:
            try:
                await self._jobs.insert_one({"_id": name, "due_from": now, "started_at": None})
            except DuplicateKeyError:
                return False
            return False
        if not _due(known, interval_seconds, now):
            return False
        result = await self._jobs.update_one(
            {"_id": name, "started_at": known.get("started_at")},
            {"$set": {"started_at": now, "running": True}, "$unset": {"requested_at": 1}},
        )
        return result.modified_count == 1

    async def finish(self, name: str, result: str, message: str) -> None:
        """See ``JobStore``."""
        now = datetime.now(UTC)
        known = await self._jobs.find_one({"_id": name})
        started = (known or {}).get("started_at") or now
        last = {"running": False, "finished_at": now, "result": result, "message": message}
        await self._jobs.update_one({"_id": name}, {"$set": last})
        run = {"job": name, "started_at": started, "finished_at": now, "result": result, "message": message}
        await self._runs.insert_one({"_id": str(ULID()), **run})

    async def request(self, name: str) -> None:
        """See ``JobStore``."""
        now = datetime.now(UTC)
        await self._jobs.update_one(
            {"_id": name}, {"$set": {"requested_at": now}, "$setOnInsert": {"due_from": now}}, upsert=True
        )

    async def all(self) -> dict[str, JobLast]:
        """See ``JobStore``."""
        return {
            document["_id"]: JobLast(
                last_started_at=document.get("started_at"),
                last_finished_at=document.get("finished_at"),
                last_result=document.get("result", ""),
                last_message=document.get("message", ""),
                requested_at=document.get("requested_at"),
            )
            async for document in self._jobs.find({})
        }

    async def runs(self, name: str, limit: int) -> list[JobRunView]:
        """See ``JobStore``."""
        cursor = self._runs.find({"job": name}).sort([("started_at", -1)]).limit(limit)
        return [JobRunView.model_validate({**document, "id": document["_id"]}) async for document in cursor]


def _due(known: Mapping[str, Any], interval_seconds: int, now: datetime) -> bool:
    started = known.get("started_at") or known["due_from"]
    asked = known.get("requested_at") is not None
    running = known.get("running", False) and now - started < LOST_AFTER
    return (asked or now - started >= timedelta(seconds=interval_seconds)) and not running
