"""PATty: outside ports of running nodes, asked for by node tags.

``serial:<outside>[:<line>]`` gives a serial line over telnet, ``vnc:<outside>`` the screen;
``pat:[tcp:]<outside>:<inside>`` a page for a web port and a console for any other, ``pat:udp:…`` a socket that echoes.
Ports outside of the service's range are not opened. Two nodes that ask for one port clash silently, as in the real
service: the second one does not get it.
"""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from lcm_simulators.cml.consoles.session import ConsoleSession
from lcm_simulators.cml.consoles.telnet import OPENING, TelnetFilter
from lcm_simulators.cml.consoles.vnc import serve_screen
from lcm_simulators.cml.model import POWERED, Lab, Node

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller

log = logging.getLogger(__name__)

_TAG = re.compile(
    r"^(?:(?P<kind>serial|vnc):(?P<port>\d+)(?::(?P<line>\d+))?|pat:(?:(?P<proto>tcp|udp):)?(?P<out>\d+):(?P<inside>\d+))$"
)
_WEB = frozenset({80, 8080})
_PAGE = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nSimulated\n"
Port = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Opening:
    """One outside port of a node."""

    number: int
    kind: str
    line: int = 0
    inside: int = 0

    @property
    def port(self) -> Port:
        """What no two nodes can have at a time."""
        return "udp" if self.kind == "udp" else "tcp", self.number


def opening_of(tag: str) -> Opening | None:
    """The port a tag asks for; None for any other tag."""
    found = _TAG.match(tag)
    if found is None:
        return None
    if found["out"]:
        return Opening(int(found["out"]), found["proto"] or "tcp", inside=int(found["inside"]))
    return Opening(int(found["port"]), found["kind"], int(found["line"] or 0))


@dataclass(slots=True)
class Listener:
    """An open port with the connections it has, so that both end together."""

    node_id: str
    socket: asyncio.Server | asyncio.DatagramTransport
    connections: set[asyncio.StreamWriter] = field(default_factory=set)

    def close(self) -> None:
        """Stop listening and cut the connections."""
        self.socket.close()
        for writer in self.connections:
            writer.close()


class Patty:
    """The open ports of one controller. TCP and UDP count their ports apart."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._open: dict[Port, Listener] = {}
        self._opening: dict[Port, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self, lab: Lab, node: Node) -> None:
        """Open what the tags of a running node ask for."""
        low, high = self._controller.config.patty_range
        name = self._controller.instance_id
        for tag in node.tags:
            wanted = opening_of(tag)
            if wanted is None:
                continue
            if not low <= wanted.number <= high:
                log.warning("PATty on %s: port %d of tag %s is out of range", name, wanted.number, tag)
            elif wanted.port in self._opening or wanted.port in self._open:
                if self._owner(wanted.port) != node.id:
                    log.warning("PATty on %s: port %d is taken", name, wanted.number)
            else:
                self._opening[wanted.port] = node.id
                task = asyncio.get_running_loop().create_task(self._listen(lab, node, wanted))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def refresh(self, lab: Lab, node: Node) -> None:
        """The tags of a node changed."""
        if node.state in POWERED:
            wanted = {opening.port for tag in node.tags if (opening := opening_of(tag)) is not None}
            for port in [port for port in self._open if self._owner(port) == node.id and port not in wanted]:
                self._open.pop(port).close()
            self.open(lab, node)

    def close(self, node_id: str) -> None:
        """Close the ports of a node."""
        for port in [port for port, owner in self._opening.items() if owner == node_id]:
            del self._opening[port]
        for port in [port for port in self._open if self._owner(port) == node_id]:
            self._open.pop(port).close()

    def close_all(self) -> None:
        """Close every port."""
        self._opening.clear()
        for port in list(self._open):
            self._open.pop(port).close()

    def _owner(self, port: Port) -> str:
        return self._open[port].node_id if port in self._open else self._opening[port]

    async def _listen(self, lab: Lab, node: Node, wanted: Opening) -> None:
        address, connections = self._controller.config.address, set[asyncio.StreamWriter]()
        loop = asyncio.get_running_loop()
        socket: asyncio.Server | asyncio.DatagramTransport
        try:
            if wanted.kind == "udp":
                socket, _ = await loop.create_datagram_endpoint(_Echo, local_addr=(address, wanted.number))
            else:

                async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                    connections.add(writer)
                    try:
                        await self._serve(lab, node, wanted, reader, writer)
                    finally:
                        connections.discard(writer)
                        writer.close()

                socket = await asyncio.start_server(serve, address, wanted.number)
        except OSError as error:
            log.error("PATty on %s cannot open port %d: %s", self._controller.instance_id, wanted.number, error)
            self._opening.pop(wanted.port, None)
            return
        if self._opening.pop(wanted.port, None) != node.id:
            socket.close()  # the node went down meanwhile
            return
        self._open[wanted.port] = Listener(node.id, socket, connections)

    async def _serve(
        self, lab: Lab, node: Node, wanted: Opening, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            if wanted.kind == "vnc":
                await serve_screen(node.label, reader, writer)
            elif wanted.inside in _WEB:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(_PAGE)
                await writer.drain()
            else:
                await self._serve_console(ConsoleSession(self._controller, lab, node, wanted.line), reader, writer)

    async def _serve_console(
        self, session: ConsoleSession, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        keys = TelnetFilter()
        writer.write(OPENING + session.greeting().encode())
        while data := await reader.read(4096):
            writer.write(session.feed(keys.keys(data), echo=True).encode())
            await writer.drain()


class _Echo(asyncio.DatagramProtocol):
    """Answers each datagram with itself."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not checked by type: the transports of other event loops are no subclasses of asyncio's.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | None, int]) -> None:
        self._transport.sendto(data, addr)
