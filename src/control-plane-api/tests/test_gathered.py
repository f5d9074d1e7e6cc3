"""What is written in one turn of the loop goes out at once, in order, and nothing is kept too long."""

import asyncio
from typing import cast

from control_plane_api.kernel.gathered import FULL_BYTES, GatheringTransport


class Sink:
    """A transport that notes what reaches it."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed, "nothing is written to what is closed"
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def get_extra_info(self, name: str) -> str:
        return f"the {name}"


def gathering(sink: Sink) -> GatheringTransport:
    return GatheringTransport(cast(asyncio.Transport, sink), asyncio.get_running_loop())


async def test_head_and_body_of_one_turn_are_one_write() -> None:
    sink = Sink()
    transport = gathering(sink)
    transport.write(b"head ")
    transport.write(b"body")
    assert sink.written == []
    await asyncio.sleep(0)
    assert sink.written == [b"head body"]
    transport.write(b"next")
    await asyncio.sleep(0)
    assert sink.written == [b"head body", b"next"]


async def test_closing_sends_what_was_written_first() -> None:
    sink = Sink()
    transport = gathering(sink)
    transport.write(b"farewell")
    transport.close()
    assert (sink.written, sink.closed) == ([b"farewell"], True)
    await asyncio.sleep(0)
    assert sink.written == [b"farewell"]


async def test_a_connection_that_is_lost_meanwhile_gets_nothing_more() -> None:
    sink = Sink()
    transport = gathering(sink)
    transport.write(b"too late")
    sink.closed = True
    await asyncio.sleep(0)
    assert sink.written == []


async def test_much_is_handed_on_at_once_so_that_the_transport_can_pause_the_writer() -> None:
    sink = Sink()
    transport = gathering(sink)
    for _ in range(10):
        transport.write(b"x" * (FULL_BYTES // 4))
    assert [len(each) for each in sink.written] == [FULL_BYTES, FULL_BYTES]
    await asyncio.sleep(0)
    assert sum(map(len, sink.written)) == 10 * (FULL_BYTES // 4)


async def test_everything_else_is_the_transports_own() -> None:
    assert gathering(Sink()).get_extra_info("peername") == "the peername"
