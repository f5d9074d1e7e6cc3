"""From documents to etcd and the event log: nothing lost, nothing out of order, everything rebuilt."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import pytest
from domain_samples import NOW, a_session, a_worker

from control_plane_api.application.outbox.dispatcher import Dispatcher
from control_plane_api.application.outbox.event_log import EventLog
from control_plane_api.application.projection.reconcile import ProjectionReconciler
from control_plane_api.domain.lablet_session.session import LabletSession
from control_plane_api.domain.worker.worker import Worker
from control_plane_api.infrastructure.mongo.database import Database
from control_plane_api.infrastructure.mongo.store import MongoStore
from control_plane_api.kernel.tasks import end_all
from lcm_core.domain.vocabulary import SignalType
from lcm_core.etcd import EtcdClient, EtcdError, decode_state, encode_value, object_key
from lcm_core.failpoints import EXIT_CODE
from lcm_simulators.embedded.etcd import EtcdServer

FOLDER = Path(__file__).parent
WITHIN_SECONDS = 15.0


class Work(Protocol):
    """Something that works until it is cancelled."""

    async def run(self) -> None:
        """Work."""


def sessions(database: Database, dispatcher: Dispatcher) -> MongoStore[LabletSession]:
    """The store of sessions, waking the dispatcher."""
    return MongoStore(database, "sessions", LabletSession, "lablet session", dispatcher.changed)


@asynccontextmanager
async def running(*parts: Work) -> AsyncIterator[None]:
    """Dispatchers and reconcilers at work."""
    tasks = [asyncio.create_task(part.run()) for part in parts]
    try:
        yield
    finally:
        await end_all(tasks)


async def projected_version(etcd: EtcdClient, key: str) -> int:
    """The version etcd shows of a session; 0 when it shows none."""
    found = await etcd.get(object_key("sessions", key))
    return decode_state(found.value).version if found else 0


async def wait_for_version(etcd: EtcdClient, key: str, version: int) -> None:
    """Wait until etcd shows a version; one that has just come back may refuse the first connections."""
    shown = -1
    async with asyncio.timeout(WITHIN_SECONDS):
        while shown != version:
            with suppress(EtcdError):
                shown = await projected_version(etcd, key)
            await asyncio.sleep(0.02)


async def drained(database: Database) -> None:
    """Wait until no document has anything left to project."""
    async with asyncio.timeout(WITHIN_SECONDS):
        while await database["sessions"].count_documents({"pending": True}):
            await asyncio.sleep(0.02)


async def test_a_change_reaches_etcd_and_the_event_log(database: Database, own_etcd: EtcdClient) -> None:
    dispatcher = Dispatcher(database, own_etcd)
    store = sessions(database, dispatcher)
    async with running(dispatcher):
        await store.add(a_session())
        await wait_for_version(own_etcd, "s1", 1)
        await drained(database)
    events = await database["events"].find({"aggregate_id": "s1"}).to_list()
    assert [event["type"] for event in events] == ["SessionReserved"]
    found = await own_etcd.get(object_key("sessions", "s1"))
    assert found is not None
    assert decode_state(found.value).refs == {"definition": "ospf-1.0.0"}


@pytest.mark.parametrize(
    "point",
    [
        "before-commit:5",
        "after-commit:5",
        "before-projection:3",
        "after-projection:3",
        "after-events:2",
        "after-pull:1",
    ],
)
async def test_a_process_killed_anywhere_loses_no_event_and_mixes_none_up(
    point: str, database: Database, database_uri: str, unique_name: str, etcd_factory: Callable[[], EtcdServer]
) -> None:
    server = etcd_factory()
    command = [sys.executable, str(FOLDER / "failing_writer.py"), database_uri, unique_name, server.endpoint, "12"]
    environment = {**os.environ, "LCM_FAILPOINTS": point, "PYTHONPATH": str(FOLDER)}
    died = await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert died.returncode == EXIT_CODE, died.stderr
    acknowledged = dict.fromkeys(("s1", "s2"), 0) | {
        key: int(version) for key, version in (line.split() for line in died.stdout.splitlines())
    }

    async with EtcdClient([server.endpoint]) as etcd:
        dispatcher = Dispatcher(database, etcd)
        async with running(dispatcher):
            await drained(database)
        for key in acknowledged:
            document = await database["sessions"].find_one({"_id": key})
            if document is None:
                assert acknowledged[key] == 0
                continue
            assert document["version"] >= acknowledged[key], "an acknowledged write is gone"
            events = await database["events"].find({"aggregate_id": key}).sort([("version", 1)]).to_list()
            assert [event["version"] for event in events] == list(range(1, document["version"] + 1))
            assert await projected_version(etcd, key) == document["version"]


async def test_two_dispatchers_share_the_work_without_doubling_it(database: Database, own_etcd: EtcdClient) -> None:
    first, second = Dispatcher(database, own_etcd), Dispatcher(database, own_etcd)
    stores = [sessions(database, first), sessions(database, second)]
    async with running(first, second):
        await stores[0].add(a_session())
        for number in range(40):
            await stores[number % 2].update(
                "s1",
                lambda session, n=number: session.signal(f"e{n}", SignalType.LDS_STARTED, NOW),  # type: ignore[misc]
            )
        await wait_for_version(own_etcd, "s1", 41)
        await drained(database)
    versions = [event["version"] for event in await database["events"].find({}).sort([("version", 1)]).to_list()]
    assert versions == list(range(1, 42))


async def test_an_old_projection_never_overwrites_a_newer_one(database: Database, own_etcd: EtcdClient) -> None:
    dispatcher = Dispatcher(database, own_etcd)
    key = object_key("sessions", "s1")
    await own_etcd.put(key, encode_value(99, {"generation": 1, "phase": "running"}))
    async with running(dispatcher):
        await sessions(database, dispatcher).add(a_session())
        await drained(database)
    assert await projected_version(own_etcd, "s1") == 99


async def test_writes_go_on_while_etcd_is_away_and_show_when_it_is_back(
    database: Database, etcd_factory: Callable[[], EtcdServer]
) -> None:
    server = etcd_factory()
    async with EtcdClient([server.endpoint], timeout_seconds=1.0) as etcd:
        dispatcher = Dispatcher(database, etcd)
        store = sessions(database, dispatcher)
        async with running(dispatcher):
            server.kill()
            await store.add(a_session())
            await store.update("s1", lambda session: session.request_observation(NOW))
            async with asyncio.timeout(WITHIN_SECONDS):
                while not dispatcher.failing:
                    await asyncio.sleep(0.02)
            await server.start()
            await wait_for_version(etcd, "s1", 2)
            await drained(database)
        assert dispatcher.failing == ""


async def test_a_wiped_etcd_is_rebuilt_from_the_database(database: Database, own_etcd: EtcdClient) -> None:
    dispatcher = Dispatcher(database, own_etcd)
    store = sessions(database, dispatcher)
    workers = MongoStore(database, "workers", Worker, "worker", dispatcher.changed)
    reconciler = ProjectionReconciler(database, own_etcd)
    async with running(dispatcher):
        for number in range(50):
            await store.add(a_session(f"s{number}"))
        await workers.add(a_worker())
        await drained(database)
        async with asyncio.timeout(WITHIN_SECONDS):
            while await database["workers"].count_documents({"pending": True}):
                await asyncio.sleep(0.02)
    before = {item.key: item.value for item in (await own_etcd.list("/lcm/")).items}
    await own_etcd.delete_prefix("/lcm")
    async with running(reconciler):
        async with asyncio.timeout(WITHIN_SECONDS):
            await reconciler.synced.wait()
    after = {item.key: item.value for item in (await own_etcd.list("/lcm/")).items}
    without_traces = {key: value.split(b',"traceparent"')[0].rstrip(b"}") for key, value in before.items()}
    assert {key: value.rstrip(b"}") for key, value in after.items() if key in before} == without_traces


async def test_strays_are_removed_and_what_belongs_to_running_processes_stays(
    database: Database, own_etcd: EtcdClient
) -> None:
    await own_etcd.put(object_key("sessions", "ghost"), encode_value(1, {"phase": "running"}))
    await own_etcd.put("/lcm-run/elections/resource-scheduler/0", b"me")
    dispatcher = Dispatcher(database, own_etcd)
    await sessions(database, dispatcher).add(a_session())
    assert await ProjectionReconciler(database, own_etcd).reconcile() >= 2
    assert await own_etcd.get(object_key("sessions", "ghost")) is None
    assert await own_etcd.get("/lcm-run/elections/resource-scheduler/0") is not None
    assert await projected_version(own_etcd, "s1") == 1


async def test_a_purged_aggregate_disappears_from_etcd(database: Database, own_etcd: EtcdClient) -> None:
    dispatcher = Dispatcher(database, own_etcd)
    store = sessions(database, dispatcher)
    async with running(dispatcher):
        await store.add(a_session())
        await wait_for_version(own_etcd, "s1", 1)
        await store.remove("s1")
        await wait_for_version(own_etcd, "s1", 0)
    with suppress(KeyError):
        assert (await own_etcd.list("/lcm/sessions/")).items == ()


async def test_the_log_takes_what_is_in_etcd_and_outboxes_keep_the_rest(database: Database) -> None:
    written: dict[tuple[str, str], Mapping[str, Any]] = {}

    def changed(collection: str, key: str, document: Mapping[str, Any] | None) -> None:
        assert document is not None
        written.setdefault((collection, key), document)

    store = MongoStore(database, "sessions", LabletSession, "lablet session", changed)
    for key in ("s1", "s2", "s3"):
        await store.add(a_session(key))
    await store.update("s1", lambda session: session.request_observation(NOW))
    await database["sessions"].delete_one({"_id": "s3"})
    log = EventLog(database, publishes=False)
    told: list[str] = []
    log.subscribe(lambda: told.append("events"))
    for item, document in written.items():
        log.projected(item, document)
        assert log.has(item)
    async with asyncio.timeout(WITHIN_SECONDS):
        batch = await log.gathered()

    for _ in range(2):
        await log.append(batch)
    assert told == ["events"], "nothing new the second time"
    logged = await database["events"].find({}).to_list()
    assert sorted((event["aggregate_id"], event["version"]) for event in logged) == [("s1", 1), ("s2", 1), ("s3", 1)]
    assert all(log.logged(event["_id"]) for event in logged)

    assert await log.empty() == [("sessions", "s3")]
    waiting = await database["sessions"].find({"pending": True}).to_list()
    assert [document["_id"] for document in waiting] == ["s1"]
    assert [entry["version"] for entry in waiting[0]["outbox"]] == [1, 2]
    assert not any(log.has(item) for item in written)


async def test_another_process_that_appends_the_same_events_doubles_none(database: Database) -> None:
    logs = [EventLog(database, publishes=False) for _ in range(2)]
    store = MongoStore(
        database,
        "sessions",
        LabletSession,
        "lablet session",
        lambda collection, key, document: [log.projected((collection, key), document or {}) for log in logs] and None,
    )
    await store.add(a_session())
    await store.update("s1", lambda session: session.request_observation(NOW))
    for log in logs:
        async with asyncio.timeout(WITHIN_SECONDS):
            await log.append(await log.gathered())
        assert await log.empty() == []
    assert await database["events"].count_documents({}) == 2
    assert await database["sessions"].count_documents({"pending": True}) == 0
