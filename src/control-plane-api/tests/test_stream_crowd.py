"""Many streams at once: the death of a replica moves them all, and one that does not read delays nobody."""

import asyncio
import socket
from collections.abc import Callable

import pytest
from crowd import Follower
from flows import active_definition, reserve
from plane_process import PlaneProcess

from lcm_core.contracts.sessions import SessionView

FOLLOWERS = 500
WITHIN_SECONDS = 60.0
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


async def all_know(followers: list[Follower], sessions: dict[str, int]) -> None:
    """Wait until every follower has the newest version of each session."""
    async with asyncio.timeout(WITHIN_SECONDS):
        while not all(each.versions.items() >= sessions.items() for each in followers):
            await asyncio.sleep(0.05)


async def test_a_crowd_moves_to_the_other_replica_without_a_gap(plane_factory: Callable[..., PlaneProcess]) -> None:
    first, second = plane_factory(), plane_factory()
    await first.start()
    await second.start()
    definition = await active_definition(second)
    token = first.realm.token("admin", seconds=3600)
    crowd = [Follower([first.address, second.address], token) for _ in range(FOLLOWERS)]
    # Connected and never read, with next to no room on the way: nobody else may notice.
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    host, port = second.address.split(":")
    narrow.connect((host, int(port)))
    _, sleeper = await asyncio.open_connection(sock=narrow, limit=1024)
    sleeper.write(f"GET /api/events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    tasks = [asyncio.create_task(each.follow()) for each in crowd]
    try:
        async with asyncio.timeout(WITHIN_SECONDS):
            await asyncio.gather(*(each.ready.wait() for each in crowd))
        async with second.caller("user") as user:
            known: dict[str, int] = {}
            for number in range(20):
                if number == 8:
                    first.kill()
                session = await reserve(user, definition, hours=2 + number)
                ended = await user.post(f"/api/lablet-sessions/{session.id}/cancel")
                known[session.id] = SessionView.model_validate_json(ended.content).version
        await all_know(crowd, known)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        sleeper.close()
    assert {each.connections for each in crowd} == {2}, "each came once to either replica"
    assert {(each.snapshots, each.resumed) for each in crowd} == {
        (1, 1)
    }, "the second replica went on where the first was"
