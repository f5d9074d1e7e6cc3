"""What a command costs through REST against the same durable writes made by hand, one at a time and 32 at once.

By hand: read the document, compare-and-set it with its event in the outbox, put its state into etcd guarded by the
version, append the event to the event log, pull it from the outbox; the same drivers, database and etcd. Through REST
the command replaces the tags of a worker: authorization, validation, aggregate, audit and outbox included. The cost of
one counts until the same watch of etcd shows it, whoever wrote it.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from plane import Connection, Plane, by_turns, percentile, running_plane
from pymongo.asynchronous.database import AsyncDatabase
from rows import Row, publish
from stored import document, worker
from ulid import ULID

from lcm_core.etcd import EtcdClient, StateSummary, encode_state

ONE_BY_ONE = 150
TOGETHER = 1500
CLIENTS = 32
ROUNDS = 5
PATIENCE_SECONDS = 20.0
Step = Callable[[int, int], Awaitable[None]]
_numbers = itertools.count()


class Seen:
    """A watch of etcd: when a change is visible there."""

    def __init__(self, etcd: EtcdClient, prefix: str) -> None:
        self._etcd = etcd
        self._prefix = prefix
        self._versions: dict[str, int] = {}
        self._news = asyncio.Condition()
        self.watching = asyncio.Event()

    async def watch(self) -> None:
        """Follow etcd until cancelled."""
        async for batch in self._etcd.watch(self._prefix):
            self.watching.set()
            async with self._news:
                for event in batch.events:
                    if event.item.key.endswith("/state"):
                        # The value starts with the version, of a fixed width.
                        self._versions[event.item.key.split("/")[3]] = int(event.item.value[6:18])
                self._news.notify_all()

    async def after(self, key: str, change: Callable[[], Awaitable[None]]) -> None:
        """Make a change and return when a newer version than before is visible."""
        before = self._versions.get(key, 0)
        await change()
        async with asyncio.timeout(PATIENCE_SECONDS), self._news:
            await self._news.wait_for(lambda: self._versions.get(key, 0) > before)


class ByHand:
    """The floor: the durable writes without a platform around them, under keys that the platform does not watch."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]], etcd: EtcdClient) -> None:
        self._objects = database["objects"]
        self._events = database["events"]
        self._etcd = etcd
        self.seen = Seen(etcd, "/by-hand/")
        self._kept: dict[str, dict[str, Any]] = {}

    async def prepare(self) -> None:
        """An object for each client, of the size of a worker, with the index that the platform has."""
        await self._objects.create_index([("_id", 1), ("version", 1)])
        for client in range(CLIENTS):
            await self._objects.insert_one(document(f"w{client:03}", "worker", *worker(client)))
            self._kept[f"l{client:03}"] = document(f"l{client:03}", "worker", *worker(client))
            await self._objects.insert_one(dict(self._kept[f"l{client:03}"]))

    async def least(self, client: int, number: int) -> None:
        """The bare minimum: one compare-and-set of the whole document and one guarded put into etcd."""
        key = f"l{client:03}"
        kept = self._kept[key]
        version = kept["version"] + 1
        made = {**kept, "spec": {**kept["spec"], "tags": {"n": str(number)}}, "version": version}
        changed = await self._objects.replace_one({"_id": key, "version": kept["version"]}, made)
        assert changed.modified_count == 1
        self._kept[key] = made
        await self._etcd.put_guarded(
            f"/by-hand/objects/{key}/state",
            encode_state(StateSummary(version=version, generation=version, phase="running")),
        )

    async def least_seen(self, client: int, number: int) -> None:
        """The bare minimum, until its effect is visible in etcd."""
        await self.seen.after(f"l{client:03}", lambda: self.least(client, number))

    async def change(self, client: int, number: int) -> None:
        """All the platform's durable steps for one change of one object."""
        key = f"w{client:03}"
        found = await self._objects.find_one({"_id": key})
        assert found is not None
        version = found["version"] + 1
        event = {"event_id": str(ULID()), "type": "Tagged", "at": datetime.now(UTC), "actor": "admin", "number": number}
        fields = {"spec": {**found["spec"], "tags": {"n": str(number)}}, "status": found["status"]}
        changed = await self._objects.update_one(
            {"_id": key, "version": found["version"]},
            {"$set": {**fields, "version": version, "pending": True}, "$push": {"outbox": {"$each": [event]}}},
        )
        assert changed.modified_count == 1
        state = StateSummary(version=version, generation=version, phase="running")
        await self._etcd.put_guarded(f"/by-hand/objects/{key}/state", encode_state(state))
        await self._events.insert_one({"_id": event["event_id"], **event})
        pulled = {"$set": {"outbox": []}, "$unset": {"pending": 1}}
        await self._objects.update_one({"_id": key, "version": version}, pulled)


