"""Many followers of the stream over plain sockets, each of which resumes elsewhere when its server dies."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

HEADERS_END = b"\r\n\r\n"
LINE_LIMIT = 4 * 2**20


@dataclass
class Follower:
    """Keeps the newest version of each session it was told of, as the console does."""

    addresses: Sequence[str]
    token: str
    versions: dict[str, int] = field(default_factory=dict)
    last_id: str = ""
    connections: int = 0
    resumed: int = 0
    snapshots: int = 0
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    async def follow(self) -> None:
        """Stay connected until cancelled: to the first address that answers."""
        while True:
            for address in self.addresses:
                with suppress(OSError, asyncio.IncompleteReadError):
                    await self._connection(address)
            await asyncio.sleep(0.05)

    async def _connection(self, address: str) -> None:
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=LINE_LIMIT)
        try:
            resume = f"Last-Event-ID: {self.last_id}\r\n" if self.last_id else ""
            writer.write(
                f"GET /api/events/stream HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {self.token}\r\n"
                f"{resume}\r\n".encode()
            )
            head = await reader.readuntil(HEADERS_END)
            if b" 200 " not in head.split(b"\r\n", 1)[0]:
                return
            self.connections += 1
            await self._events(reader)
        finally:
            writer.close()

    async def _events(self, reader: asyncio.StreamReader) -> None:
        """Read lines; the sizes of chunks stand on lines of their own between events."""
        kind = ""
        async for raw in reader:
            line = raw.rstrip()
            if line.startswith(b"id: "):
                self.last_id = line[4:].decode()
            elif line.startswith(b"event: "):
                kind = line[7:].decode()
            elif line.startswith(b"data: "):
                self._take(kind, line[6:])

    def _take(self, kind: str, data: bytes) -> None:
        match kind:
            case "session.snapshot":
                session = json.loads(data)
                known = self.versions.get(session["id"], 0)
                self.versions[session["id"]] = max(known, int(session["version"]))
            case "snapshot.end":
                self.snapshots += 1
                self.ready.set()
            case "resumed":
                self.resumed += 1
                self.ready.set()
