"""One place where the product's sources of time and chance are replaced by those of the simulation.

The product asks the wall clock, the monotonic clock, ``random``, ``secrets`` and ULIDs directly in some places. All of
them answer from the loop's time and the run's seed while a run lasts.
"""

import asyncio
import random
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import ulid

START = datetime(2030, 1, 7, 6, 0, tzinfo=UTC)
"""A Monday morning: the first instant of every run, in platform time and in domain time."""
PRODUCT = ("lcm_core", "control_plane_api", "resource_scheduler", "worker_controller", "lablet_controller")


def monotonic() -> float:
    """Seconds since the start of the run."""
    return asyncio.get_event_loop().time()


def now(zone: tzinfo | None = None) -> datetime:
    """The instant of platform time."""
    return (START + timedelta(seconds=monotonic())).astimezone(zone or UTC)


class _VirtualType(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)


class VirtualDatetime(metaclass=_VirtualType):
    """Stands for ``datetime`` inside the product's modules: the same, except that now is virtual."""

    min, max = datetime.min, datetime.max
    fromisoformat = staticmethod(datetime.fromisoformat)
    fromtimestamp = staticmethod(datetime.fromtimestamp)
    combine = staticmethod(datetime.combine)
    strptime = staticmethod(datetime.strptime)
    now = staticmethod(now)

    def __new__(cls, *args: Any, **options: Any) -> Any:
        return datetime(*args, **options)


class _Identifiers:
    """Stands for ``ULID`` inside the product's modules."""

    from_bytes = staticmethod(ulid.ULID.from_bytes)

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def __call__(self) -> ulid.ULID:
        milliseconds = int(now().timestamp() * 1000)
        return ulid.ULID(milliseconds.to_bytes(6, "big") + self._chance.randbytes(10))


async def _in_loop(work: Callable[..., Any], *args: Any) -> Any:
    return work(*args)


def _modules() -> Iterator[ModuleType]:
    for name, module in sorted(sys.modules.items()):
        if name.partition(".")[0] in PRODUCT and ".tests" not in name:
            yield module


@contextmanager
def virtual_time(seed: int) -> Iterator[None]:
    """Everything inside sees the loop's time and the seed's chance."""
    chance = random.Random(f"{seed}/platform")
    state = random.getstate()
    random.seed(f"{seed}/product")
    patches: list[Any] = [
        patch.object(time, "monotonic", monotonic),
        patch.object(time, "time", lambda: now().timestamp()),
        patch.object(secrets, "token_hex", lambda size=16: chance.randbytes(size).hex()),
        patch.object(secrets, "token_urlsafe", lambda size=32: chance.randbytes(size).hex()),
        patch.object(asyncio, "to_thread", _in_loop),
        patch("lcm_core.clock._boot_seconds", monotonic),
        # Whether this process traces, as after tests of tracing, must not move the chance of the seed.
        patch("opentelemetry.sdk.trace.id_generator.random", random.Random(f"{seed}/traces")),
        patch("lcm_core.controller.queue.random", SimpleNamespace(Random=lambda: random.Random(chance.random()))),
    ]
    make = _Identifiers(chance)
    for module in _modules():
        if getattr(module, "datetime", None) is datetime:
            patches.append(patch.object(module, "datetime", VirtualDatetime))
        if getattr(module, "ULID", None) is ulid.ULID:
            patches.append(patch.object(module, "ULID", make))
    for each in patches:
        each.start()
    try:
        yield
    finally:
        for each in reversed(patches):
            each.stop()
        random.setstate(state)
