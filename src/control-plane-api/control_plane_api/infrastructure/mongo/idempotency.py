"""Answers to repeated requests: one effect per (caller, route, ``Idempotency-Key``).

The key is reserved before the request is handled, so that a duplicate that arrives meanwhile, at any replica, does not
run beside it; the answer is stored afterwards and repeated to duplicates. A reservation whose process died is taken
over after its time, and one whose handling failed at once: its first attempt may have had its effect all the same.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.errors import DuplicateKeyError

from control_plane_api.application.errors import ConflictError, InvalidError
from control_plane_api.infrastructure.mongo.database import Collection, Database, ensure_index, in_milliseconds
from control_plane_api.kernel.context import Repeatable

KEPT_SECONDS = 24 * 3600
RESERVED_FOR = timedelta(seconds=45)
"""Longer than a request may take."""
WAIT_SECONDS = 5.0
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """A response as it was given."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class MongoIdempotency:
    """Reservations and answers."""

    def __init__(self, database: Database) -> None:
        self._keys: Collection = database["idempotency_keys"]

    async def create_indexes(self) -> None:
        """Old answers expire by themselves."""
        await ensure_index(self._keys, [("created_at", 1)], expireAfterSeconds=KEPT_SECONDS)

    @staticmethod
    def entry_id(caller: str, route: str, key: str) -> str:
        """Identity of a reservation."""
        return hashlib.sha256(f"{caller}\n{route}\n{key}".encode()).hexdigest()

    async def reserve(self, entry_id: str, body: bytes) -> StoredAnswer | Repeatable:
        """The stored answer of an earlier request, or what the caller must handle now.

        Raises ``InvalidError`` when the key was used with another body, ``ConflictError`` when the first request is
        still running after a while.
        """
        digest = hashlib.sha256(body).hexdigest()
        deadline = asyncio.get_running_loop().time() + WAIT_SECONDS
        while True:
            now = in_milliseconds(datetime.now(UTC))
            fresh = {"body": digest, "created_at": now, "until": now + RESERVED_FOR, "answer": None}
            try:
                await self._keys.insert_one({"_id": entry_id, **fresh})
                return Repeatable(entry_id, now, again=False)
            except DuplicateKeyError:
                known = await self._keys.find_one({"_id": entry_id})
            if known is None:
                continue
            if known["body"] != digest:
                raise InvalidError.field(
                    "IdempotencyKeyReused", "Idempotency-Key", "this key was used with another body; use a new one"
                )
            if known["answer"] is not None:
                return _answer(known["answer"])
            if known["until"] <= now and await self._take_over(known, now):
                return Repeatable(entry_id, known["created_at"], again=True)
            if asyncio.get_running_loop().time() > deadline:
                raise ConflictError("RequestInProgress", "The first request with this key still runs; ask again later.")
            await asyncio.sleep(POLL_SECONDS)

    async def _take_over(self, known: Mapping[str, Any], now: datetime) -> bool:
        result = await self._keys.update_one(
            {"_id": known["_id"], "until": known["until"]}, {"$set": {"until": now + RESERVED_FOR}}
        )
        return result.modified_count == 1

    async def finish(self, entry_id: str, answer: StoredAnswer) -> None:
        """Keep the answer for duplicates."""
        stored = {"status": answer.status, "body": answer.body, "headers": dict(answer.headers)}
        await self._keys.update_one({"_id": entry_id}, {"$set": {"answer": stored}})

    async def forget(self, entry_id: str) -> None:
        """The request had no effect: a repetition may try again."""
        await self._keys.delete_one({"_id": entry_id})

    async def give_up(self, entry_id: str) -> None:
        """The request failed and may have had its effect: a repetition goes on with it at once."""
        await self._keys.update_one({"_id": entry_id}, {"$set": {"until": in_milliseconds(datetime.now(UTC))}})


def _answer(stored: Mapping[str, Any]) -> StoredAnswer:
    return StoredAnswer(stored["status"], bytes(stored["body"]), stored["headers"])
