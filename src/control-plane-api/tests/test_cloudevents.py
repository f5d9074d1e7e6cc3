"""Outgoing CloudEvents: at least once, in order per object, undeliverable ones kept."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from domain_samples import LIMITS, NOW, a_session, a_worker, placing
from test_projection import drained, running

from control_plane_api.application.cloudevents.publisher import EventPublisher
from control_plane_api.application.outbox.dispatcher import Dispatcher
from control_plane_api.domain.lablet_session.session import LabletSession
from control_plane_api.domain.worker.worker import Worker
from control_plane_api.infrastructure.mongo.database import Database
from control_plane_api.infrastructure.mongo.locks import MongoLocks
from control_plane_api.infrastructure.mongo.store import MongoStore
from lcm_core.etcd import EtcdClient

WITHIN_SECONDS = 15.0
Event = dict[str, object]


class Sink:
    """Receives CloudEvents; ``answer`` says with which status."""

    def __init__(self) -> None:
        self.taken: list[Event] = []
        self.answer: Callable[[Event], int] = lambda _: 202
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.headers["Content-Type"].startswith("application/cloudevents+json")
                event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = sink.answer(event)
                if status < 300:
                    sink.taken.append(event)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Take nothing any more."""
        self._server.shutdown()
        self._server.server_close()

    def of(self, subject: str) -> list[str]:
        """Types taken about an object, in order."""
        return [str(event["type"]) for event in self.taken if event["subject"] == subject]

    async def until(self, subject: str, count: int) -> None:
        """Wait until so many events about an object were taken."""
        async with asyncio.timeout(WITHIN_SECONDS):
            while len(self.of(subject)) < count:
                await asyncio.sleep(0.02)


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A receiver of events."""
    made = Sink()
    yield made
    made.stop()


async def a_placed_and_ended_session(store: MongoStore[LabletSession], key: str = "s1") -> list[str]:
    """Three published changes; their types."""
    await store.add(a_session(key))
    await store.update(key, lambda session: session.place(placing(key, 1), "w", NOW, LIMITS))
    await store.update(key, lambda session: session.end("done", NOW, LIMITS))
    return ["lcm.session.pending.v1", "lcm.session.scheduled.v1", "lcm.session.terminated.v1"]


async def test_changes_are_published_in_order_with_source_subject_and_sequence(
    database: Database, own_etcd: EtcdClient, sink: Sink
) -> None:
    dispatcher = Dispatcher(database, own_etcd, publishes=True)
    store = MongoStore(database, "sessions", LabletSession, "lablet session", dispatcher.changed)
    workers = MongoStore(database, "workers", Worker, "worker", dispatcher.changed)
    async with httpx.AsyncClient(trust_env=False) as http:
        publisher = EventPublisher(database, MongoLocks(database, "me"), sink.url, "/lcm/control-plane", http)
        dispatcher.subscribe(publisher.wake)
        async with running(dispatcher, publisher):
            types = await a_placed_and_ended_session(store)
            await workers.add(a_worker())
            await sink.until("s1", 3)
            await sink.until("w1", 1)
            async with asyncio.timeout(WITHIN_SECONDS):
                while await database["events"].count_documents({"unsent": True}):
                    await asyncio.sleep(0.02)
    assert sink.of("s1") == types
    first = next(event for event in sink.taken if event["subject"] == "s1")
    assert (first["source"], first["specversion"], first["sequence"]) == ("/lcm/control-plane", "1.0", "000000000001")


async def test_a_sink_that_is_away_delays_and_loses_nothing(
    database: Database, own_etcd: EtcdClient, sink: Sink
) -> None:
    dispatcher = Dispatcher(database, own_etcd, publishes=True)
    store = MongoStore(database, "sessions", LabletSession, "lablet session", dispatcher.changed)
    failures = [503, 429, 500]
    sink.answer = lambda _: failures.pop() if failures else 202
    async with httpx.AsyncClient(trust_env=False) as http:
        publisher = EventPublisher(database, MongoLocks(database, "me"), sink.url, "/lcm", http)
        async with running(dispatcher, publisher):
            types = await a_placed_and_ended_session(store)
            await sink.until("s1", 3)
    assert sink.of("s1") == types, "in order although the first one was refused three times"


async def test_what_the_sink_refuses_for_good_is_kept_and_can_be_sent_again(
    database: Database, own_etcd: EtcdClient, sink: Sink
) -> None:
    dispatcher = Dispatcher(database, own_etcd, publishes=True)
    store = MongoStore(database, "sessions", LabletSession, "lablet session", dispatcher.changed)
    sink.answer = lambda event: 400 if str(event["type"]).endswith("scheduled.v1") else 202
    async with httpx.AsyncClient(trust_env=False) as http:
        publisher = EventPublisher(database, MongoLocks(database, "me"), sink.url, "/lcm", http)
        async with running(dispatcher, publisher):
            await a_placed_and_ended_session(store)
            await sink.until("s1", 2)
            (letter,) = await publisher.list(10)
            assert (letter.type, letter.subject, letter.attempts) == ("lcm.session.scheduled.v1", "s1", 1)
            assert "400" in letter.reason
            sink.answer = lambda _: 202
            assert await publisher.retry(letter.id)
            assert not await publisher.retry(letter.id)
            await sink.until("s1", 3)
            assert await publisher.list(10) == []


async def test_without_a_sink_nothing_is_marked_for_sending(database: Database, own_etcd: EtcdClient) -> None:
    dispatcher = Dispatcher(database, own_etcd)
    store = MongoStore(database, "sessions", LabletSession, "lablet session", dispatcher.changed)
    async with running(dispatcher):
        await a_placed_and_ended_session(store)
        await drained(database)
    assert await database["events"].count_documents({}) >= 3
    assert await database["events"].count_documents({"unsent": True}) == 0


async def test_a_lock_is_held_by_one_and_passes_on_when_it_expires(database: Database) -> None:
    mine, other = MongoLocks(database, "me"), MongoLocks(database, "other")
    assert await mine.hold("work", 0.2)
    assert not await other.hold("work", 0.2)
    async with asyncio.timeout(5):
        while not await other.hold("work", 30):
            await asyncio.sleep(0.05)
    assert not await mine.hold("work", 30)
    await other.release("work")
    assert await mine.hold("work", 1)
