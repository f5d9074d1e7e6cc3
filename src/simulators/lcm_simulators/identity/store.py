"""What must survive a restart: documents by kind and id in one SQLite file."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

_SCHEMA = "CREATE TABLE IF NOT EXISTS documents (kind TEXT, id TEXT, body TEXT, PRIMARY KEY (kind, id)) WITHOUT ROWID"


class Store:
    """Each change is committed when its call returns, so the process may be killed at any time.

    The log is not flushed to the disk at each commit: a power cut may lose the last sign-ins, never the file.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute(_SCHEMA)

    def all(self, kind: str) -> Iterator[tuple[str, str]]:
        """Id and body of every document of a kind."""
        yield from self._connection.execute("SELECT id, body FROM documents WHERE kind = ?", (kind,)).fetchall()

    def put(self, kind: str, key: str, body: str) -> None:
        """Write one document."""
        self._connection.execute("INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", (kind, key, body))

    def delete(self, kind: str, key: str) -> None:
        """Forget one document; nothing happens when there is none."""
        self._connection.execute("DELETE FROM documents WHERE kind = ? AND id = ?", (kind, key))

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()
