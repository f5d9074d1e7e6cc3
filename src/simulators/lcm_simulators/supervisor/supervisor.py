"""Starts processes in dependency order, keeps them running and stops them in reverse order."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from lcm_simulators.embedded.process import EmbeddedServer, ServerStartError
from lcm_simulators.supervisor.spec import ProcessSpec

_WATCH_SECONDS = 0.25
_BACK_OFF_FIRST_SECONDS = 0.5
_BACK_OFF_LIMIT_SECONDS = 30.0
_STABLE_SECONDS = 60.0
_STOP_GRACE_SECONDS = 10.0

Report = Callable[[str], None]


@dataclass
class _Managed:
    """One process under supervision."""

    spec: ProcessSpec
    server: EmbeddedServer
    wanted: bool = False
    restarts: int = 0
    back_off: float = _BACK_OFF_FIRST_SECONDS
    started_at: float = 0.0


class Supervisor:
    """Runs a plan.

    ``report`` receives one sentence per change. With ``auto_restart`` a process that dies is started again after a
    back-off that doubles from 0.5 s to 30 s and starts over once the process has lived for a minute.
    """

    def __init__(self, specs: Sequence[ProcessSpec], *, report: Report = print, auto_restart: bool = True) -> None:
        self._managed = {spec.name: _Managed(spec, spec.make()) for spec in specs}
        unknown = {need for spec in specs for need in spec.needs} - set(self._managed)
        if unknown:
            raise ValueError(f"the plan needs processes that it does not have: {', '.join(sorted(unknown))}")
        self._report = report
        self._auto_restart = auto_restart
        self._revivals: dict[str, asyncio.Task[None]] = {}
        self._watcher: asyncio.Task[None] | None = None
        self.on_change: Callable[[], None] = lambda: None

    @property
    def names(self) -> list[str]:
        """Names of the processes, in the order of the plan."""
        return list(self._managed)

    def server(self, name: str) -> EmbeddedServer:
        """The process of that name. Raises ``KeyError`` naming the known ones."""
        return self._get(name).server

    def spec(self, name: str) -> ProcessSpec:
        """The spec of that name. Raises ``KeyError`` naming the known ones."""
        return self._get(name).spec

    def restarts(self, name: str) -> int:
        """How often the process was started again after it died."""
        return self._get(name).restarts

    async def start(self) -> None:
        """Start everything, in parallel where the dependencies allow.

        Raises ``ServerStartError`` of the first process that fails, after stopping what had started.
        """
        healthy = {name: asyncio.Event() for name in self._managed}
        try:
            async with asyncio.TaskGroup() as group:
                for managed in self._managed.values():
                    group.create_task(self._start_after_needs(managed, healthy))
        except* ServerStartError as failures:
            await self.stop()
            raise failures.exceptions[0] from None
        self._watcher = asyncio.create_task(self._watch(), name="supervisor-watch")

    async def stop(self) -> None:
        """Stop everything, dependents before what they depend on."""
        for task in [self._watcher, *self._revivals.values()]:
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        self._watcher = None
        self._revivals.clear()
        stopped = {name: asyncio.Event() for name in self._managed}
        async with asyncio.TaskGroup() as group:
            for managed in self._managed.values():
                group.create_task(self._stop_after_dependents(managed, stopped))

    async def stop_process(self, name: str) -> None:
        """Stop one process and leave it stopped."""
        managed = self._get(name)
        managed.wanted = False
        await self._forget_revival(name)
        await managed.server.stop(_STOP_GRACE_SECONDS)
        self.on_change()

    async def start_process(self, name: str) -> None:
        """Start one process that was stopped or died. Raises ``ServerStartError``."""
        await self._forget_revival(name)
        await self._start(self._get(name))

    async def restart(self, name: str) -> None:
        """Stop one process politely and start it again. Raises ``ServerStartError``."""
        await self.stop_process(name)
        await self.start_process(name)

    def kill(self, name: str) -> None:
        """SIGKILL one process; with ``auto_restart`` it comes back by itself, else by ``start_process``."""
        self._get(name).server.kill()

    async def _start_after_needs(self, managed: _Managed, healthy: dict[str, asyncio.Event]) -> None:
        for need in managed.spec.needs:
            await healthy[need].wait()
        await self._start(managed)
        healthy[managed.spec.name].set()

    async def _start(self, managed: _Managed) -> None:
        begun = time.monotonic()
        managed.wanted = True
        await managed.server.start(managed.spec.start_seconds)
        managed.started_at = time.monotonic()
        self._report(f"{managed.spec.name} ready in {managed.started_at - begun:.1f} s")
        self.on_change()

    async def _stop_after_dependents(self, managed: _Managed, stopped: dict[str, asyncio.Event]) -> None:
        for other in self._managed.values():
            if managed.spec.name in other.spec.needs:
                await stopped[other.spec.name].wait()
        managed.wanted = False
        was_running = managed.server.running
        await managed.server.stop(_STOP_GRACE_SECONDS)
        stopped[managed.spec.name].set()
        if was_running:
            self._report(f"{managed.spec.name} stopped")

    async def _watch(self) -> None:
        """Notice processes that died, or might as well have, and bring them back."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            for name, managed in self._managed.items():
                if managed.wanted and managed.server.running and (why := managed.server.beyond_help()):
                    self._report(f"{name} cannot go on: {why}")
                    managed.server.kill()
                if managed.wanted and not managed.server.running and self._auto_restart and name not in self._revivals:
                    self._revivals[name] = asyncio.create_task(self._revive(managed), name=f"revive-{name}")

    async def _revive(self, managed: _Managed) -> None:
        name = managed.spec.name
        try:
            while managed.wanted:
                if time.monotonic() - managed.started_at > _STABLE_SECONDS:
                    managed.back_off = _BACK_OFF_FIRST_SECONDS
                self._report(
                    f"{name} died; starting it again in {managed.back_off:g} s (log: {managed.server.log_file})"
                )
                await asyncio.sleep(managed.back_off)
                managed.back_off = min(managed.back_off * 2, _BACK_OFF_LIMIT_SECONDS)
                managed.restarts += 1
                try:
                    await self._start(managed)
                except ServerStartError as error:
                    self._report(f"{name} did not come back: {error}")
                else:
                    return
        finally:
            self._revivals.pop(name, None)

    async def _forget_revival(self, name: str) -> None:
        task = self._revivals.pop(name, None)
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def _get(self, name: str) -> _Managed:
        if name not in self._managed:
            raise KeyError(f"no process {name!r}; there are {', '.join(self._managed)}")
        return self._managed[name]
