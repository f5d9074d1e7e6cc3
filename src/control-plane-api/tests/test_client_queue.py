"""One client's stream in itself: what it is spared, when it is dropped, and that it is told that the server lives."""

import asyncio

import pytest

from control_plane_api.application.authorization.principal import Principal
from control_plane_api.infrastructure.sse import stream
from control_plane_api.infrastructure.sse.encoding import HEARTBEAT, StreamEvent
from control_plane_api.infrastructure.sse.stream import QUEUE_EVENTS, ClientQueue

LEARNER = Principal(user_id="u", username="learner", roles=frozenset({"user"}), department="north")


def an_event(number: int, owner: str = "learner") -> StreamEvent:
    return StreamEvent("session", f"s{number}", f"data: {number}\n\n".encode(), owner, "north")


async def everything(client: ClientQueue) -> bytes:
    async with asyncio.timeout(5):
        return b"".join([chunk async for chunk in client.chunks()])


async def test_a_client_that_does_not_read_is_dropped_at_its_bound_and_told_how_far_it_came() -> None:
    client = ClientQueue(LEARNER)
    fed = 0
    while client.offer([an_event(fed)], f"life-{fed}"):
        fed += 1
        assert fed <= QUEUE_EVENTS, "its queue has no end"
    assert fed == QUEUE_EVENTS
    assert client.closed
    assert not client.offer([an_event(fed)], "life-9999"), "what is dropped stays dropped"
    said = await everything(client)
    assert said.count(b"data: ") == QUEUE_EVENTS + 1, "all that was queued, and the mark"
    assert said.endswith(f"id: life-{fed - 1}\nevent: mark\ndata: {{}}\n\n".encode())


async def test_a_flush_is_queued_whole_or_not_at_all() -> None:
    client = ClientQueue(LEARNER)
    assert client.offer([an_event(n) for n in range(QUEUE_EVENTS - 1)], "life-1")
    assert not client.offer([an_event(1), an_event(2)], "life-2")
    assert b"life-2" not in await everything(client)


async def test_foreign_events_neither_fill_the_queue_nor_move_the_position() -> None:
    client = ClientQueue(LEARNER)
    for number in range(QUEUE_EVENTS * 2):
        assert client.offer([an_event(number, owner="somebody")], f"life-{number}")
    assert client.offer([an_event(1)], "life-mine")
    client.close()
    assert await everything(client) == b"data: 1\n\nid: life-mine\nevent: mark\ndata: {}\n\n"


async def test_flushes_that_wait_together_carry_one_position() -> None:
    client = ClientQueue(LEARNER)
    for number in range(3):
        client.offer([an_event(number)], f"life-{number}")
    client.close()
    said = await everything(client)
    assert said.count(b"event: mark") == 1
    assert b"id: life-2" in said


async def test_a_quiet_stream_says_that_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.01)
    client = ClientQueue(LEARNER)
    chunks = client.chunks()
    assert await anext(chunks) == HEARTBEAT
    client.offer([an_event(1)], "life-1")
    found = await anext(chunks)
    while found == HEARTBEAT:
        found = await anext(chunks)
    assert found.startswith(b"data: 1")
    await chunks.aclose()