class ThroughRest:
    """The platform."""

    def __init__(self, connections: list[Connection], etcd: EtcdClient) -> None:
        self._connections = connections
        self.seen = Seen(etcd, "/lcm/workers/")

    async def change(self, client: int, number: int) -> None:
        """One command, answered."""
        path = f"/api/workers/w{client:03}/tags"
        await self._connections[client].call("PUT", path, {"tags": {"n": str(next(_numbers)), "round": str(number)}})

    async def change_seen(self, client: int, number: int) -> None:
        """One command, until its effect is visible in etcd."""
        await self.seen.after(f"w{client:03}", lambda: self.change(client, number))


async def one_by_one(step: Step) -> float:
    """Median seconds of one change."""
    taken = []
    for number in range(ONE_BY_ONE):
        begin = time.perf_counter()
        await step(0, number)
        taken.append(time.perf_counter() - begin)
    return percentile(taken, 0.5)


async def together(step: Step) -> float:
    """Changes per second of all clients at once, each on an object of its own."""

    async def client(number: int) -> None:
        for index in range(TOGETHER // CLIENTS):
            await step(number, index)

    begin = time.perf_counter()
    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    return TOGETHER / (time.perf_counter() - begin)


async def settled(plane: Plane) -> None:
    """Wait until no outbox holds anything: the platform must not pay for its writes in the other's turn."""
    async with plane.database() as database:
        while await database["workers"].find_one({"pending": True}, {"_id": 1}) is not None:
            await asyncio.sleep(0.01)


async def measure() -> list[Row]:
    """Both figures on one platform."""
    async with running_plane(workers=CLIENTS) as plane, plane.database("by_hand") as database, plane.etcd() as etcd:
        hand = ByHand(database, etcd)
        await hand.prepare()
        rest = ThroughRest(await plane.connect(CLIENTS), etcd)
        watches = (rest.seen, hand.seen)
        watching = [asyncio.create_task(each.watch()) for each in watches]
        async with asyncio.timeout(PATIENCE_SECONDS):
            for each in watches:
                await each.watching.wait()

        async def platform(measured: Awaitable[float]) -> float:
            taken = await measured
            await settled(plane)
            return taken

        for warm in (rest.change_seen, hand.change, hand.least_seen):
            await one_by_one(warm)
        least, floor, cost = await by_turns(
            ROUNDS,
            lambda: one_by_one(hand.least_seen),
            lambda: one_by_one(hand.change),
            lambda: platform(one_by_one(rest.change_seen)),
        )
        most, reached = await by_turns(ROUNDS, lambda: together(hand.change), lambda: platform(together(rest.change)))
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
    return [
        Row("compare-and-set and guarded put by hand, one at a time", least * 1000, "ms"),
        Row("all durable steps of a command by hand, one at a time", floor * 1000, "ms"),
        Row("command through REST until visible in etcd, one at a time", cost * 1000, "ms"),
        Row("cost of a command against the compare-and-set and the put alone", cost / least, "x", 2.0, 1.4),
        Row("cost of a command against the same writes by hand", cost / floor, "x"),
        Row(f"commands by hand, {CLIENTS} at once", most, "1/s", better="higher"),
        Row(f"commands through REST, {CLIENTS} clients, one process", reached, "1/s", better="higher"),
        Row("sustained commands as a share of those by hand", reached / most, "share", 0.4, 0.7, "higher"),
    ]


if __name__ == "__main__":
    publish(asyncio.run(measure()))
