"""A thousand sessions at once on a hundred workers, through their whole life: nothing lost, nothing oversubscribed.

Run with ``python tests/benchmarks/platform_life.py``; it takes about eight minutes. All services and simulators run
with delays at zero. Every session is reserved, placed, built and entered; when all run together, their learners finish,
the evidence is collected and graded, and everything is given back. It fails when a session ends otherwise, a worker's
capacity or port is given twice, or anything is left in CML or at the delivery system.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import psutil
from rows import Row, publish

from lcm_core.clients.control_plane import ControlPlaneClient
from lcm_core.contracts.sessions import SessionView
from lcm_core.contracts.workers import CreateWorker, WorkerView
from lcm_core.domain.vocabulary import SessionOutcome, SessionPhase
from lcm_simulators.world import World

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.system import outside  # noqa: E402
from tests.system.packages import two_routers  # noqa: E402
from tests.system.platform import Platform, signed_in  # noqa: E402

SESSIONS = int(os.environ.get("BENCH_SESSIONS", "1000"))
WORKERS = int(os.environ.get("BENCH_WORKERS", "100"))
CLIENTS = 16
PATIENCE = 540.0
LOOK_SECONDS = 1.0
NEEDS = {"cores": 4, "memory_mb": 16 * 1024}
"""Of each session, so that twelve fill a worker."""
CHECKED = ("control-plane", "lablet-controller", "resource-scheduler", "worker-controller")


async def each(work: Callable[[str], Awaitable[object]], ids: Sequence[str]) -> None:
    """Do something with every session, a few at a time."""
    gate = asyncio.Semaphore(CLIENTS)

    async def one(session_id: str) -> None:
        async with gate:
            await work(session_id)

    await asyncio.gather(*(one(session_id) for session_id in ids))


class Crowd:
    """All sessions of the run."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._client = ControlPlaneClient(platform.api)
        self.ids: list[str] = []

    async def look(self) -> list[SessionView]:
        """Every session as it is now."""
        mine = set(self.ids)
        return [session async for session in self._client.sessions() if session.id in mine]

    async def all_in(self, *phases: SessionPhase) -> list[SessionView]:
        """Wait until every session is in one of the phases. Raises ``TimeoutError`` saying where the others are."""
        began, seen = time.monotonic(), Counter[str]()
        while time.monotonic() - began < PATIENCE:
            sessions = await self.look()
            seen = Counter(session.status.phase.value for session in sessions)
            if len(sessions) == len(self.ids) and all(session.status.phase in phases for session in sessions):
                return sessions
            await asyncio.sleep(LOOK_SECONDS)
        raise TimeoutError(f"not all sessions became {', '.join(phases)}: {dict(seen)}")

    async def enter(self, session_id: str) -> None:
        """Be the learner who begins."""
        await (await self._platform.learner(session_id)).start()

    async def leave(self, session_id: str) -> None:
        """Be the learner who hands in."""
        await (await self._platform.learner(session_id)).finish()


async def machines(platform: Platform) -> None:
    """Workers that take sessions."""

    async def make(_: str) -> None:
        body = CreateWorker(template_id="metal-many")
        await platform.api.call("POST", "/api/workers", body=body, response=WorkerView)

    await each(make, [str(number) for number in range(WORKERS)])
    began = time.monotonic()
    while sum(worker.status.schedulable for worker in await platform.workers()) < WORKERS:
        if time.monotonic() - began > PATIENCE:
            raise TimeoutError("not all workers take sessions")
        await asyncio.sleep(LOOK_SECONDS)


def double_bookings(sessions: list[SessionView], workers: list[WorkerView]) -> list[str]:
    """Workers that hold more than they have, or give a port twice."""
    faults = []
    for worker in workers:
        placements = [
            session.status.placement
            for session in sessions
            if session.status.placement is not None and session.status.placement.worker_id == worker.id
        ]
        ports = [port for placement in placements for port in placement.ports.values()]
        declared = worker.spec.declared_capacity
        if len(ports) != len(set(ports)):
            faults.append(f"{worker.spec.name} gives a port twice")
        for amount in ("cores", "memory_mb", "nodes"):
            if sum(getattr(placement.resources, amount) for placement in placements) > getattr(declared, amount):
                faults.append(f"{worker.spec.name} holds more {amount} than it has")
    return faults


async def leftovers(world: World, ids: list[str]) -> list[str]:
    """What the simulators still hold."""
    labs = [title for titles in (await outside.labs_on_controllers(world)).values() for title in titles]
    states = await outside.lds_states(world, ids)
    open_sessions = [session_id for session_id, state in states.items() if state != ["ARCHIVED"]]
    return [f"lab {title} is left" for title in labs] + [f"delivery of {one} is left" for one in open_sessions]


def memory(world: World) -> dict[str, float]:
    """MiB of each service."""
    found = {}
    for name in CHECKED:
        pid = world.pid(name)
        found[name] = psutil.Process(pid).memory_info().rss / 2**20 if pid is not None else 0.0
    return found


async def measure(world: World, platform: Platform, folder: Path) -> tuple[list[Row], list[str]]:
    """The figures, and what is wrong."""
    await machines(platform)
    definition = await platform.define(two_routers(folder, "crowd"), requirements=NEEDS)
    crowd = Crowd(platform)

    async def reserve(_: str) -> None:
        crowd.ids.append((await platform.reserve(definition, minutes=240)).id)

    began = time.monotonic()
    await each(reserve, [str(number) for number in range(SESSIONS)])
    await crowd.all_in(SessionPhase.READY)
    ready = time.monotonic() - began
    await each(crowd.enter, crowd.ids)
    running = await crowd.all_in(SessionPhase.RUNNING)
    faults = double_bookings(running, await platform.workers())
    used = memory(world)
    together = time.monotonic() - began
    await each(crowd.leave, crowd.ids)
    ended = await crowd.all_in(SessionPhase.TERMINATED)
    whole = time.monotonic() - began
    lost = [one for one in ended if one.status.outcome is not SessionOutcome.COMPLETED or one.status.score is None]
    faults += [f"{one.id} ended as {one.status.outcome}: {one.status.message}" for one in lost[:20]]
    faults += await leftovers(world, crowd.ids)
    of = f"{SESSIONS:,} sessions on {WORKERS} workers"
    rows = [
        Row(f"{of}: reserve → all READY", ready, "s"),
        Row(f"{of}: reserve → all RUNNING together", together, "s"),
        Row(f"{of}: whole life, graded and cleaned up", whole, "s", None, 300.0),
        Row(f"{of}: lost, doubled or left over", float(len(faults)), "faults", 0.0),
    ]
    rows += [Row(f"{of}: memory of {name}", amount, "MiB", 250.0, 150.0) for name, amount in used.items()]
    return rows, faults


def quick_world(folder: Path) -> World:
    """All services and simulators, with delays at zero."""
    return World(
        folder / "world",
        ports="ephemeral",
        clock_factor=1.0,
        boot_scale=0.0,
        durable=False,
        environment={"LCM_LOG_LEVEL": "WARNING"},
        report=lambda _: None,
    )


async def main() -> int:
    """Measure and publish."""
    with tempfile.TemporaryDirectory(prefix="bench-life-") as name:
        world = quick_world(Path(name))
        async with world, signed_in(world) as platform:
            rows, faults = await measure(world, platform, Path(name))
    publish(rows)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
