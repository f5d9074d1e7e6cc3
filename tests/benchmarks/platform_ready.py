"""How long somebody waits for a lab: from the reservation to READY, with simulator delays at zero.

The worker is on already. *Warm* finds a lab of the definition in the worker's pool; *cold* imports one. The session is
reserved as soon as possible over REST, and the time ends when the live stream says READY, as the console shows it.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import httpx
from rows import Row, publish

from lcm_core.contracts.common import Page
from lcm_core.contracts.definitions import DefinitionView
from lcm_core.contracts.workers import CreateWorker, LabRecordView, TemplateView, WorkerView
from lcm_core.domain.vocabulary import LabPhase, SessionPhase, WorkerPhase
from lcm_simulators.world import World

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.system.packages import two_routers  # noqa: E402
from tests.system.platform import Platform, signed_in, until  # noqa: E402

ROUNDS = 7
PATIENCE_SECONDS = 60.0


async def a_worker(platform: Platform) -> None:
    """Launch one and wait until it takes sessions."""
    page = await platform.api.call("GET", "/api/worker-templates", response=Page[TemplateView])
    template = max(page.items, key=lambda each: each.spec.capacity.cores)
    made = await platform.api.call(
        "POST", "/api/workers", body=CreateWorker(template_id=template.id), response=WorkerView
    )

    async def running() -> WorkerView | None:
        seen = await platform.api.call("GET", f"/api/workers/{made.id}", response=WorkerView)
        return seen if seen.status.phase is WorkerPhase.RUNNING and seen.status.schedulable else None

    await until("a worker that takes sessions", running)


async def pooled(platform: Platform, definition: DefinitionView) -> None:
    """Have the labs looked at, and wait for one in the pool of a definition."""
    for worker in await platform.workers():
        await platform.api.call("POST", f"/api/workers/{worker.id}/labs/refresh")

    async def there() -> bool | None:
        page = await platform.api.call(
            "GET", "/api/lab-records", params={"source": "pool", "limit": "200"}, response=Page[LabRecordView]
        )
        mine = [
            record
            for record in page.items
            if record.spec.definition_id == definition.id
            and not record.spec.session_id
            and record.status.phase in (LabPhase.DEFINED, LabPhase.WIPED)
        ]
        return True if mine else None

    await until(f"a lab in the pool of {definition.spec.name}", there)


async def news(platform: Platform) -> AsyncIterator[tuple[str, str]]:
    """Id and phase of each session that the stream tells of; two empty words when it has told what there is."""
    async with httpx.AsyncClient(base_url=platform.world.url("control-plane"), trust_env=False, timeout=None) as http:
        signed = await http.post("/api/auth/login", json={"username": "admin", "password": "test"})
        token = signed.raise_for_status().json()["access_token"]
        async with http.stream("GET", "/api/events/stream", headers={"Authorization": f"Bearer {token}"}) as answer:
            async for told in _sessions(answer):
                yield told


async def _sessions(answer: httpx.Response) -> AsyncIterator[tuple[str, str]]:
    kind = ""
    async for line in answer.aiter_lines():
        if line.startswith("event: "):
            kind = line[7:]
            if kind == "snapshot.end":
                yield "", ""
        elif line.startswith("data: ") and kind == "session.snapshot":
            session = json.loads(line[6:])
            yield session["id"], session["status"]["phase"]


async def until_ready(platform: Platform, definition: DefinitionView) -> float:
    """Seconds from the reservation to READY; the session is canceled afterwards."""
    async with asyncio.timeout(PATIENCE_SECONDS), aclosing(news(platform)) as told:
        async for known, _ in told:
            if not known:
                break
        begin = time.perf_counter()
        session = await platform.reserve(definition)
        async for known, phase in told:
            if known == session.id and phase == SessionPhase.READY:
                break
        taken = time.perf_counter() - begin
    await platform.api.call("POST", f"/api/lablet-sessions/{session.id}/cancel")
    await platform.reach(session.id, SessionPhase.TERMINATED)
    return taken


async def measure() -> list[Row]:
    """Medians of warm and cold."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        world = World(
            folder / "world",
            ports="ephemeral",
            clock_factor=1.0,
            boot_scale=0.0,
            environment={"LCM_LOG_LEVEL": "WARNING"},
            report=lambda _: None,
        )
        async with world, signed_in(world) as platform:
            cold = await platform.define(two_routers(folder, "cold"))
            await a_worker(platform)
            await until_ready(platform, cold)
            colds = [await until_ready(platform, cold) for _ in range(ROUNDS)]
            warm = await platform.define(two_routers(folder, "warm"), warm_pool_depth=1)
            warms = []
            for _ in range(ROUNDS):
                await pooled(platform, warm)
                warms.append(await until_ready(platform, warm))
    return [
        Row("warm session: reserve → READY, median", statistics.median(warms), "s", 2.0, 0.7),
        Row("warm session: reserve → READY, worst", max(warms), "s"),
        Row("cold session: reserve → READY, median", statistics.median(colds), "s"),
    ]


if __name__ == "__main__":
    publish(asyncio.run(measure()))
