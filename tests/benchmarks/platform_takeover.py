"""How long a controller has no leader: after its leader was killed, and after it was stopped properly.

Two schedulers run. The time goes from the signal until the follower has won the election; a reservation made meanwhile
must be placed by it.
"""

import asyncio
import json
import tempfile
import time
from pathlib import Path

import orjson
from plane import Connection, fill
from pymongo import AsyncMongoClient
from rows import Row, publish

from lcm_core.domain.vocabulary import ServiceName
from lcm_core.etcd import EtcdClient, election_key
from lcm_simulators.world import World

SCHEDULERS = ("resource-scheduler", "resource-scheduler-2")
ROUNDS = 3
PATIENCE_SECONDS = 60.0


class Pair:
    """Two schedulers and who leads."""

    def __init__(self, world: World, etcd: EtcdClient, connection: Connection) -> None:
        self._world = world
        self._etcd = etcd
        self._connection = connection

    async def leader(self, not_before: int = 0) -> tuple[str, int]:
        """The leader's process, and the revision at which it won, once that is later than a revision."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                held = await self._etcd.get(election_key(ServiceName.RESOURCE_SCHEDULER, 0))
                if held is not None and held.create_revision > not_before:
                    url = orjson.loads(held.value)["admin_url"]
                    for name in SCHEDULERS:
                        if url.endswith(self._world.url(name).rpartition(":")[2]):
                            return name, held.create_revision
                await asyncio.sleep(0.005)

    async def without_leader(self, *, kill: bool) -> float:
        """Seconds from the end of the leader until the other one leads; the ended one is back afterwards."""
        name, revision = await self.leader()
        begin = time.perf_counter()
        if kill:
            self._world.kill(name)
            ending = None
        else:
            ending = asyncio.create_task(self._world.stop_process(name))
        await self.leader(revision)
        taken = time.perf_counter() - begin
        if ending is not None:
            await ending
        await self._places()
        await self._world.start_process(name)
        return taken

    async def _places(self) -> None:
        """Raises ``TimeoutError`` when the new leader places nothing."""
        body = {"definition_id": "bench", "as_soon_as_possible": True, "duration_minutes": 30}
        made = json.loads(await self._connection.call("POST", "/api/lablet-sessions", body))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                seen = json.loads(await self._connection.call("GET", f"/api/lablet-sessions/{made['id']}"))
                if seen["status"]["phase"] != "pending":
                    return
                await asyncio.sleep(0.05)


async def measure() -> list[Row]:
    """The worst of some rounds each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        quiet = {"LCM_LOG_LEVEL": "WARNING"}
        async with World(folder, ports="ephemeral", clock_factor=1.0, only=["database"], report=str) as stores:
            client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(stores.url("database"))
            await fill(client["lcm"], workers=10)
            await client.close()
        world = World(
            folder,
            ports="ephemeral",
            clock_factor=1.0,
            only=["control-plane", *SCHEDULERS],
            auto_restart=False,
            replicas=2,
            environment=quiet,
            report=str,
        )
        async with world, EtcdClient([world.url("etcd").removeprefix("http://")]) as etcd:
            address = world.url("control-plane").removeprefix("http://")
            anybody = await Connection.open(address)
            answer = await anybody.call("POST", "/api/auth/login", {"username": "admin", "password": "test"})
            pair = Pair(world, etcd, await Connection.open(address, json.loads(answer)["access_token"]))
            stopped = [await pair.without_leader(kill=False) for _ in range(ROUNDS)]
            killed = [await pair.without_leader(kill=True) for _ in range(ROUNDS)]
    return [
        Row("leader take-over after SIGKILL, worst", max(killed), "s", 15.0, 8.0),
        Row("leader take-over after a graceful stop, worst", max(stopped), "s", 2.0, 1.0),
    ]


if __name__ == "__main__":
    publish(asyncio.run(measure()))
