"""The grading engine's adapter: what an answer leaves out is asked for."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lablet_controller.adapters.grading import HttpGradingEngine
from lcm_core.spi.grading import EngineState, GradingRequest

REQUEST = GradingRequest("s1-1", "s1", (), "bucket", "manifest.json", (), "bucket", "rubric.yaml")
REPORT = {"score": 2, "max_score": 2, "cut_score": 80, "passed": True, "sections": [], "report_url": ""}


@asynccontextmanager
async def engine_at(state: str, asked: list[str]) -> AsyncIterator[HttpGradingEngine]:
    """An engine whose only job is in a state; a submission is answered without the report, as the real one does."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method = head.split()[0]
        asked.append(method)
        answer: dict[str, object] = {"id": "j1", "state": state}
        if method == "GET":
            answer |= {"error": None, "report": REPORT if state == "completed" else None}
        body = json.dumps(answer).encode()
        kind = b"Content-Type: application/json\r\nConnection: close"
        writer.write(b"HTTP/1.1 200 OK\r\n%s\r\nContent-Length: %d\r\n\r\n%s" % (kind, len(body), body))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        engine = HttpGradingEngine(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "token")
        yield engine
        await engine.close()


async def test_a_repeated_submission_brings_the_report_of_a_job_that_has_ended_meanwhile() -> None:
    asked: list[str] = []
    async with engine_at("completed", asked) as engine:
        job = await engine.submit(REQUEST)
    assert job.state is EngineState.COMPLETED
    assert job.report is not None, "without it the job counts as failed, and the session is graded a second time"
    assert asked == ["POST", "GET"]


async def test_a_fresh_submission_asks_no_more() -> None:
    asked: list[str] = []
    async with engine_at("queued", asked) as engine:
        assert (await engine.submit(REQUEST)).state is EngineState.QUEUED
    assert asked == ["POST"]
