"""What changed lately, so that a client that comes back gets just that."""

from collections import deque
from collections.abc import Iterable

Changed = tuple[str, str]
"""Collection and object id."""

RING_CHANGES = 50_000


class ChangeRing:
    """The newest changes by revision, complete from :attr:`complete_from` on."""

    def __init__(self, size: int = RING_CHANGES) -> None:
        self._changes: deque[tuple[int, Changed]] = deque()
        self._size = size
        self.complete_from = 0

    def start(self, revision: int) -> None:
        """Forget everything; changes from this revision on will be added."""
        self._changes.clear()
        self.complete_from = revision

    def add(self, revision: int, changed: Changed) -> None:
        """Note a change; revisions never fall."""
        self._changes.append((revision, changed))
        while len(self._changes) > self._size:
            dropped, _ = self._changes.popleft()
            self.complete_from = dropped + 1

    def after(self, revision: int, limit: int) -> Iterable[Changed] | None:
        """Objects changed after a revision, each once; None when that is not known, or when they are too many."""
        if not self.complete_from or revision + 1 < self.complete_from:
            return None
        found: dict[Changed, None] = {}
        for at, changed in reversed(self._changes):
            if at <= revision:
                break
            found[changed] = None
            if len(found) > limit:
                return None
        return list(found)
