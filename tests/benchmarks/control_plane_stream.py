"""From a commit to a controller that begins to reconcile, and to five hundred browsers; and what idle streams cost.

Twenty changes of workers a second, each of another worker. A change's commit is the ``updated_at`` that its command was
answered with: the instant of the compare-and-set in the database. The controller is the runtime of the product with a
reconciler that only looks at the clock. The browsers are sockets in a process of their own that reads everything.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
from plane import Plane, percentile, running_plane
from rows import Row, publish

from lcm_core.clock import SystemClock
from lcm_core.controller import Controller, ControllerSpec, Leadership, Outcome, Source, state_informer

WORKERS = 100
BROWSERS = 500
IDLE = (2_000, 5_000)
CHANGES = 400
EACH_SECONDS = 0.05
PATIENCE_SECONDS = 60.0
CROWD = Path(__file__).with_name("crowd.py")


class Noted:
    """A reconciler that notes when it was called for which key."""

    def __init__(self) -> None:
        self.calls: dict[str, list[float]] = {}

    async def reconcile(self, key: str) -> Outcome:
        """See ``Reconciler``."""
        self.calls.setdefault(key, []).append(time.time())
        return Outcome.done("Noted", "The time was noted.")

    def first_since(self, key: str, since: float) -> float | None:
        """When the key was next reconciled from an instant on."""
        return next((at for at in self.calls.get(key, []) if at >= since), None)


@asynccontextmanager
async def controller(plane: Plane, noted: Noted) -> AsyncIterator[None]:
    """The controller runtime over the workers' states."""
    clock = SystemClock()
    async with plane.etcd() as etcd:
        informer = state_informer(etcd, "workers")
        leadership = Leadership("benchmark", 0, "benchmark", clock, clock.monotonic() + 3600)
        runtime = Controller(ControllerSpec("benchmark", noted, [Source(informer)]), leadership)
        tasks = [asyncio.create_task(informer.run()), asyncio.create_task(runtime.run())]
        await informer.wait_synced()
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


class Crowd:
    """The process of the followers."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, plane: Plane, count: int) -> "Crowd":
        """Connect that many; returns when every one has its snapshot. Raises ``RuntimeError`` when they cannot."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(CROWD), plane.address, str(count), stdin=pipe, stdout=pipe, limit=2**26
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(plane.token.encode() + b"\n")
        if (await process.stdout.readline()).strip() != b"ready":
            raise RuntimeError(f"{count} streams could not be opened")
        return cls(process)

    async def end(self) -> dict[str, Any]:
        """Disconnect; what was lost and seen."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        async with asyncio.timeout(PATIENCE_SECONDS):
            said = json.loads(await self._process.stdout.readline())
            await self._process.wait()
        if said["lost"]:
            raise RuntimeError(f"{said['lost']} streams were closed by the server")
        return said  # type: ignore[no-any-return]


async def changes(plane: Plane) -> dict[tuple[str, int], float]:
    """Change workers at a steady pace; the instant of the commit by worker and version."""
    loop = asyncio.get_running_loop()
    [connection] = await plane.connect()
    commits = {}
    begin = loop.time()
    for number in range(CHANGES):
        await asyncio.sleep(begin + number * EACH_SECONDS - loop.time())
        worker = f"w{number % WORKERS:03}"
        answer = await connection.call("PUT", f"/api/workers/{worker}/tags", {"tags": {"n": f"{begin}-{number}"}})
        view = json.loads(answer)
        commits[worker, view["version"]] = datetime.fromisoformat(view["updated_at"]).timestamp()
    return commits


def memory(plane: Plane) -> float:
    """Resident KiB of the control plane."""
    for process in psutil.Process().children(recursive=True):
        if "control_plane_api" in process.cmdline():
            return process.memory_info().rss / 1024  # type: ignore[no-any-return]
    raise RuntimeError(f"no process of the control plane at {plane.address}")


def until_reconciled(commits: dict[tuple[str, int], float], noted: Noted) -> list[float]:
    """Seconds from each commit to the next reconcile of its worker. Raises ``RuntimeError`` for one that never came."""
    found = {change: noted.first_since(change[0], at) for change, at in commits.items()}
    lost = [change for change, at in found.items() if at is None]
    if lost:
        raise RuntimeError(f"never reconciled: {lost[:5]}")
    return [at - commits[change] for change, at in found.items() if at is not None]


def until_seen(commits: dict[tuple[str, int], float], seen: list[tuple[str, int, float]]) -> list[float]:
    """Seconds from each commit until each observed browser had it. Raises ``RuntimeError`` for one that is missing."""
    taken = [at - commits[worker, version] for worker, version, at in seen if (worker, version) in commits]
    if len(taken) != len(commits) * BROWSERS // 10:
        raise RuntimeError(f"{len(taken)} sightings of {len(commits)} changes by {BROWSERS // 10} browsers")
    return taken


async def measure() -> list[Row]:
    """The controller alone, then the crowd, then idle streams."""
    rows = []
    async with running_plane(workers=WORKERS) as plane:
        noted = Noted()
        async with controller(plane, noted):
            commits = await changes(plane)
            async with asyncio.timeout(PATIENCE_SECONDS):
                while any(noted.first_since(worker, at) is None for (worker, _), at in commits.items()):
                    await asyncio.sleep(0.05)
        reconciled = until_reconciled(commits, noted)
        crowd = await Crowd.start(plane, BROWSERS)
        commits = await changes(plane)
        await asyncio.sleep(1.0)
        shown = until_seen(commits, [tuple(each) for each in (await crowd.end())["seen"]])
        rows += [
            Row("commit → reconcile begins, p50", percentile(reconciled, 0.5) * 1000, "ms"),
            Row("commit → reconcile begins, p99 at 20 changes/s", percentile(reconciled, 0.99) * 1000, "ms", 100, 30),
            Row(f"commit → browser, p50, {BROWSERS} streams", percentile(shown, 0.5) * 1000, "ms"),
            Row(
                f"commit → browser, p99, {BROWSERS} streams, 20 changes/s",
                percentile(shown, 0.99) * 1000,
                "ms",
                200,
                100,
            ),
        ]
    async with running_plane() as plane:
        before = memory(plane)
        for count in IDLE:
            crowd = await Crowd.start(plane, count)
            each = (memory(plane) - before) / count
            await crowd.end()
            rows.append(Row(f"{count:,} idle streams in one process: memory of each", each, "KiB"))
        rows.append(Row("idle streams held by one process", float(max(IDLE)), "streams", *map(float, IDLE), "higher"))
    return rows


if __name__ == "__main__":
    publish(asyncio.run(measure()))
