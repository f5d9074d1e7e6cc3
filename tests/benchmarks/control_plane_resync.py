"""Ten thousand objects put back into an empty etcd by the control plane, and read from there by a controller.

etcd is emptied beside the running control plane, as when it was lost and replaced; the time runs until the last key is
back. Then a controller's informer lists everything, until it is synced.
"""

import asyncio
import time
from contextlib import aclosing

from plane import running_plane
from rows import Row, publish

from lcm_core.controller import state_informer
from lcm_core.etcd import EtcdClient, EventKind
from lcm_core.etcd.keys import PROJECTION_PREFIX

SESSIONS = 10_000
PATIENCE_SECONDS = 120.0
ROUNDS = 3


async def keys(etcd: EtcdClient) -> int:
    """How many keys of sessions there are."""
    return len((await etcd.list(f"{PROJECTION_PREFIX}sessions/")).items)


async def until(etcd: EtcdClient, count: int) -> float:
    """When (monotonic seconds) that many are there."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await keys(etcd) < count:
            await asyncio.sleep(0.1)
    return time.perf_counter()


async def projected_again(etcd: EtcdClient) -> float:
    """Seconds from the first key that comes back to the last; what finds etcd empty looks every few seconds."""
    expected = await keys(etcd)
    await etcd.delete_prefix(PROJECTION_PREFIX)
    async with asyncio.timeout(PATIENCE_SECONDS), aclosing(etcd.watch(PROJECTION_PREFIX)) as batches:
        async for batch in batches:
            if any(event.kind is EventKind.PUT for event in batch.events):
                break
    begin = time.perf_counter()
    return await until(etcd, expected) - begin


async def listed(etcd: EtcdClient) -> float:
    """Seconds until a new informer of the sessions is synced."""
    informer = state_informer(etcd, "sessions")
    begin = time.perf_counter()
    running = asyncio.create_task(informer.run())
    async with asyncio.timeout(PATIENCE_SECONDS):
        await informer.wait_synced()
    taken = time.perf_counter() - begin
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return taken


async def measure() -> list[Row]:
    """The worst of some rounds."""
    async with running_plane(workers=100, sessions=SESSIONS) as plane, plane.etcd() as etcd:
        await until(etcd, SESSIONS)
        projected = max([await projected_again(etcd) for _ in range(ROUNDS)])
        read = max([await listed(etcd) for _ in range(ROUNDS)])
    return [
        Row(f"full resync of {SESSIONS:,} objects: database → empty etcd", projected, "s"),
        Row(f"full resync of {SESSIONS:,} objects: etcd → controller", read, "s"),
        Row(f"full resync of {SESSIONS:,} objects", projected + read, "s", 10.0, 5.0),
    ]


if __name__ == "__main__":
    publish(asyncio.run(measure()))
