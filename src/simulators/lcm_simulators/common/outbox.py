"""Events that wait to be delivered, kept in the simulator's database until somebody took them.

Nouns: an event is *waiting* until its receiver accepted it (*delivered*), said that it never will (*refused*), or a
fault swallowed it (*lost*). Events of one subject are delivered in the order they happened; subjects do not wait for
each other.
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import uuid4

from lcm_simulators.common.database import Database

KEPT = 5_000
"""Settled events that are kept to be looked at."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',
    attempts INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL DEFAULT 0,
    overtakable INTEGER NOT NULL DEFAULT 0,
    answer TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS events_waiting ON events (subject, number) WHERE state = 'waiting';
"""
_COLUMNS = "number, id, type, subject, body, state, attempts, due, overtakable, answer"
# The first waiting event of each subject; one that a fault delays lets the others pass.
_HEADS = f"""
SELECT {_COLUMNS} FROM events AS event
WHERE state = 'waiting' AND (overtakable = 1 OR NOT EXISTS (
    SELECT 1 FROM events AS earlier
    WHERE earlier.subject = event.subject AND earlier.state = 'waiting'
      AND earlier.overtakable = 0 AND earlier.number < event.number))
ORDER BY due, number LIMIT ?
"""  # noqa: S608  # nosec B608 - no input is part of the statement


class EventState(StrEnum):
    """What became of an event."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    REFUSED = "refused"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One event; ``due`` are real seconds since the epoch, ``answer`` the last thing the receiver said."""

    number: int
    id: str
    type: str
    subject: str
    body: str
    state: EventState
    attempts: int
    due: float
    overtakable: bool
    answer: str

    def view(self) -> dict[str, object]:
        """The event as the admin API shows it."""
        return {**asdict(self), "body": json.loads(self.body)}


class Outbox:
    """The events of one simulator, all from one ``source``."""

    def __init__(self, database: Database, source: str) -> None:
        self._database, self._source = database, source
        database.script(_SCHEMA)
        database.run(
            "DELETE FROM events WHERE state <> 'waiting' AND number <= (SELECT max(number) FROM events) - ?", (KEPT,)
        )

    def add(self, kind: str, subject: str, data: dict[str, Any]) -> str:
        """Store a CloudEvent that happened now; its id. Call it in the transaction of the change it tells of."""
        event_id = uuid4().hex
        body = {
            "specversion": "1.0",
            "id": event_id,
            "source": self._source,
            "type": kind,
            "subject": subject,
            "time": datetime.now(UTC).isoformat(),
            "datacontenttype": "application/json",
            "data": data,
        }
        self._database.run(
            "INSERT INTO events (id, type, subject, body) VALUES (?, ?, ?, ?)",
            (event_id, kind, subject, json.dumps(body)),
        )
        return event_id

    def heads(self, limit: int) -> list[StoredEvent]:
        """Events that no other has to precede, the one that is due first in front."""
        return [_event(row) for row in self._database.run(_HEADS, (limit,))]

    def events(self, state: str = "", limit: int = 1_000) -> list[StoredEvent]:
        """The last events, oldest first, all or those of a state."""
        statement = f"SELECT {_COLUMNS} FROM events WHERE ? IN ('', state) ORDER BY number DESC LIMIT ?"  # noqa: S608  # nosec B608
        return [_event(row) for row in reversed(self._database.run(statement, (state, limit)))]

    def count(self, state: EventState) -> int:
        """How many events are in a state."""
        ((found,),) = self._database.run("SELECT count(*) FROM events WHERE state = ?", (state,))
        return int(found or 0)

    def settle(self, event: StoredEvent, state: EventState, answer: str) -> None:
        """Write down what became of an event; it is not sent again."""
        attempts = event.attempts + (state is not EventState.LOST)
        self._database.run(
            "UPDATE events SET state = ?, answer = ?, attempts = ? WHERE number = ?",
            (state, answer, attempts, event.number),
        )

    def postpone(self, event: StoredEvent, due: float, answer: str) -> None:
        """Try again at an instant, after an attempt that failed."""
        self._database.run(
            "UPDATE events SET due = ?, answer = ?, attempts = attempts + 1 WHERE number = ?",
            (due, answer, event.number),
        )

    def hold_back(self, event: StoredEvent, due: float) -> None:
        """Keep an event until an instant and let later ones pass it."""
        self._database.run("UPDATE events SET due = ?, overtakable = 1 WHERE number = ?", (due, event.number))

    def send_again(self, event_id: str) -> bool:
        """Have an event delivered once more, as it was; False when it is not known."""
        rows = self._database.run(
            "UPDATE events SET state = 'waiting', due = 0, overtakable = 1, attempts = 0 WHERE id = ? RETURNING number",
            (event_id,),
        )
        return bool(rows)


def _event(row: tuple[Any, ...]) -> StoredEvent:
    number, event_id, kind, subject, body, state, attempts, due, overtakable, answer = row
    return StoredEvent(
        number, event_id, kind, subject, body, EventState(state), attempts, due, bool(overtakable), answer
    )
