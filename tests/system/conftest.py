"""One platform for the tests of a module; its processes are stopped by their ids when the module ends."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from lcm_simulators.world import World
from tests.system.platform import Platform, signed_in

# Fast enough that an hour's slot passes in a minute and a half, slow enough for the platform's own real-time waits.
CLOCK_FACTOR = 40.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: object) -> AsyncIterator[World]:
    """Every process of the platform, at free ports, with nothing to wait for at boot."""
    folder: Path = tmp_path_factory.mktemp("world")  # type: ignore[attr-defined]
    async with World(
        folder, ports="ephemeral", clock_factor=CLOCK_FACTOR, boot_scale=0.0, durable=False, report=lambda _: None
    ) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform(world: World) -> AsyncIterator[Platform]:
    """The platform as the administrator uses it."""
    async with signed_in(world) as ready:
        yield ready
