"""Work that runs beside the requests: started in order, restarted when it fails, stopped in reverse."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from neuroglia.hosting import HostedService
from prometheus_client import Counter

from control_plane_api.kernel.tasks import end_all

log = logging.getLogger(__name__)

RESTARTS = Counter("lcm_background_restarts_total", "Background services that ended unexpectedly", ["service"])
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 10.0


@dataclass(frozen=True, slots=True)
class BackgroundService:
    """One endless piece of work. ``run`` works until it is cancelled."""

    name: str
    run: Callable[[], Awaitable[None]]


class Background(HostedService):
    """Runs ``prepare`` until it succeeds, then every service.

    The process listens meanwhile, live but not ready, so that an operator can ask it what it waits for.
    """

    def __init__(
        self,
        prepare: Callable[[], Awaitable[None]],
        services: Sequence[BackgroundService],
        stopping: Callable[[], Awaitable[None]],
    ) -> None:
        self._prepare = prepare
        self._services = tuple(services)
        self._stopping = stopping
        self._main: asyncio.Task[None] | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.waiting_for = "the start"

    @property
    def prepared(self) -> bool:
        """Whether the services run."""
        return not self.waiting_for

    async def start_async(self) -> None:
        """See ``HostedService``; returns at once."""
        self._main = asyncio.create_task(self._run(), name="background")

    async def stop_async(self) -> None:
        """See ``HostedService``: cancel everything, in reverse order, and wait for it."""
        if self._main is not None:
            await end_all([self._main])
        for task in reversed(list(self._tasks.values())):
            await end_all([task])
        self._tasks.clear()
        await self._stopping()

    async def _run(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                await self._prepare()
                break
            except Exception as error:  # a store that is not there yet: the cause is shown by the health check
                self.waiting_for = str(error)[:300]
                log.warning("The control plane cannot start its work yet: %s", self.waiting_for)
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)
        self.waiting_for = ""
        for service in self._services:
            self._tasks[service.name] = asyncio.create_task(self._forever(service), name=service.name)

    async def _forever(self, service: BackgroundService) -> None:
        """Like a reconcile loop: a failure must not end the service, and must be seen."""
        pause = FIRST_PAUSE
        while True:
            started = asyncio.get_running_loop().time()
            try:
                await service.run()
                log.error("Background service %s ended by itself; it is started again", service.name)
            except Exception:
                log.exception("Background service %s failed; it is started again", service.name)
            RESTARTS.labels(service.name).inc()
            lived = asyncio.get_running_loop().time() - started
            pause = FIRST_PAUSE if lived > LONGEST_PAUSE else min(LONGEST_PAUSE, pause * 2)
            await asyncio.sleep(pause)
