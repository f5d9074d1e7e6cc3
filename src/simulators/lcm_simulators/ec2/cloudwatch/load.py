"""Samples of the load of each instance."""

import time
from bisect import bisect_right
from collections import deque

import httpx
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from lcm_simulators.ec2.clock import WorldClock

_KEPT = 3000
_FRESH_SECONDS = 0.5


class Load(BaseModel):
    """What a controller's host is doing; network figures are bytes a minute."""

    model_config = ConfigDict(extra="ignore")

    cpu_percent: float = 0.0
    memory_percent: float = 0.0
    storage_percent: float = 0.0
    network_in: float = 0.0
    network_out: float = 0.0
    running_nodes: int = 0


class _Controller(BaseModel):
    model_config = ConfigDict(extra="ignore")

    instance_id: str
    load: Load = Load()


_CONTROLLERS = TypeAdapter(list[_Controller])
IDLE = Load(cpu_percent=1.5, memory_percent=3.0, storage_percent=8.0, network_in=20_000, network_out=35_000)
"""What a machine does of which nothing is known."""


class LoadHistory:
    """The last samples of each instance, in simulated time."""

    def __init__(self, client: httpx.AsyncClient | None, clock: WorldClock) -> None:
        self._client = client
        self._clock = clock
        self._samples: dict[str, deque[tuple[float, Load]]] = {}
        self._asked = float("-inf")

    async def refresh(self) -> None:
        """Take a sample of every controller; an unreachable CML simulator gives none."""
        if self._client is None or time.monotonic() - self._asked < _FRESH_SECONDS:
            return
        self._asked = time.monotonic()
        try:
            answer = await self._client.get("/admin/controllers")
            answer.raise_for_status()
            body = answer.json()
            controllers = _CONTROLLERS.validate_python(body.get("controllers") if isinstance(body, dict) else body)
        except (httpx.HTTPError, ValidationError, ValueError):
            return
        for controller in controllers:
            self.record(controller.instance_id, controller.load)

    def record(self, instance_id: str, load: Load) -> None:
        """Keep a sample of now."""
        self._samples.setdefault(instance_id, deque(maxlen=_KEPT)).append((self._clock.time(), load))

    def at(self, instance_id: str, instant: float) -> Load:
        """The last sample before an instant, else the first after it, else that of an idle machine."""
        samples = self._samples.get(instance_id)
        if not samples:
            return IDLE
        index = bisect_right(samples, instant, key=lambda sample: sample[0])
        return samples[max(0, index - 1)][1]
