"""When an object is shown again: at once if it was not shown lately, else a quarter of a second after the last time."""

import time
from collections.abc import Callable

Item = tuple[str, str, str]
"""Collection, object id, and the facet if it is not the object itself."""

APART_SECONDS = 0.25


class Pacer:
    """Objects that wait to be shown, each with the revision of its oldest change that was not."""

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        self._timer = timer
        self._waiting: dict[Item, int] = {}
        self._shown: dict[Item, float] = {}

    def note(self, item: Item, revision: int) -> None:
        """An object changed; revisions never fall."""
        self._waiting.setdefault(item, revision)

    def take(self) -> dict[Item, int]:
        """What may be shown now."""
        now = self._timer()
        self._forget(now)
        due = {item: revision for item, revision in self._waiting.items() if item not in self._shown}
        for item in due:
            del self._waiting[item]
            self._shown[item] = now
        return due

    def give_back(self, taken: dict[Item, int]) -> None:
        """What was taken could not be shown."""
        for item in taken:
            self._shown.pop(item, None)
        self._waiting = {**self._waiting, **taken}

    def shown_up_to(self, revision: int) -> int:
        """The newest revision up to which every change was shown, out of those noted up to a revision."""
        return min((revision + 1, *self._waiting.values())) - 1

    def next_due(self) -> float | None:
        """Seconds until something may be shown; None when nothing waits."""
        if not self._waiting:
            return None
        since = min(self._shown.get(item, 0.0) for item in self._waiting)
        return max(0.0, since + APART_SECONDS - self._timer())

    def _forget(self, now: float) -> None:
        """Those shown long enough ago; they stand in the order in which they were shown."""
        old = [item for item, at in self._shown.items() if now - at >= APART_SECONDS]
        for item in old:
            del self._shown[item]
