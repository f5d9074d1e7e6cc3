"""PATty: outside ports of running nodes, asked for by node tags.

``serial:<outside>[:<line>]`` and ``pat:[tcp:]<outside>:<inside>`` give a console over plain TCP; ``vnc:<outside>`` a
listener that speaks the first words of the remote framebuffer protocol; ``pat:udp:…`` a UDP socket that echoes. Ports
outside of the service's range are not opened. Two nodes that ask for one port clash silently, as in the real service:
the second one does not get it.
"""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lcm_simulators.cml.consoles.session import ConsoleSession
from lcm_simulators.cml.model import POWERED, Lab, Node

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller

log = logging.getLogger(__name__)

_TAG = re.compile(
    r"^(?:(?P<kind>serial|vnc):(?P<port>\d+)(?::(?P<line>\d+))?|pat:(?:(?P<proto>tcp|udp):)?(?P<out>\d+):(?P<inside>\d+))$"
)
_FRAMEBUFFER = b"RFB 003.008\n"


@dataclass(frozen=True, slots=True)
class Opening:
    """One outside port of a node."""

    port: int
    kind: str
    line: int = 0


def opening_of(tag: str) -> Opening | None:
    """The port a tag asks for; None for any other tag."""
    found = _TAG.match(tag)
    if found is None:
        return None
    if found["out"]:
        return Opening(int(found["out"]), found["proto"] or "tcp")
    return Opening(int(found["port"]), found["kind"], int(found["line"] or 0))


class Patty:
    """The open ports of one controller."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._open: dict[int, tuple[str, asyncio.Server | asyncio.DatagramTransport]] = {}
        self._opening: dict[int, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def ports(self) -> dict[int, str]:
        """Node id by open port."""
        return {port: node_id for port, (node_id, _) in self._open.items()}

    def open(self, lab: Lab, node: Node) -> None:
        """Open what the tags of a running node ask for."""
        low, high = self._controller.config.patty_range
        for tag in node.tags:
            wanted = opening_of(tag)
            if wanted is None:
                continue
            if not low <= wanted.port <= high:
                log.warning(
                    "PATty on %s: port %d of tag %s is out of range", self._controller.instance_id, wanted.port, tag
                )
            elif wanted.port in self._open or wanted.port in self._opening:
                if self._open.get(wanted.port, ("", None))[0] != node.id:
                    log.warning("PATty on %s: port %d is taken", self._controller.instance_id, wanted.port)
            else:
                self._opening[wanted.port] = node.id
                task = asyncio.get_running_loop().create_task(self._listen(lab, node, wanted))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def refresh(self, lab: Lab, node: Node) -> None:
        """The tags of a node changed."""
        if node.state in POWERED:
            wanted = {opening.port for tag in node.tags if (opening := opening_of(tag)) is not None}
            for port in [port for port, (owner, _) in self._open.items() if owner == node.id and port not in wanted]:
                self._shut(port)
            self.open(lab, node)

    def close(self, node_id: str) -> None:
        """Close the ports of a node."""
        for port in [port for port, owner in self._opening.items() if owner == node_id]:
            del self._opening[port]
        for port in [port for port, (owner, _) in self._open.items() if owner == node_id]:
            self._shut(port)

    def close_all(self) -> None:
        """Close every port."""
        self._opening.clear()
        for port in list(self._open):
            self._shut(port)

    def _shut(self, port: int) -> None:
        _, listener = self._open.pop(port)
        listener.close()

    async def _listen(self, lab: Lab, node: Node, wanted: Opening) -> None:
        address = self._controller.config.address
        loop = asyncio.get_running_loop()
        listener: asyncio.Server | asyncio.DatagramTransport
        try:
            if wanted.kind == "udp":
                listener, _ = await loop.create_datagram_endpoint(_Echo, local_addr=(address, wanted.port))
            else:
                listener = await asyncio.start_server(
                    lambda reader, writer: self._serve(lab, node, wanted, reader, writer), address, wanted.port
                )
        except OSError as error:
            log.error("PATty on %s cannot open port %d: %s", self._controller.instance_id, wanted.port, error)
            self._opening.pop(wanted.port, None)
            return
        if self._opening.pop(wanted.port, None) != node.id:
            listener.close()  # the node went down meanwhile
            return
        self._open[wanted.port] = (node.id, listener)

    async def _serve(
        self, lab: Lab, node: Node, wanted: Opening, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(ConnectionError):
            if wanted.kind == "vnc":
                writer.write(_FRAMEBUFFER)
                await writer.drain()
                await reader.read(len(_FRAMEBUFFER))
            else:
                session = ConsoleSession(self._controller, lab, node, wanted.line)
                writer.write(session.greeting().encode())
                while data := await reader.read(4096):
                    writer.write(session.feed(data, echo=False).encode())
                    await writer.drain()
        writer.close()


class _Echo(asyncio.DatagramProtocol):
    """Answers each datagram with itself."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str | None, int]) -> None:
        if isinstance(self._transport, asyncio.DatagramTransport):
            self._transport.sendto(data, addr)
