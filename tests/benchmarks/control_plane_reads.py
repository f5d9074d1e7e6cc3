"""How long readers wait: fifty at once, a thousand sessions and 100 workers stored.

They read as people and scripts do, a moment after the answer before, and once more without any pause, which only shows
where the one process ends: then fifty requests always wait, however short each is. Each asks in turn for what the
console's pages and scripts ask: pages of sessions (all, filtered, sorted), workers and definitions, and single objects.
And what a session costs when ten times as many are stored.
"""

import asyncio
import itertools
import statistics
import time
from collections.abc import Iterator

from plane import Connection, Plane, by_turns, percentile, running_plane
from rows import Row, publish

USERS = 50
SECONDS = 8.0
PAUSE_SECONDS = 0.1
WORKERS = 100
FEW, MANY = 1_000, 10_000
LIVES = 60
ROUNDS = 5


def questions(user: int) -> Iterator[str]:
    """What a user asks, for ever; each user begins elsewhere."""
    paths = [
        "/api/lablet-sessions?limit=50",
        f"/api/lablet-sessions/s{user:06}",
        "/api/workers?limit=50",
        f"/api/workers/w{user:03}",
        f"/api/lablet-sessions?limit=20&owner=user{user:02}",
        f"/api/lablet-sessions/s{user + USERS:06}",
        "/api/lablet-sessions?limit=20&sort=-created_at",
        "/api/lablet-definitions?limit=50",
        f"/api/workers/w{99 - user:03}",
        "/api/quotas/mine",
    ]
    return itertools.islice(itertools.cycle(paths), user % len(paths), None)


async def reads(connections: list[Connection], pause: float) -> list[float]:
    """Seconds of every answer of some seconds in which each user asks again a pause (seconds) after the answer."""
    taken: list[float] = []
    until = time.perf_counter() + SECONDS

    async def read(user: int, connection: Connection) -> None:
        for path in questions(user):
            begin = time.perf_counter()
            if begin >= until:
                return
            await connection.call("GET", path)
            taken.append(time.perf_counter() - begin)
            if pause:
                await asyncio.sleep(pause)

    await asyncio.gather(*(read(user, connection) for user, connection in enumerate(connections)))
    return taken


async def lives(connection: Connection) -> float:
    """Median seconds of a session's way through the API: reserved, read, found in a list, canceled."""
    taken = []
    for _ in range(LIVES):
        begin = time.perf_counter()
        body = {"definition_id": "bench", "as_soon_as_possible": True, "duration_minutes": 30}
        made = await connection.call("POST", "/api/lablet-sessions", body)
        session = made.partition(b'"id":"')[2].partition(b'"')[0].decode()
        await connection.call("GET", f"/api/lablet-sessions/{session}")
        await connection.call("GET", "/api/lablet-sessions?limit=20&sort=-created_at")
        await connection.call("POST", f"/api/lablet-sessions/{session}/cancel")
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


async def growth(few: Plane, many: Plane) -> tuple[float, float]:
    """The same life on a plane with few and on one with many stored sessions, in turn."""
    [near], [far] = await few.connect(), await many.connect()
    await lives(near), await lives(far)
    little, much = await by_turns(ROUNDS, lambda: lives(near), lambda: lives(far))
    return little, much


async def measure() -> list[Row]:
    """Reads on one platform, growth on two that run beside each other."""
    async with running_plane(workers=WORKERS, sessions=FEW) as few:
        connections = await few.connect(USERS)
        await reads(connections, PAUSE_SECONDS)
        taken = await reads(connections, PAUSE_SECONDS)
        crowded = await reads(connections, 0.0)
        async with running_plane(workers=WORKERS, sessions=MANY) as many:
            little, much = await growth(few, many)
    return [
        Row(f"reads, {USERS} users, p50", percentile(taken, 0.5) * 1000, "ms"),
        Row(f"reads, {USERS} users, p95", percentile(taken, 0.95) * 1000, "ms", 100.0, 40.0),
        Row(f"reads, {USERS} users", len(taken) / SECONDS, "1/s", better="higher"),
        Row(f"reads, {USERS} users without pause, p95", percentile(crowded, 0.95) * 1000, "ms"),
        Row(f"reads, {USERS} users without pause", len(crowded) / SECONDS, "1/s", better="higher"),
        Row(f"a session's calls with {FEW:,} sessions stored", little * 1000, "ms"),
        Row(f"growth: the same with {MANY:,} sessions stored", much / little, "x", 1.3, 1.1),
    ]


if __name__ == "__main__":
    publish(asyncio.run(measure()))
