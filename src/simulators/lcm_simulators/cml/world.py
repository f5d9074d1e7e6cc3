"""The world of simulated controllers in one process."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from pathlib import Path

from lcm_simulators.cml.certificates import CertificateAuthority
from lcm_simulators.cml.config import ControllerConfig
from lcm_simulators.cml.controller import Controller, Phase
from lcm_simulators.cml.license_server import LicenseServer
from lcm_simulators.cml.listener import Listener
from lcm_simulators.cml.store import Store
from lcm_simulators.cml.timers import Timers
from lcm_simulators.common import FaultBook, Journal, SimulatedClock

log = logging.getLogger(__name__)


class World:
    """All controllers, the license server, the clock, faults and journal."""

    def __init__(
        self, data: Path, *, seed: int = 0, clock: SimulatedClock | None = None, boot_scale: float = 1.0
    ) -> None:
        self.seed = seed
        self.boot_scale = boot_scale
        self.clock = clock or SimulatedClock()
        self.timers = Timers(self.clock)
        self.clock.on_change = self.timers.rearm
        self.journal = Journal()
        self.faults = FaultBook(seed)
        self.license_server = LicenseServer(boot_scale)
        self.controllers: dict[str, Controller] = {}
        self.authority = CertificateAuthority(data / "ca")
        self.store = Store(data)
        self._listeners: dict[str, Listener] = {}
        self._writer: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Bring back the stored controllers and begin to write changes."""
        self.store.load_licenses(self.license_server)
        for instance_id, config, port, state, labs in self.store.load():
            controller = Controller(self, instance_id, config, state)
            controller.port = port
            self.controllers[instance_id] = controller
            state.ready_at = min(state.ready_at, self.clock.time() + config.boot_seconds)
            controller.adopt_labs(labs)
            if state.powered:
                with suppress(OSError):  # logged; the others must run, and the next power-on tries again
                    await self._boot(controller)
        self._writer = asyncio.create_task(self.store.run())

    async def close(self) -> None:
        """Stop serving and write everything."""
        self.timers.close()
        if self._writer is not None:
            self._writer.cancel()
        for task in self._tasks:
            task.cancel()
        for instance_id, controller in self.controllers.items():
            await self._listeners[instance_id].stop() if instance_id in self._listeners else None
            controller.events.close()
            controller.patty.close_all()
        self.store.flush()

    async def power_on(self, instance_id: str, config: ControllerConfig) -> Controller:
        """Create a controller, or switch one on again (its labs are there, stopped). Idempotent while it is on."""
        controller = self.controllers.get(instance_id)
        if controller is None:
            controller = Controller(self, instance_id, config)
            self.controllers[instance_id] = controller
        elif controller.state.powered:
            await self._boot(controller)
            return controller
        else:
            controller.config, controller.port = config, config.port
        controller.state.powered = True
        controller.state.powered_at = self.clock.time()
        controller.state.ready_at = controller.state.powered_at + controller.config.boot_seconds
        controller.changed()
        self.store.flush()
        await self._boot(controller)
        return controller

    async def power_off(self, instance_id: str) -> None:
        """Switch a controller off: connections are cut, running nodes stop."""
        controller = self.controllers[instance_id]
        await self._close(instance_id)
        controller.power_down()
        self.store.flush()

    async def terminate(self, instance_id: str) -> None:
        """Destroy a controller. A registration that was not given back is leaked."""
        await self.power_off(instance_id)
        controller = self.controllers.pop(instance_id)
        self.license_server.leak(controller.licensing.udi)
        self.store.remove(instance_id)
        self.store.mark_licenses(self.license_server)
        self.store.flush()

    async def restart_service(self, instance_id: str, seconds: float) -> None:
        """Restart CML without its host: away and back after `seconds` (simulated), nodes go on running."""
        controller = self.controllers[instance_id]
        await self._close(instance_id)
        controller.events.close()
        controller.state.powered_at = self.clock.time()
        controller.state.ready_at = controller.state.powered_at + seconds
        controller.changed()
        await self._boot(controller)

    async def _boot(self, controller: Controller) -> None:
        """Open the port now, or when the first half of the boot time has passed."""
        if controller.due_phase is Phase.CONNECTION_REFUSED:
            half = (controller.state.ready_at - controller.state.powered_at) / 2
            controller.later(
                max(0.0, controller.state.powered_at + half - self.clock.time()), lambda: self._open_later(controller)
            )
            return
        await self._open(controller)

    def _open_later(self, controller: Controller) -> None:
        if controller.state.powered:
            task = asyncio.create_task(self._boot(controller))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _open(self, controller: Controller) -> None:
        listener = self._listeners.setdefault(controller.instance_id, Listener(controller))
        if listener.open:
            return
        context = self.authority.server_context(controller.instance_id, _names(controller.config.address))
        try:
            await listener.start(context)
        except OSError as error:
            log.error("controller %s cannot listen: %s", controller.instance_id, error)
            raise

    async def _close(self, instance_id: str) -> None:
        listener = self._listeners.pop(instance_id, None)
        if listener is not None:
            await listener.stop()


def _names(address: str) -> list[str]:
    if address == "0.0.0.0":  # nosec B104 - comparison
        return ["127.0.0.1", "::1", "localhost"]
    return [address, "localhost"]
