"""What happened in a run, in order: its hash tells two runs apart, its last lines explain a violation."""

import asyncio
import hashlib
from collections import deque
from typing import Any

from tests.simulate.database import Database
from tests.simulate.documents import Document
from tests.simulate.etcd import Etcd

KEPT_LINES = 400


class History:
    """Records every write of the stores and whatever else is told to it."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=16)
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)
        self.events = 0

    def attach(self, database: Database, etcd: Etcd) -> None:
        """Record every write from now on."""
        database.watch(self._wrote)
        etcd.observe(self._put)

    def tell(self, sentence: str) -> None:
        """Record what somebody did."""
        self._note(sentence)
        self.lines.append(f"{self._seconds():9.2f}  {sentence}")

    @property
    def digest(self) -> str:
        """Hash of everything recorded so far."""
        return self._hash.hexdigest()

    @staticmethod
    def _seconds() -> float:
        return asyncio.get_running_loop().time()

    def _note(self, text: str) -> None:
        self.events += 1
        self._hash.update(f"{self._seconds():.6f} {text}\n".encode())

    def _wrote(self, name: str, before: Document | None, after: Document | None) -> None:
        document = after or before or {}
        old, new = _phase(before), _phase(after)
        self._note(f"{name} {document.get('_id')} {document.get('version')} {new}")
        if old != new and new:
            status = document["status"]
            why = f"{status.get('reason') or ''} {status.get('message') or ''}".strip()
            self.lines.append(f"{self._seconds():9.2f}  {name} {document['_id']}: {old or 'new'} -> {new}  {why}")

    def _put(self, key: str, before: bytes | None, after: bytes | None) -> None:
        del before
        if key.startswith("/lcm/"):
            self._note(f"etcd {key} {after[:20] if after else None!r}")


def _phase(document: Document | None) -> str:
    status: Any = (document or {}).get("status")
    return str(status.get("phase") or "") if isinstance(status, dict) else ""
