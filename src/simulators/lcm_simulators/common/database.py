"""What a simulator must not lose: documents and waiting events in one SQLite file.

A document and the event that tells of its change are written in one transaction, so that neither exists alone,
whenever the process is killed.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

ModelT = TypeVar("ModelT", bound=BaseModel)
Value = str | int | float | None

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    label TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (kind, id)
);
CREATE INDEX IF NOT EXISTS documents_by_label ON documents (kind, label);
"""


class Database:
    """One file. A change is durable against the death of the process when its transaction ends.

    The log is not flushed to the disk at each commit: a power cut may lose the last changes, never the file.
    """

    def __init__(self, path: Path) -> None:
        """Open or make the file. Raises ``ValueError`` when it cannot be used."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise ValueError(f"{path} cannot be used: {error}") from error
        self._in_transaction = False

    def run(self, statement: str, values: Sequence[Value] = ()) -> list[tuple[Value, ...]]:
        """Run one statement; its rows."""
        return self._connection.execute(statement, values).fetchall()

    def script(self, statements: str) -> None:
        """Run statements that make tables."""
        self._connection.executescript(statements)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes inside happen together or not at all; one inside another belongs to the outer."""
        if self._in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        self._in_transaction = True
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        else:
            self._connection.execute("COMMIT")
        finally:
            self._in_transaction = False

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()


class Documents(Generic[ModelT]):
    """The documents of one kind. ``label`` is a second way to find them, shared by as many as like."""

    def __init__(self, database: Database, kind: str, model: type[ModelT]) -> None:
        self._database, self._kind, self._model = database, kind, model

    def get(self, key: str) -> ModelT | None:
        """One document."""
        rows = self._database.run("SELECT body FROM documents WHERE kind = ? AND id = ?", (self._kind, key))
        return self._read(rows[0][0]) if rows else None

    def labelled(self, label: str) -> list[ModelT]:
        """Documents with a label, in the order they were made."""
        statement = "SELECT body FROM documents WHERE kind = ? AND label = ? ORDER BY number"
        return [self._read(body) for (body,) in self._database.run(statement, (self._kind, label))]

    def all(self) -> list[ModelT]:
        """Every document, in the order they were made."""
        statement = "SELECT body FROM documents WHERE kind = ? ORDER BY number"
        return [self._read(body) for (body,) in self._database.run(statement, (self._kind,))]

    def put(self, key: str, document: ModelT, label: str = "") -> None:
        """Write one document; it keeps its place in the order."""
        self._database.run(
            "INSERT INTO documents (kind, id, label, body) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (kind, id) DO UPDATE SET label = excluded.label, body = excluded.body",
            (self._kind, key, label, document.model_dump_json()),
        )

    def _read(self, body: Value) -> ModelT:
        try:
            return self._model.model_validate_json(str(body))
        except ValidationError as error:
            raise ValueError(f"a stored document of kind {self._kind} cannot be read: {error}") from error
