"""What must hold at every instant, checked on the stores of a running platform."""

import asyncio
import time

import pytest

from control_plane_api.application.invariants.catalog import violations
from control_plane_api.composition.stores import open_stores
from control_plane_api.settings import Settings
from lcm_simulators.world import World


async def broken_promises(world: World, monkeypatch: pytest.MonkeyPatch, within_seconds: float = 60.0) -> list[str]:
    """The counter-examples that are left when nothing is under way any more; empty as soon as there are none."""
    monkeypatch.setenv("MONGODB_URI", f"mongodb://127.0.0.1:{world.ports.database}/?directConnection=true")
    monkeypatch.setenv("LCM_ETCD_ENDPOINTS", world.url("etcd").removeprefix("http://"))
    monkeypatch.setenv("LCM_CLOCK_FILE", str(world.clock_file))
    settings = Settings()
    stores = open_stores(settings)
    deadline = time.monotonic() + within_seconds
    try:
        while True:
            picture = await stores.deps(settings).pictures.take()
            assert picture.sessions, "a platform without a single session shows nothing"
            found = [f"{each.invariant}: {each.sentence}" for each in violations(picture)]
            if not found or time.monotonic() > deadline:
                return found
            await asyncio.sleep(0.1)
    finally:
        await stores.close()
