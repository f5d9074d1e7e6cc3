"""A fault strikes a call that has arrived, and what arrived has its effect whether or not its caller is still there."""

import asyncio
from typing import Any

import pytest

from lcm_simulators.common.faults import Fault, FaultBook
from lcm_simulators.common.journal import Journal
from lcm_simulators.common.middleware import FaultAndJournalMiddleware

HALF = {"type": "http.request", "body": b"half", "more_body": True}
REST = {"type": "http.request", "body": b" and half", "more_body": False}
LEFT = {"type": "http.disconnect"}
SCOPE = {"type": "http", "method": "POST", "path": "/things", "headers": []}


@pytest.mark.parametrize(
    ("messages", "effects", "strikes_left"),
    [([HALF, REST, LEFT], [b"half and half"], 0), ([HALF, LEFT], [], 1), ([LEFT], [], 1)],
    ids=["whole", "half", "nothing"],
)
async def test_only_a_whole_request_is_a_call(
    messages: list[dict[str, Any]], effects: list[bytes], strikes_left: int
) -> None:
    coming, made = list(messages), list[bytes]()

    async def receive() -> dict[str, Any]:
        return coming.pop(0)

    async def app(_: Any, take: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await take()
            body, more = body + message["body"], message["more_body"]
        made.append(body)
        await send({"type": "http.response.start", "status": 201, "headers": []})

    async def send(_: Any) -> None:
        """Nobody listens any more."""

    faults, journal = FaultBook(), Journal()
    faults.replace([Fault.model_validate({"kind": "latency", "seconds": 0.0, "count": 1})])
    middleware = FaultAndJournalMiddleware(app, journal=journal, faults=faults, identify=lambda _: ("make", ""))
    async with asyncio.timeout(5):
        await middleware(SCOPE, receive, send)
    assert made == effects
    assert len(faults.faults) == strikes_left
