"""Imports that people ask for are made once, however late CML carries them out.

CML makes a second lab when it is asked a second time, and a lookup finds only what is there already. Nobody asks again
before a call without an answer has had its effect: neither who made it, nor a successor of who may have made it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from lablet_controller.outside import Deps
from lcm_core.contracts.workers import LabRecordView
from lcm_core.controller import RetryableError
from lcm_core.controller.leadership import current_context
from lcm_core.spi.errors import OutsideUnheard

IMPORT_UNHEARD = "CML was asked to import the lab and its answer was not heard: it is looked for once more."
_IMPORT = "import"


class Imports:
    """Which imports may be under way; what this process asked for itself is kept in memory only."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._unheard: set[str] = set()

    @contextmanager
    def asking(self, record: LabRecordView) -> Iterator[None]:
        """Around an import of which a lookup found nothing. Raises ``RetryableError`` while it may still come."""
        remaining = self._settles_in(record)
        if remaining > 0:
            raise RetryableError("ImportSettles", IMPORT_UNHEARD, after=remaining)
        self.over(record)
        try:
            yield
        except OutsideUnheard:
            self._unheard.add(record.id)
            self._deps.settling.remaining(record.id, _IMPORT)  # counted from now on
            raise

    def _settles_in(self, record: LabRecordView) -> float:
        settling = self._deps.settling
        own = settling.remaining(record.id, _IMPORT) if record.id in self._unheard else 0.0
        return max(own, settling.since_leadership() if self._asked_of_a_predecessor(record) else 0.0)

    def _asked_of_a_predecessor(self, record: LabRecordView) -> bool:
        context, asked, clock = current_context(), record.spec.action_requested_at, self._deps.clock
        if context is None or asked is None:
            return False
        return asked <= clock.now() - timedelta(seconds=context.leadership.age * clock.factor)

    def over(self, record: LabRecordView) -> None:
        """No call is open."""
        self._unheard.discard(record.id)
        self._deps.settling.over(record.id)
