"""How late the event loop is: a blocking call anywhere in the process shows here first."""

import asyncio
import time

from prometheus_client import Histogram

INTERVAL_SECONDS = 0.05
LOOP_LAG = Histogram(
    "lcm_event_loop_lag_seconds",
    "How much later than asked the event loop woke a sleeper",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
)


async def watch_loop_lag() -> None:
    """Measure until cancelled; meant for ``ServiceParts.background``."""
    while True:
        asked = time.monotonic()
        await asyncio.sleep(INTERVAL_SECONDS)
        LOOP_LAG.observe(max(0.0, time.monotonic() - asked - INTERVAL_SECONDS))
