"""What this process wrote last, so that the next change of the same document starts without reading it.

Only a starting point: the compare-and-set tells whether it was still the newest, and whatever a stale one would lead to
without a write (a refusal, no change) is decided again on what the database holds. A document that other processes
change as well is read each time, or every second compare-and-set would be for nothing.
"""

from dataclasses import dataclass

from cachetools import LRUCache

from control_plane_api.infrastructure.mongo.database import Document

KEPT_DOCUMENTS = 256
"""Per kind; a session or a worker takes some kilobytes."""
ALONE_AFTER = 2
"""Changes in a row between which nobody else wrote, from which on the document counts as this process's own."""
WAITING_LIMIT = 32
"""Events in the outbox from which on the document is read, to see whether it is a backlog."""


@dataclass(frozen=True, slots=True)
class _Kept:
    document: Document
    alone: int


class LastWritten:
    """Documents by id; those written last stay."""

    def __init__(self, size: int = KEPT_DOCUMENTS) -> None:
        self._kept: LRUCache[str, _Kept] = LRUCache(size)

    def get(self, document_id: str) -> Document | None:
        """What to start from; None when the document should be read."""
        kept = self._kept.get(document_id)
        if kept is None or kept.alone < ALONE_AFTER or len(kept.document["outbox"]) > WAITING_LIMIT:
            return None
        return kept.document

    def created(self, document: Document) -> None:
        """This process wrote the first version."""
        self._kept[document["_id"]] = _Kept(document, ALONE_AFTER)

    def changed(self, document: Document, *, base: Document) -> None:
        """This process wrote a document that it had made from another version of it, kept or read."""
        last = self._kept.get(document["_id"])
        alone = last.alone + 1 if last is not None and last.document["version"] == base["version"] else 0
        self._kept[document["_id"]] = _Kept(document, alone)

    def forget(self, document_id: str) -> None:
        """It turned out to be outdated, or is gone."""
        self._kept.pop(document_id, None)
