"""The bounded list of calls that a simulator answered."""

from collections import deque
from dataclasses import asdict, dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One answered call; `key` is the identity the operation acted on (an id or an idempotency key)."""

    seq: int
    at: str
    operation: str
    method: str
    path: str
    status: int
    key: str
    note: str


class Journal:
    """Keeps the last `limit` calls; `seq` starts at 1 and never repeats while the process lives."""

    def __init__(self, limit: int = 20_000) -> None:
        self._entries: deque[JournalEntry] = deque(maxlen=limit)
        self._seq = 0

    def record(self, operation: str, method: str, path: str, status: int, key: str = "", note: str = "") -> None:
        """Add one call; status 0 means that the connection was dropped on purpose."""
        self._seq += 1
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._entries.append(JournalEntry(self._seq, at, operation, method, path, status, key, note))

    def since(self, seq: int = 0) -> list[JournalEntry]:
        """Entries with a number above `seq`, oldest first."""
        return [entry for entry in self._entries if entry.seq > seq]

    def as_json(self, since: int = 0) -> dict[str, object]:
        """The body of `GET /admin/journal`; pass `next` as the following `since`."""
        return {"entries": [asdict(entry) for entry in self.since(since)], "next": self._seq}

    def clear(self) -> None:
        """Forget the entries; numbering goes on."""
        self._entries.clear()
