"""A control plane on a fresh platform for the benchmarks, and a client that costs little beside it.

The load shares two cores with what it measures, so the client speaks HTTP/1.1 over plain sockets: building a request is
one concatenation and reading an answer two awaits.
"""

import asyncio
import json
import statistics
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from stored import definition, document, stored_session, template, worker

from lcm_core.contracts.workers import TemplateStatus
from lcm_core.etcd import EtcdClient
from lcm_simulators.world import World

Document = Mapping[str, object]
DATABASE = "lcm"


class Connection:
    """One kept-alive connection; requests are sent one after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str) -> None:
        self._reader = reader
        self._writer = writer
        self._head = head

    @classmethod
    async def open(cls, address: str, token: str = "") -> Self:
        """Connect to ``host:port``; with a token every request carries it."""
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        bearer = f"Authorization: Bearer {token}\r\n" if token else ""
        return cls(reader, writer, f"Host: {address}\r\n{bearer}Content-Type: application/json\r\n")

    async def call(self, method: str, path: str, body: object = None) -> bytes:
        """The body of the answer. Raises ``RuntimeError`` for any status but 2xx."""
        sent = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\n{self._head}Content-Length: {len(sent)}\r\n\r\n"
        self._writer.write(head.encode() + sent)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or b"0")
        content = await self._reader.readexactly(length)
        if answer[9:10] != b"2":
            raise RuntimeError(f"{method} {path} was answered {answer[:40]!r}: {content[:300]!r}")
        return content

    def close(self) -> None:
        """End the connection."""
        self._writer.close()


class Plane:
    """A running platform with a token of the administrator."""

    def __init__(self, world: World, token: str) -> None:
        self.world = world
        self.token = token

    @property
    def address(self) -> str:
        """``host:port`` of the control plane."""
        return self.world.url("control-plane").removeprefix("http://")

    async def connect(self, count: int = 1) -> list[Connection]:
        """Connections that carry the token."""
        return [await Connection.open(self.address, self.token) for _ in range(count)]

    def etcd(self) -> EtcdClient:
        """A client of the same etcd."""
        return EtcdClient([self.world.url("etcd").removeprefix("http://")])

    @asynccontextmanager
    async def database(self, name: str = DATABASE) -> AsyncIterator[AsyncDatabase[dict[str, Any]]]:
        """The same database server."""
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(self.world.url("database"))
        try:
            yield client[name]
        finally:
            await client.close()


async def fill(database: AsyncDatabase[dict[str, Any]], *, workers: int, sessions: Iterable[Document] = ()) -> None:
    """Put a template, a definition, running workers and sessions into an empty database."""
    await database["templates"].insert_one(document("metal", "template", template(), TemplateStatus()))
    await database["definitions"].insert_one(document("bench", "definition", *definition()))
    if workers:
        made = [document(f"w{number:03}", "worker", *worker(number)) for number in range(workers)]
        await database["workers"].insert_many(made)
    batch = [dict(each) for each in sessions]
    if batch:
        await database["sessions"].insert_many(batch)


@asynccontextmanager
async def running_plane(*, workers: int = 0, sessions: int = 0, processes: Sequence[str] = ()) -> AsyncIterator[Plane]:
    """A platform in a temporary folder with durable stores, filled before the control plane starts."""
    with tempfile.TemporaryDirectory() as folder:
        options: dict[str, Any] = {"ports": "ephemeral", "clock_factor": 1.0, "report": lambda line: None}
        async with World(Path(folder), only=["database"], **options) as stores:
            client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(stores.url("database"))
            await fill(client[DATABASE], workers=workers, sessions=(stored_session(n) for n in range(sessions)))
            await client.close()
        wanted = ["control-plane", *processes]
        async with World(Path(folder), only=wanted, auto_restart=False, **options) as world:
            anybody = await Connection.open(world.url("control-plane").removeprefix("http://"))
            answer = await anybody.call("POST", "/api/auth/login", {"username": "admin", "password": "test"})
            anybody.close()
            yield Plane(world, json.loads(answer)["access_token"])


async def by_turns(rounds: int, *ways: Callable[[], Awaitable[float]]) -> list[float]:
    """Medians of several ways to do a thing, measured in turn (A B A B …), so that the machine's moods hit all."""
    measured: list[list[float]] = [[] for _ in ways]
    for _ in range(rounds):
        for values, way in zip(measured, ways, strict=True):
            values.append(await way())
    return [statistics.median(values) for values in measured]


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which a share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
