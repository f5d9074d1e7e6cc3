"""How much of everything there is, counted for Prometheus; every replica counts the same."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from prometheus_client import Gauge
from pymongo.errors import PyMongoError

from control_plane_api.application.invariants.catalog import INVARIANTS
from control_plane_api.infrastructure.mongo.database import Database
from control_plane_api.infrastructure.mongo.standing import MongoStanding
from lcm_core.clock import Clock
from lcm_core.domain.vocabulary import SessionPhase, WorkerPhase

log = logging.getLogger(__name__)

COUNT_SECONDS = 10.0
BEHIND_AFTER = timedelta(seconds=5)
"""An outbox is emptied some times a second; one that is full for longer waits for something."""
SESSIONS = Gauge("lcm_sessions", "Sessions by phase", ["phase"])
WORKERS = Gauge("lcm_workers", "Workers by phase", ["phase"])
TASKS = Gauge("lcm_tasks_open", "Operator tasks that wait for a person")
LATE = Gauge("lcm_sessions_late", "Sessions whose slot has begun and which no learner can enter yet")
BACKLOG = Gauge("lcm_outbox_documents", "Documents whose changes are not projected yet", ["collection"])
VIOLATIONS = Gauge("lcm_invariant_violations", "Counter-examples of what must always hold", ["invariant"])

_BEFORE_READY = [SessionPhase.PENDING, SessionPhase.SCHEDULED, SessionPhase.INSTANTIATING]
_PROJECTED = ("sessions", "workers")


class Gauges:
    """Counts every few seconds; a database that is away leaves the last figures standing."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                await self.count()
            except PyMongoError as error:
                log.warning("Nothing is counted while the database is away: %s", error)
            await asyncio.sleep(COUNT_SECONDS)

    async def count(self) -> None:
        """One pass. Raises ``PyMongoError``."""
        sessions, workers = self._database["sessions"], self._database["workers"]
        for phase in SessionPhase:
            SESSIONS.labels(phase).set(await sessions.count_documents({"status.phase": phase}))
        for state in WorkerPhase:
            WORKERS.labels(state).set(await workers.count_documents({"status.phase": state}))
        TASKS.set(await self._database["tasks"].count_documents({"status.phase": "open"}))
        standing = await MongoStanding(self._database).counted()
        for invariant in INVARIANTS:
            VIOLATIONS.labels(invariant.name).set(standing.get(invariant.name, 0))
        # Times are stored as ISO text in UTC, which sorts like the instants.
        late = {
            "status.phase": {"$in": _BEFORE_READY},
            "spec.as_soon_as_possible": False,
            "spec.slot.start": {"$lt": self._clock.now().isoformat()[:19]},
        }
        LATE.set(await sessions.count_documents(late))
        for name in _PROJECTED:
            behind = {"outbox.0": {"$exists": True}, "updated_at": {"$lt": datetime.now(UTC) - BEHIND_AFTER}}
            BACKLOG.labels(name).set(await self._database[name].count_documents(behind))
