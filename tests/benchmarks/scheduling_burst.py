"""A burst of as-soon-as-possible sessions through REST, database, etcd and scheduler, as real processes on one machine.

Starts its own platform in a temporary folder: etcd, the embedded database (durable), the identity provider, one control
plane and one scheduler. The workers and the definition are put into the database before the control plane starts.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from plane import fill
from pymongo import AsyncMongoClient
from rows import Row, publish

from lcm_simulators.world import World

CLIENTS = 32
LIMIT_SECONDS = 120.0


async def seed(folder: Path, workers: int) -> None:
    """Fill the database before anybody reads it."""
    world = World(folder, ports="ephemeral", clock_factor=1.0, only=["database"], report=lambda line: None)
    await world.start()
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(world.url("database"))
    await fill(client["lcm"], workers=workers)
    await client.close()
    await world.stop()


class Api:
    """The control plane as the administrator sees it."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    @classmethod
    async def sign_in(cls, http: httpx.AsyncClient) -> "Api":
        """Sign in with the password of the test realm."""
        answer = await http.post("/api/auth/login", json={"username": "admin", "password": "test"})
        answer.raise_for_status()
        http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return cls(http)

    async def reserve(self, number: int) -> None:
        """One session as soon as possible, two hours long."""
        body = {"definition_id": "bench", "as_soon_as_possible": True, "duration_minutes": 120, "note": str(number)}
        (await self._http.post("/api/lablet-sessions", json=body)).raise_for_status()

    async def anybody_waits(self) -> bool:
        """Whether a session is still pending; asks for one only, so that watching costs little."""
        answer = await self._http.get("/api/lablet-sessions", params={"phase": "pending", "limit": "1"})
        answer.raise_for_status()
        return bool(answer.json()["items"])

    async def sessions(self, phase: str) -> list[dict[str, object]]:
        """All sessions of a phase."""
        found: list[dict[str, object]] = []
        cursor = ""
        while True:
            params = {"phase": phase, "limit": "200"} | ({"cursor": cursor} if cursor else {})
            answer = await self._http.get("/api/lablet-sessions", params=params)
            answer.raise_for_status()
            page = answer.json()
            found.extend(page["items"])
            cursor = page["next_cursor"]
            if not cursor:
                return found


async def burst(api: Api, sessions: int) -> tuple[float, float, float]:
    """Seconds until all were reserved, until all were scheduled, and the 99th percentile of one session's wait."""
    gate = asyncio.Semaphore(CLIENTS)

    async def reserve(number: int) -> None:
        async with gate:
            await api.reserve(number)

    begin = time.perf_counter()
    await asyncio.gather(*(reserve(number) for number in range(sessions)))
    reserved = time.perf_counter() - begin
    while await api.anybody_waits():
        assert time.perf_counter() - begin < LIMIT_SECONDS, f"sessions still wait after {LIMIT_SECONDS:g} s"
        await asyncio.sleep(0.1)
    scheduled = time.perf_counter() - begin
    waits = [_wait(view) for view in await api.sessions("scheduled")]
    assert len(waits) == sessions, f"{len(waits)} of {sessions} sessions are scheduled"
    return reserved, scheduled, statistics.quantiles(waits, n=100)[-1]


def _wait(view: dict[str, object]) -> float:
    status = view["status"]
    assert isinstance(status, dict)
    placed = datetime.fromisoformat(status["placement"]["placed_at"])
    return (placed - datetime.fromisoformat(str(view["created_at"]))) / timedelta(seconds=1)


async def measure(sessions: int, workers: int) -> tuple[float, float, float]:
    """One run on a fresh platform."""
    with tempfile.TemporaryDirectory() as folder:
        await seed(Path(folder), workers)
        world = World(
            Path(folder),
            ports="ephemeral",
            clock_factor=1.0,
            only=["resource-scheduler"],
            auto_restart=False,
            report=lambda line: None,
        )
        await world.start()
        try:
            url = world.url("control-plane")
            async with httpx.AsyncClient(base_url=url, timeout=60.0, trust_env=False) as http:
                return await burst(await Api.sign_in(http), sessions)
        finally:
            await world.stop()


def main() -> None:
    """Measure and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=100)
    arguments = parser.parse_args()
    reserved, scheduled, slowest = asyncio.run(measure(arguments.sessions, arguments.workers))
    print(f"{arguments.sessions} reserved after {reserved:.2f} s, scheduled after {scheduled:.2f} s")
    size = f"burst of {arguments.sessions:,} sessions on {arguments.workers} workers"
    promised = (20, 5) if (arguments.sessions, arguments.workers) == (1000, 100) else (None, None)
    publish(
        [
            Row(f"{size}, all scheduled", scheduled, "s", *promised),
            Row(f"{size}, p99 of one", slowest, "s", promised[0]),
        ]
    )


if __name__ == "__main__":
    main()
