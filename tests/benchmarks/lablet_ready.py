"""How long a reservation takes to a lab that is ready, cold and from the warm pool, with simulator delays at zero.

Run with ``python tests/benchmarks/lablet_ready.py``; it takes a minute. All services run; the worker is on already.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from plane import percentile
from rows import Row, publish

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.system.packages import two_routers
from tests.system.platform import Platform, signed_in, until

from lcm_core.clients.control_plane import ControlPlaneClient
from lcm_core.contracts.definitions import DefinitionView
from lcm_core.domain.vocabulary import LabPhase, SessionPhase
from lcm_simulators.world import World

ROUNDS = 15
LOOK_SECONDS = 0.005


async def ready_after(platform: Platform, definition: DefinitionView) -> float:
    """Seconds from the request to READY; the session is ended again."""
    begun = time.monotonic()
    session = await platform.reserve(definition)
    while (seen := await platform.session(session.id)).status.phase is not SessionPhase.READY:
        if seen.status.phase is SessionPhase.TERMINATED:
            raise RuntimeError(f"ended as {seen.status.outcome}: {seen.status.message}")
        await asyncio.sleep(LOOK_SECONDS)
    elapsed = time.monotonic() - begun
    await platform.api.call("POST", f"/api/lablet-sessions/{session.id}/cancel", body={"reason": "measured"})
    await platform.reach(session.id, SessionPhase.TERMINATED)
    return elapsed


async def pool_filled(platform: Platform, definition: DefinitionView) -> None:
    """Wait until a copy of the definition's lab waits on a worker."""

    async def there() -> bool | None:
        async for record in ControlPlaneClient(platform.api).lab_records(source="pool"):
            waits = record.status.phase in (LabPhase.WIPED, LabPhase.DEFINED) and not record.spec.session_id
            if record.spec.definition_id == definition.id and waits:
                return True
        return None

    await until("a copy waits", there)


async def main() -> int:
    """Measure and publish."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        world = World(folder / "world", ports="ephemeral", clock_factor=1.0, boot_scale=0.0, report=lambda _: None)
        async with world, signed_in(world) as platform:
            cold = await platform.define(two_routers(folder, "cold"))
            warm = await platform.define(two_routers(folder, "warm"), warm_pool_depth=1)
            await ready_after(platform, cold)  # launches the worker
            workers = await platform.workers()
            await platform.api.call("POST", f"/api/workers/{workers[0].id}/labs/refresh")
            colds = [await ready_after(platform, cold) for _ in range(ROUNDS)]
            warms = []
            for _ in range(ROUNDS):
                await pool_filled(platform, warm)
                warms.append(await ready_after(platform, warm))
    publish(
        [
            Row("reserve as soon as possible → READY, cold, p50", percentile(colds, 0.5), "s"),
            Row("reserve as soon as possible → READY, cold, p95", percentile(colds, 0.95), "s"),
            Row("reserve as soon as possible → READY, warm, p50", percentile(warms, 0.5), "s", 2.0, 0.7),
            Row("reserve as soon as possible → READY, warm, p95", percentile(warms, 0.95), "s", 2.0, 0.7),
        ]
    )
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
