"""The switch between instances and the CML simulator: what an instance's state asks for is done there, in order."""

import asyncio
import logging
from collections.abc import Callable

import httpx
from pydantic import BaseModel, ConfigDict

from lcm_simulators.ec2.instances.model import Instance, Power

log = logging.getLogger(__name__)

_FIRST_RETRY_SECONDS = 0.1
_LAST_RETRY_SECONDS = 2.0
_CALLS_AT_ONCE = 8


class ControllerBody(BaseModel):
    """Body of `PUT /admin/controllers/{instance_id}` of the CML simulator."""

    model_config = ConfigDict(extra="forbid")

    address: str
    port: int
    version: str
    cpus: int
    memory_mb: int
    disk_gb: int
    boot_seconds: float
    admin_password: str


class PowerSwitch:
    """Brings the CML simulator to what each instance wants, one call at a time per instance, until it is so.

    `describe` makes the controller of an instance, None when its image carries no CML. An unreachable simulator is
    asked again, less and less often.
    """

    def __init__(
        self,
        client: httpx.AsyncClient | None,
        describe: Callable[[Instance], ControllerBody | None],
        save: Callable[[Instance], None],
    ) -> None:
        self._client = client
        self._describe = describe
        self._save = save
        self._working: dict[str, asyncio.Task[None]] = {}
        self._gate = asyncio.Semaphore(_CALLS_AT_ONCE)

    def follow(self, instance: Instance, *, again: bool = False, cycle: bool = False) -> None:
        """See to it that the simulator knows the instance's present state.

        `again`: even if it was told before; `cycle`: switch off first, as a reboot does.
        """
        if self._client is None or instance.instance_id in self._working:
            return
        if not (again or cycle or _is_due(instance)):
            return
        task = asyncio.create_task(self._bring(instance, self._client, again, cycle))
        self._working[instance.instance_id] = task
        task.add_done_callback(lambda _: self._working.pop(instance.instance_id, None))

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        while self._working:
            await asyncio.gather(*list(self._working.values()))

    async def close(self) -> None:
        """Stop; what is open is done after the next start."""
        for task in list(self._working.values()):
            task.cancel()
        await asyncio.gather(*list(self._working.values()), return_exceptions=True)

    async def _bring(self, instance: Instance, client: httpx.AsyncClient, again: bool, cycle: bool) -> None:
        pause = _FIRST_RETRY_SECONDS
        while again or cycle or _is_due(instance):
            async with self._gate:
                wanted = Power.OFF if cycle else instance.wanted_power
                told = await self._told(instance, wanted, client)
            if not told:
                await asyncio.sleep(pause)
                pause = min(_LAST_RETRY_SECONDS, pause * 2)
                continue
            again, cycle, instance.power = False, False, wanted
            self._save(instance)

    async def _told(self, instance: Instance, wanted: Power, client: httpx.AsyncClient) -> bool:
        """Whether the simulator took the message, or there was none to send."""
        body = self._describe(instance)
        if body is None:
            return True
        if instance.power is Power.NONE:
            # Written before the call: a controller that came up although the answer was lost must still be destroyed.
            instance.power = Power.OFF
            self._save(instance)
        address = f"/admin/controllers/{instance.instance_id}"
        try:
            if wanted is Power.ON:
                answer = await client.put(address, json=body.model_dump())
            elif wanted is Power.OFF:
                answer = await client.post(f"{address}/off")
            else:
                answer = await client.delete(address)
        except httpx.HTTPError as error:
            log.warning("the CML simulator does not answer for %s: %r; trying again", instance.instance_id, error)
            return False
        if answer.status_code == 404 and wanted is not Power.ON:
            return True
        if answer.status_code >= 500:
            return False
        if answer.is_error:
            log.error("the CML simulator refuses %s %s: %s", wanted, instance.instance_id, answer.text)
        return True


def _is_due(instance: Instance) -> bool:
    """Whether the simulator knows less than it should; of a machine that was never on it knows nothing."""
    if instance.power is Power.NONE:
        return instance.wanted_power is Power.ON
    return instance.power is not instance.wanted_power
