"""Which failures of a call leave open whether it will yet have its effect."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from lablet_controller.adapters.http import OutsideClient
from lcm_core.spi.errors import OutsideRefused, OutsideUnavailable, OutsideUnheard
from lcm_simulators.embedded.reservations import free_port


@asynccontextmanager
async def remote(answer: bytes | None) -> AsyncIterator[OutsideClient]:
    """A remote that answers so; with nothing it ends the connection, and for None it says nothing at all."""
    silent = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await silent.wait()
        else:
            writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        client = OutsideClient("the remote", f"http://127.0.0.1:{port}", timeout_seconds=0.3)
        try:
            yield client
        finally:
            silent.set()
            await client.close()


def status(number: int) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % number


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (None, OutsideUnheard),
        (b"", OutsideUnheard),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", OutsideUnheard),
        (status(502), OutsideUnheard),
        (status(504), OutsideUnheard),
        (status(500), OutsideUnavailable),
        (status(503), OutsideUnavailable),
        (status(429), OutsideUnavailable),
        (status(422), OutsideRefused),
    ],
    ids=["silent", "hangs up", "half an answer", "502", "504", "500", "503", "429", "422"],
)
async def test_a_change_whose_end_is_not_known_is_told_from_one_that_failed(
    answer: bytes | None, raised: type[Exception]
) -> None:
    async with remote(answer) as client:
        with pytest.raises(raised) as caught:
            await client.call("POST", "/things", json_body={})
    assert type(caught.value) is raised


@pytest.mark.parametrize("answer", [None, b"", status(504)], ids=["silent", "hangs up", "504"])
async def test_a_question_has_no_effect_to_wait_for(answer: bytes | None) -> None:
    async with remote(answer) as client:
        with pytest.raises(OutsideUnavailable) as caught:
            await client.call("GET", "/things")
    assert type(caught.value) is OutsideUnavailable


async def test_a_call_that_was_never_sent_has_no_effect_either() -> None:
    client = OutsideClient("the remote", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(OutsideUnavailable) as caught:
        await client.call("POST", "/things", json_body={})
    await client.close()
    assert type(caught.value) is OutsideUnavailable
