"""Statistics that CML pushes over its WebSocket: one listener per serving worker, kept as long as it is asked for."""

import asyncio
import logging
import random
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from lcm_core.spi.cml_system import CmlError, CmlSystem, CmlTarget, SystemStats

log = logging.getLogger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Real seconds between tries of a stream that broke."""


@dataclass(frozen=True, slots=True)
class _Listener:
    target: CmlTarget
    task: "asyncio.Task[None]"


class PushListeners:
    """The newest pushed statistics per worker."""

    def __init__(self, cml: CmlSystem) -> None:
        self._cml = cml
        self._listeners: dict[str, _Listener] = {}
        self._newest: dict[str, tuple[float, SystemStats]] = {}

    def follow(self, targets: Iterable[CmlTarget]) -> None:
        """Listen to exactly these."""
        wanted = {target.worker_id: target for target in targets}
        for worker_id, listener in list(self._listeners.items()):
            if wanted.get(worker_id) != listener.target:
                listener.task.cancel()
                del self._listeners[worker_id]
                self._newest.pop(worker_id, None)
        for worker_id, target in wanted.items():
            if worker_id not in self._listeners:
                task = asyncio.create_task(self._listen(target), name=f"push {worker_id}")
                self._listeners[worker_id] = _Listener(target, task)

    def newest(self, worker_id: str, max_age: float) -> SystemStats | None:
        """Statistics pushed within the last ``max_age`` real seconds; None sends the caller to ask by itself."""
        known = self._newest.get(worker_id)
        return known[1] if known is not None and time.monotonic() - known[0] <= max_age else None

    async def close(self) -> None:
        """End every listener."""
        tasks = [listener.task for listener in self._listeners.values()]
        self.follow(())
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task

    async def _listen(self, target: CmlTarget) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                async for stats in self._cml.pushed_stats(target):
                    self._newest[target.worker_id] = (time.monotonic(), stats)
                    pause = FIRST_PAUSE
            except CmlError as error:
                log.debug("worker %s pushes nothing: %s", target.worker_id, error)
            await asyncio.sleep(random.uniform(pause / 2, pause))
            pause = min(LONGEST_PAUSE, pause * 2)
