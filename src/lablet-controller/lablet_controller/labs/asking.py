"""Imports that people ask for are made once, however late CML carries them out.

CML makes a second lab when it is asked a second time, and a lookup finds only what is there already. Nobody asks again
before a call without an answer has had its effect: neither who made it, nor a successor of who may have made it.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from lablet_controller.outside import Deps
from lcm_core.contracts.workers import LabRecordView
from lcm_core.controller import RetryableError
from lcm_core.controller.leadership import current_context
from lcm_core.spi.errors import OutsideUnheard


class Imports:
    """Which imports may be under way; what this process asked for itself is kept in memory only."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._unheard: dict[str, float] = {}

    @contextmanager
    def asking(self, record: LabRecordView) -> Iterator[None]:
        """Around an import of which a lookup found nothing. Raises ``RetryableError`` while it may still come."""
        settles = max(self._unheard.get(record.id, 0.0), self._predecessors(record))
        remaining = settles - time.monotonic()
        if remaining > 0:
            sentence = "CML was asked to import the lab and its answer was not heard: it is looked for once more."
            raise RetryableError("ImportSettles", sentence, after=remaining)
        try:
            yield
        except OutsideUnheard:
            self._unheard[record.id] = time.monotonic() + self._deps.settings.settling_seconds
            raise

    def _predecessors(self, record: LabRecordView) -> float:
        """Until when an import may come that a leader before this one asked for; 0 when there was none."""
        context, asked = current_context(), record.spec.action_requested_at
        if context is None or asked is None:
            return 0.0
        clock, age = self._deps.clock, context.leadership.age
        if asked > clock.now() - timedelta(seconds=age * clock.factor):
            return 0.0
        return time.monotonic() - age + self._deps.settings.settling_seconds

    def over(self, record: LabRecordView) -> None:
        """The action is done."""
        self._unheard.pop(record.id, None)
