"""Claims in MongoDB: one document per worker and UTC day (ruling 8).

A claim stands in the document of every day it touches. Taking one is a compare-and-set on each of those documents in
ascending order; if a later day refuses, the earlier ones are rolled back. Within one day the check is exact, so the
claims together can never exceed the capacity at any instant, whoever writes.
"""

import asyncio
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.errors import DuplicateKeyError

from control_plane_api.application.errors import ConflictError, InvalidError
from control_plane_api.domain.worker.claim_check import ClaimLimits, ClaimRefusal, check_claim
from control_plane_api.infrastructure.mongo.database import Collection, Database, ensure_index
from lcm_core.contracts.claims import ClaimChanges, ClaimDay, ClaimView

ATTEMPTS = 60
CHANGES_PAGE = 200
OVERLAP = timedelta(seconds=2)
"""A cursor looks this far back, because two replicas' clocks and commits do not order exactly; repeats are harmless."""


def days_of(start: datetime, end: datetime) -> Iterator[str]:
    """UTC days that ``[start, end)`` touches, ascending, as ISO dates."""
    day = start.astimezone(UTC).date()
    last = (end.astimezone(UTC) - timedelta(microseconds=1)).date()
    while day <= last:
        yield day.isoformat()
        day += timedelta(days=1)


