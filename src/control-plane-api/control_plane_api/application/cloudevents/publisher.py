"""Sends the event log to the configured sink: at least once, in order per aggregate, dead letters kept.

One replica at a time sends (a lock orders the work; a frozen holder that wakes up only repeats). Events of one
aggregate leave one after the other; an event that the sink does not take holds up its own aggregate only. What the
sink refuses for good, or does not take for a day, becomes a dead letter, and the next event goes on.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from cloudevents.core.bindings.http import to_structured_event
from cloudevents.core.v1.event import CloudEvent
from prometheus_client import Counter
from pymongo.errors import PyMongoError

from control_plane_api.application.ports import Locks
from control_plane_api.infrastructure.mongo.database import Collection, Database, ensure_index
from lcm_core.contracts.outbound import DeadLetterView

log = logging.getLogger(__name__)

SENT = Counter("lcm_cloudevents_total", "CloudEvents by what became of them", ["result"])
LOCK = "cloudevents"
LOCK_SECONDS = 20.0
BATCH = 200
CONCURRENCY = 8
IDLE_SECONDS = 1.0
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 60.0
GIVE_UP_AFTER = timedelta(days=1)
SEND_SECONDS = 10.0
_PASSING = frozenset({408, 425, 429})
Stored = Mapping[str, Any]


class RefusedError(Exception):
    """The sink did not take an event; ``final`` when it never will."""

    def __init__(self, reason: str, *, final: bool) -> None:
        self.final = final
        super().__init__(reason)


def to_cloud_event(stored: Stored, source: str) -> CloudEvent:
    """The CloudEvent of a stored event; ``sequence`` is the aggregate's version."""
    attributes: dict[str, Any] = {
        "id": stored["_id"],
        "source": source,
        "type": stored["cloud_type"],
        "subject": stored["aggregate_id"],
        "time": stored["at"],
        "datacontenttype": "application/json",
        "sequence": f"{stored['version']:012d}",
    }
    if stored.get("traceparent"):
        attributes["traceparent"] = stored["traceparent"]
    data = {
        **stored.get("data", {}),
        "kind": stored["kind"],
        "id": stored["aggregate_id"],
        "version": stored["version"],
        "actor": stored.get("actor", ""),
    }
    return CloudEvent(attributes, data)


def pause_after(attempts: int) -> timedelta:
    """How long to wait before the next try."""
    return timedelta(seconds=min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempts, 10)))


class EventPublisher:
    """Implements ``DeadLetters``, and sends while :meth:`run` runs."""

    def __init__(self, database: Database, locks: Locks, sink: str, source: str, http: httpx.AsyncClient) -> None:
        self._events: Collection = database["events"]
        self._locks = locks
        self._sink = sink
        self._source = source
        self._http = http
        self._wake = asyncio.Event()

    async def create_indexes(self) -> None:
        """Few events are unsent or dead at any time."""
        await ensure_index(self._events, [("unsent", 1)], sparse=True)
        await ensure_index(self._events, [("dead.at", -1)], sparse=True)

    def wake(self) -> None:
        """Events were appended."""
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled; without a sink there is nothing to do."""
        if not self._sink:
            await asyncio.Event().wait()
        while True:
            busy = False
            try:
                if await self._locks.hold(LOCK, LOCK_SECONDS):
                    busy = await self.send_due()
            except PyMongoError as error:
                log.warning("CloudEvents wait for the database: %s", error)
            if not busy:
                self._wake.clear()
                try:
                    async with asyncio.timeout(IDLE_SECONDS):
                        await self._wake.wait()
                except TimeoutError:
                    continue

    async def send_due(self) -> bool:
        """One batch; answers whether anything was sent, so that more may be due at once."""
        heads = await self._events.find({"unsent": True}).limit(BATCH).to_list()
        names = sorted({head["aggregate_id"] for head in heads})
        if not names:
            return False
        # All unsent events of these aggregates: the order of one aggregate must not depend on where a page ends.
        found = await self._events.find({"unsent": True, "aggregate_id": {"$in": names}}).to_list()
        chains: dict[str, list[Stored]] = {}
        for event in sorted(found, key=lambda item: (item["version"], item.get("number", 0))):
            chains.setdefault(event["aggregate_id"], []).append(event)
        gate = asyncio.Semaphore(CONCURRENCY)
        sent = await asyncio.gather(*(self._send_chain(chain, gate) for chain in chains.values()))
        return any(sent)

    async def _send_chain(self, chain: Sequence[Stored], gate: asyncio.Semaphore) -> bool:
        progress = False
        async with gate:
            for event in chain:
                now = datetime.now(UTC)
                if event.get("next_try") is not None and event["next_try"] > now:
                    break
                try:
                    await self._send(event)
                except RefusedError as refusal:
                    if await self._refused(event, refusal, now):
                        continue
                    break
                await self._events.update_one({"_id": event["_id"]}, {"$unset": {"unsent": 1, "next_try": 1}})
                SENT.labels("sent").inc()
                progress = True
        return progress

    async def _send(self, event: Stored) -> None:
        message = to_structured_event(to_cloud_event(event, self._source))
        try:
            answer = await self._http.post(
                self._sink, content=message.body, headers=message.headers, timeout=SEND_SECONDS
            )
        except httpx.HTTPError as error:
            raise RefusedError(f"the sink cannot be reached: {error or type(error).__name__}", final=False) from error
        if answer.is_success:
            return
        final = 400 <= answer.status_code < 500 and answer.status_code not in _PASSING
        raise RefusedError(f"the sink answered {answer.status_code}", final=final)

    async def _refused(self, event: Stored, refusal: RefusedError, now: datetime) -> bool:
        """Note the failure; answers whether the event is dead, so that the next one may go."""
        attempts = int(event.get("attempts", 0)) + 1
        if refusal.final or now - event["at"] > GIVE_UP_AFTER:
            dead = {"at": now, "reason": str(refusal)[:500]}
            changes = {"$set": {"dead": dead, "attempts": attempts}, "$unset": {"unsent": 1, "next_try": 1}}
            await self._events.update_one({"_id": event["_id"]}, changes)
            SENT.labels("dead").inc()
            log.error("CloudEvent %s is a dead letter: %s", event["_id"], refusal)
            return True
        later = {"attempts": attempts, "next_try": now + pause_after(attempts)}
        await self._events.update_one({"_id": event["_id"]}, {"$set": later})
        SENT.labels("delayed").inc()
        if attempts == 1:
            log.warning("CloudEvent %s waits: %s", event["_id"], refusal)
        return False

    async def list(self, limit: int) -> list[DeadLetterView]:
        """See ``DeadLetters``."""
        documents = (
            await self._events.find({"dead.at": {"$exists": True}}).sort([("dead.at", -1)]).limit(limit).to_list()
        )
        return [
            DeadLetterView(
                id=document["_id"],
                type=document["cloud_type"],
                subject=document["aggregate_id"],
                version=document["version"],
                at=document["at"],
                attempts=document.get("attempts", 0),
                reason=document["dead"]["reason"],
                died_at=document["dead"]["at"],
            )
            for document in documents
        ]

    async def retry(self, event_id: str) -> bool:
        """See ``DeadLetters``."""
        changes = {"$set": {"unsent": True, "attempts": 0}, "$unset": {"dead": 1, "next_try": 1}}
        result = await self._events.update_one({"_id": event_id, "dead.at": {"$exists": True}}, changes)
        self.wake()
        return result.modified_count == 1
