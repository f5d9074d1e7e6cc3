"""A burst of as-soon-as-possible sessions through REST, database, etcd and scheduler, as real processes on one machine.

Starts its own platform in a temporary folder: etcd, the embedded database (durable), the identity provider, one control
plane and one scheduler. The workers and the definition are put into the database before the control plane starts.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from pydantic import BaseModel
from pymongo import AsyncMongoClient
from rows import Row, publish

from lcm_core.contracts.common import Resources, View
from lcm_core.contracts.definitions import (
    DefinitionSpec,
    DefinitionStatus,
    DerivedContent,
    PortSlot,
)
from lcm_core.contracts.workers import TemplateSpec, TemplateStatus, WorkerSpec, WorkerStatus
from lcm_core.domain.vocabulary import DefinitionPhase, PortProtocol, WorkerPhase
from lcm_simulators.world import World

METAL = Resources(cores=48, memory_mb=192 * 1024, storage_gb=256, nodes=200)
NEEDS = Resources(cores=4, memory_mb=12 * 1024, storage_gb=10, nodes=8)
PORTS = 8
CLIENTS = 32
LIMIT_SECONDS = 120.0


def document(object_id: str, kind: str, spec: View | BaseModel, status: View) -> dict[str, object]:
    """An aggregate as the control plane stores it."""
    now = datetime.now(UTC)
    return {
        "_id": object_id,
        "kind": kind,
        "version": 1,
        "generation": 1,
        "spec": spec.model_dump(mode="json"),
        "status": status.model_dump(mode="json"),
        "created_at": now,
        "updated_at": now,
        "created_by": "benchmark",
        "outbox": [],
    }


def template() -> TemplateSpec:
    """A machine that stays on while nothing runs on it."""
    return TemplateSpec(
        name="metal", instance_type="m5zn.metal", capacity=METAL, hourly_cost_usd=3.96, idle_timeout_minutes=600
    )


def worker(number: int) -> tuple[WorkerSpec, WorkerStatus]:
    """A running, schedulable worker."""
    spec = WorkerSpec(
        name=f"metal-{number:03}",
        template_id="metal",
        template_name="metal",
        region="us-east-1",
        instance_type="m5zn.metal",
        declared_capacity=METAL,
        hourly_cost_usd=3.96,
        idle_timeout_minutes=600,
    )
    status = WorkerStatus(
        phase=WorkerPhase.RUNNING, phase_since=datetime.now(UTC), capacity=METAL, schedulable=True, reason="Ready"
    )
    return spec, status


def definition() -> tuple[DefinitionSpec, DefinitionStatus]:
    """An active definition with a few ports."""
    content = DerivedContent(
        package_sha256="0" * 64,
        package_bucket="bench",
        package_key="packages/bench.zip",
        topology_sha256="0" * 64,
        node_count=NEEDS.nodes,
        node_definitions=["iosv"],
        estimated=NEEDS,
        port_template=[PortSlot(name=f"P{n}", node_label=f"r{n}", protocol=PortProtocol.SERIAL) for n in range(PORTS)],
        devices=[],
    )
    spec = DefinitionSpec(
        name="bench", semantic_version="1.0.0", form_qualified_name="b e n c h x", title="Benchmark", graded=False
    )
    return spec, DefinitionStatus(phase=DefinitionPhase.ACTIVE, content=content, requirements=NEEDS)


async def seed(folder: Path, workers: int) -> None:
    """Fill the database before anybody reads it."""
    world = World(folder, ports="ephemeral", clock_factor=1.0, only=["database"], report=lambda line: None)
    await world.start()
    client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(world.url("database"))
    database = client["lcm"]
    await database["templates"].insert_one(document("metal", "template", template(), TemplateStatus()))
    spec, status = definition()
    await database["definitions"].insert_one(document("bench", "definition", spec, status))
    for number in range(workers):
        await database["workers"].insert_one(document(f"w{number:03}", "worker", *worker(number)))
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