class MongoClaims:
    """Implements ``ClaimStore``."""

    def __init__(self, database: Database) -> None:
        self._days: Collection = database["claims"]

    async def create_indexes(self) -> None:
        """For the compare-and-set, a worker's days, changes since a time, and a claim's days."""
        await ensure_index(self._days, [("_id", 1), ("version", 1)])
        await ensure_index(self._days, [("worker_id", 1), ("day", 1)])
        await ensure_index(self._days, [("day", 1)])
        await ensure_index(self._days, [("changed_at", 1), ("_id", 1)])
        await ensure_index(self._days, [("claims.claim_id", 1)])

    async def acquire(
        self, worker_id: str, limits: ClaimLimits, claims: Sequence[ClaimView]
    ) -> list[ClaimRefusal | None]:
        """See ``ClaimStore``. Claims that share their days are taken in one write per day."""
        results: list[ClaimRefusal | None] = [None] * len(claims)
        groups: dict[tuple[str, ...], list[int]] = {}
        for index, claim in enumerate(claims):
            groups.setdefault(tuple(days_of(claim.start, claim.end)), []).append(index)
        for days, indexes in groups.items():
            left = indexes
            for number, day in enumerate(days):
                refused = await self._take(worker_id, day, limits, {i: claims[i] for i in left})
                for index, refusal in refused.items():
                    results[index] = refusal
                    await self._drop(worker_id, days[:number], claims[index].claim_id)
                left = [index for index in left if index not in refused]
        return results

    async def _take(
        self, worker_id: str, day: str, limits: ClaimLimits, wanted: dict[int, ClaimView]
    ) -> dict[int, ClaimRefusal]:
        for attempt in range(ATTEMPTS):
            version, held = await self._read(worker_id, day)
            refused: dict[int, ClaimRefusal] = {}
            accepted = list(held)
            for index, claim in wanted.items():
                if any(other.claim_id == claim.claim_id and other == claim for other in accepted):
                    continue
                others = [other for other in accepted if other.claim_id != claim.claim_id]
                refusal = check_claim(claim, others, limits)
                if refusal is None:
                    accepted = [*others, claim]
                else:
                    refused[index] = refusal
            if accepted == held or await self._write(worker_id, day, version, accepted):
                return refused
            await asyncio.sleep(random.uniform(0, 0.002 * (attempt + 1)))
        raise ConflictError("Contention", f"Claims of worker {worker_id} on {day} change too fast; try again.")

    async def extend(self, claim: ClaimView, limits: ClaimLimits, end: datetime) -> ClaimRefusal | None:
        """See ``ClaimStore``: the longer claim replaces the shorter, day by day, or nothing changes."""
        longer = claim.model_copy(update={"end": end})
        held = await self._held(claim.worker_id, claim.claim_id)
        if held is not None:
            longer = held.model_copy(update={"end": max(end, held.end)})
        done: list[str] = []
        for day in days_of(longer.start, longer.end):
            refused = await self._take(claim.worker_id, day, limits, {0: longer})
            if refused:
                await self._restore(claim.worker_id, done, claim.claim_id, held)
                return refused[0]
            done.append(day)
        return None

    async def _restore(self, worker_id: str, days: list[str], claim_id: str, held: ClaimView | None) -> None:
        for day in days:
            keep = held is not None and day in set(days_of(held.start, held.end))
            await self._replace(worker_id, day, claim_id, held if keep else None)

    async def _held(self, worker_id: str, claim_id: str) -> ClaimView | None:
        document = await self._days.find_one({"claims.claim_id": claim_id, "worker_id": worker_id})
        if document is None:
            return None
        return next(ClaimView.model_validate(c) for c in document["claims"] if c["claim_id"] == claim_id)

    async def release(self, worker_id: str, claim_id: str) -> bool:
        """See ``ClaimStore``."""
        cursor = self._days.find({"claims.claim_id": claim_id, "worker_id": worker_id}, {"day": 1})
        days = [document["day"] async for document in cursor]
        await self._drop(worker_id, days, claim_id)
        return bool(days)

    async def _drop(self, worker_id: str, days: Sequence[str], claim_id: str) -> None:
        for day in days:
            await self._replace(worker_id, day, claim_id, None)

    async def _replace(self, worker_id: str, day: str, claim_id: str, claim: ClaimView | None) -> None:
        for attempt in range(ATTEMPTS):
            version, held = await self._read(worker_id, day)
            kept = [other for other in held if other.claim_id != claim_id]
            if claim is not None:
                kept.append(claim)
            if kept == held or await self._write(worker_id, day, version, kept):
                return
            await asyncio.sleep(random.uniform(0, 0.002 * (attempt + 1)))
        raise ConflictError("Contention", f"Claims of worker {worker_id} on {day} change too fast; try again.")

    async def of_worker(self, worker_id: str, start: datetime, end: datetime | None) -> list[ClaimView]:
        """See ``ClaimStore``."""
        days: dict[str, Any] = {"$gte": start.astimezone(UTC).date().isoformat()}
        if end is not None:
            days["$lte"] = end.astimezone(UTC).date().isoformat()
        found: dict[str, ClaimView] = {}
        async for document in self._days.find({"worker_id": worker_id, "day": days}):
            for stored in document["claims"]:
                claim = ClaimView.model_validate(stored)
                if claim.end > start and (end is None or claim.start < end):
                    found[claim.claim_id] = claim
        return sorted(found.values(), key=lambda claim: (claim.start, claim.claim_id))

    async def held_after(self, instant: datetime) -> list[ClaimView]:
        """See ``ClaimStore``."""
        found: dict[tuple[str, str], ClaimView] = {}
        async for document in self._days.find({"day": {"$gte": instant.astimezone(UTC).date().isoformat()}}):
            for stored in document["claims"]:
                claim = ClaimView.model_validate(stored)
                if claim.end > instant:
                    found[(claim.worker_id, claim.claim_id)] = claim
        return list(found.values())

    async def forget_before(self, instant: datetime) -> int:
        """See ``ClaimStore``."""
        result = await self._days.delete_many({"day": {"$lt": instant.astimezone(UTC).date().isoformat()}})
        return result.deleted_count

    async def changes(self, cursor: str) -> ClaimChanges:
        """See ``ClaimStore``. The cursor is the instant of the newest change seen."""
        since = _instant(cursor)
        condition = {"changed_at": {"$gt": since}}
        documents = await self._days.find(condition).sort([("changed_at", 1), ("_id", 1)]).limit(CHANGES_PAGE).to_list()
        items = [_day(document) for document in documents]
        newest = documents[-1]["changed_at"] if documents else since
        full = len(documents) == CHANGES_PAGE
        settled = newest if full else min(newest, datetime.now(UTC) - OVERLAP)
        return ClaimChanges(items=items, cursor=max(since, settled).isoformat())

    async def _read(self, worker_id: str, day: str) -> tuple[int, list[ClaimView]]:
        document = await self._days.find_one({"_id": f"{worker_id}:{day}"})
        if document is None:
            return 0, []
        return document["version"], [ClaimView.model_validate(stored) for stored in document["claims"]]

    async def _write(self, worker_id: str, day: str, version: int, claims: list[ClaimView]) -> bool:
        key, stored = f"{worker_id}:{day}", [claim.model_dump(mode="json") for claim in claims]
        now = datetime.now(UTC)
        if version == 0:
            fresh = {"worker_id": worker_id, "day": day, "version": 1, "claims": stored, "changed_at": now}
            try:
                await self._days.insert_one({"_id": key, **fresh})
            except DuplicateKeyError:
                return False
            return True
        result = await self._days.update_one(
            {"_id": key, "version": version},
            {"$set": {"claims": stored, "version": version + 1, "changed_at": now}},
        )
        return result.modified_count == 1


def _instant(cursor: str) -> datetime:
    """Where a follower of the claims is. Raises ``InvalidError`` for what no answer of this API gave."""
    if not cursor:
        return datetime(2000, 1, 1, tzinfo=UTC)
    try:
        since = datetime.fromisoformat(cursor)
    except ValueError as error:
        raise InvalidError.field("BadCursor", "since", "this is not a cursor of the claims") from error
    return since if since.tzinfo else since.replace(tzinfo=UTC)


def _day(document: dict[str, Any]) -> ClaimDay:
    return ClaimDay(
        worker_id=document["worker_id"],
        day=document["day"],
        version=document["version"],
        claims=[ClaimView.model_validate(stored) for stored in document["claims"]],
    )
