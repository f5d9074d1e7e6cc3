"""The store of aggregates: nothing is overwritten, nothing is lost, lists are stable."""

import asyncio
from datetime import timedelta

import pytest
from domain_samples import LIMITS, NOW, a_session, session_spec, slot
from hypothesis import given
from hypothesis import strategies as st

from control_plane_api.application.errors import InvalidError, NotFoundError, PreconditionError, UnavailableError
from control_plane_api.application.outbox.dispatcher import Dispatcher
from control_plane_api.application.ports import ListQuery
from control_plane_api.domain.lablet_session.session import LabletSession
from control_plane_api.infrastructure.mongo.database import Database
from control_plane_api.infrastructure.mongo.documents import body_of, to_aggregate
from control_plane_api.infrastructure.mongo.store import MongoStore
from control_plane_api.infrastructure.mongo.written import WAITING_LIMIT, LastWritten
from control_plane_api.kernel.tasks import end_all
from lcm_core.domain.vocabulary import SignalType
from lcm_core.etcd import EtcdClient


async def made(database: Database) -> MongoStore[LabletSession]:
    """A store of sessions that wakes nobody."""
    store = MongoStore(database, "sessions", LabletSession, "lablet session", lambda *_: None)
    await store.create_indexes("spec.owner")
    return store


async def test_twenty_concurrent_changes_of_one_aggregate_all_count(database: Database) -> None:
    store = await made(database)
    await store.add(a_session())
    await asyncio.gather(
        *(
            store.update("s1", lambda session, n=number: session.signal(f"e{n}", SignalType.LDS_STARTED, NOW))  # type: ignore[misc]
            for number in range(20)
        )
    )
    document = await database["sessions"].find_one({"_id": "s1"})
    assert document is not None
    assert document["version"] == 21
    assert len(document["outbox"]) == 21
    assert [entry["version"] for entry in document["outbox"]] == list(range(1, 22))


async def test_an_id_is_taken_once(database: Database) -> None:
    store = await made(database)
    assert await store.add(a_session())
    assert not await store.add(a_session())


async def test_a_change_that_expects_another_version_is_refused_and_writes_nothing(database: Database) -> None:
    store = await made(database)
    await store.add(a_session())
    with pytest.raises(PreconditionError):
        await store.update("s1", lambda session: session.request_observation(NOW), expected_version=7)
    assert (await store.get("s1")).version == 1


async def test_a_change_without_an_event_is_no_write(database: Database) -> None:
    store = await made(database)
    await store.add(a_session())
    assert (await store.update("s1", lambda _: None)).version == 1


async def test_a_document_with_too_many_unprojected_events_takes_no_more(database: Database) -> None:
    store = await made(database)
    await store.add(a_session())
    entry = {"event_id": "x", "version": 1, "data": {"text": "x" * 4000}}
    pushed = {"$push": {"outbox": {"$each": [entry] * 70}}, "$inc": {"version": 1}}
    await database["sessions"].update_one({"_id": "s1"}, pushed)
    for _ in range(2):
        with pytest.raises(UnavailableError, match="wait to be projected"):
            await signal(store, "refused")
    assert (await store.get("s1")).version == 2


async def signal(store: MongoStore[LabletSession], event: str) -> LabletSession:
    """One change of the session s1."""
    return await store.update("s1", lambda session: session.signal(event, SignalType.LDS_STARTED, NOW))


async def test_a_change_starts_from_what_was_written_last_and_survives_that_another_wrote_since(
    database: Database,
) -> None:
    mine, other = await made(database), await made(database)
    await mine.add(a_session())
    for number in range(6):
        await signal(mine, f"mine{number}")
        await signal(other, f"other{number}")
    document = await database["sessions"].find_one({"_id": "s1"})
    assert document is not None
    assert document["version"] == 13
    assert [entry["version"] for entry in document["outbox"]] == list(range(1, 14))


async def test_an_outdated_copy_neither_refuses_nor_swallows_a_change(database: Database) -> None:
    mine, other = await made(database), await made(database)
    await mine.add(a_session())
    await signal(other, "e1")
    # The version it expects is the other's, which this process has never seen.
    assert (await mine.update("s1", lambda session: session.request_observation(NOW), expected_version=2)).version == 3

    await other.update("s1", lambda session: session.signal("e2", SignalType.LDS_STARTED, NOW))
    seen: list[int] = []

    def only_on_four(session: LabletSession) -> None:
        seen.append(session.version)
        if session.version == 4:
            session.signal("e3", SignalType.LDS_STARTED, NOW)

    assert (await mine.update("s1", only_on_four)).version == 5
    assert seen[-1] == 4


async def test_a_restored_backup_that_counts_again_is_not_overwritten(database: Database) -> None:
    store, other = await made(database), await made(database)
    await store.add(a_session())
    backup = await database["sessions"].find_one({"_id": "s1"})
    assert backup is not None
    await signal(store, "lost")
    await database["sessions"].replace_one({"_id": "s1"}, backup)
    await signal(other, "kept")
    # In life a restore takes longer than the millisecond in which two times are the same.
    await database["sessions"].update_one({"_id": "s1"}, {"$set": {"updated_at": NOW + timedelta(days=1)}})
    await signal(store, "after")
    document = await database["sessions"].find_one({"_id": "s1"})
    assert document is not None
    assert document["version"] == 3
    assert "lost" not in str(document)
    assert "kept" in str(document)


async def test_a_removed_document_is_not_changed_from_memory(database: Database) -> None:
    mine, other = await made(database), await made(database)
    await mine.add(a_session())
    await other.remove("s1")
    with pytest.raises(NotFoundError):
        await signal(mine, "e1")


async def test_pages_show_each_object_once_even_when_others_are_added_meanwhile(database: Database) -> None:
    store = await made(database)
    for number in range(23):
        session = LabletSession.reserve(
            f"s{number:02}", session_spec(), "user", NOW + timedelta(seconds=number // 5), LIMITS
        )
        await store.add(session)
    seen: list[str] = []
    cursor = ""
    while True:
        page = await store.list(ListQuery(limit=5, cursor=cursor))
        seen += [session.key for session in page.items]
        cursor = page.next_cursor
        if len(seen) == 10:
            late = LabletSession.reserve("late", session_spec(), "user", NOW + timedelta(days=1), LIMITS)
            await store.add(late)
        if not cursor:
            break
    assert sorted(seen) == [f"s{number:02}" for number in range(23)]
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("descending", [True, False])
async def test_pages_follow_any_order(database: Database, descending: bool) -> None:
    store = await made(database)
    for number in range(9):
        spec = session_spec(f"owner{number % 3}", wanted=slot(60 + number))
        await store.add(LabletSession.reserve(f"s{number}", spec, "user", NOW, LIMITS))
    names: list[str] = []
    cursor = ""
    while True:
        page = await store.list(ListQuery(sort="spec.owner", descending=descending, limit=2, cursor=cursor))
        names += [session.spec.owner for session in page.items]
        cursor = page.next_cursor
        if not cursor:
            break
    assert names == sorted(names, reverse=descending)
    assert len(names) == 9


async def test_a_cursor_of_another_list_is_refused(database: Database) -> None:
    store = await made(database)
    for number in range(3):
        await store.add(LabletSession.reserve(f"s{number}", session_spec(), "user", NOW, LIMITS))
    cursor = (await store.list(ListQuery(limit=1))).next_cursor
    with pytest.raises(InvalidError):
        await store.list(ListQuery(sort="spec.owner", cursor=cursor))
    with pytest.raises(InvalidError):
        await store.list(ListQuery(cursor="nonsense"))


@given(st.text(max_size=30), st.integers(-10, 10))
def test_documents_and_aggregates_convert_without_loss(note: str, priority: int) -> None:
    session = a_session()
    session.spec.note, session.spec.priority = note, priority
    document = {
        "_id": session.key,
        "version": 3,
        **body_of(session),
        "created_at": NOW,
        "updated_at": NOW,
        "created_by": "user",
    }
    again = to_aggregate(LabletSession, document)
    assert (again.spec, again.status, again.version) == (session.spec, session.status, 3)


def test_a_document_that_others_change_too_is_read_each_time() -> None:
    written = LastWritten()
    assert written.get("s1") is None
    documents = [{"_id": "s1", "version": version, "outbox": []} for version in range(60)]
    written.created(documents[1])
    assert written.get("s1") is documents[1]
    written.changed(documents[3], base=documents[2])
    assert written.get("s1") is None
    written.changed(documents[4], base=documents[3])
    assert written.get("s1") is None
    written.changed(documents[5], base=documents[4])
    assert written.get("s1") is documents[5]
    written.forget("s1")
    assert written.get("s1") is None


def test_a_document_with_many_events_in_the_outbox_is_read_again() -> None:
    written = LastWritten()
    entries = [{"event_id": f"e{version}", "version": version} for version in range(1, WAITING_LIMIT + 2)]
    written.created({"_id": "s1", "version": 40, "outbox": entries})
    assert written.get("s1") is None
    written.created({"_id": "s1", "version": 41, "outbox": entries[1:]})
    assert written.get("s1") is not None


async def test_events_that_are_in_the_log_leave_the_outbox_with_the_next_change(database: Database) -> None:
    in_the_log: set[str] = set()
    store = MongoStore(database, "sessions", LabletSession, "lablet session", lambda *_: None, in_the_log.__contains__)
    await store.add(a_session())
    await signal(store, "e1")
    document = await database["sessions"].find_one({"_id": "s1"})
    assert document is not None
    in_the_log.add(document["outbox"][0]["event_id"])
    await signal(store, "e2")
    document = await database["sessions"].find_one({"_id": "s1"})
    assert document is not None
    assert [entry["version"] for entry in document["outbox"]] == [2, 3]


async def test_what_comes_back_into_the_outbox_is_logged_once(database: Database, own_etcd: EtcdClient) -> None:
    dispatcher = Dispatcher(database, own_etcd)
    store = MongoStore(database, "sessions", LabletSession, "lablet session", dispatcher.changed)
    drained = asyncio.create_task(dispatcher.run())
    try:
        await store.add(a_session())
        for number in range(5):
            # Nobody tells the store what is in the log, so each write brings it back.
            await signal(store, f"e{number}")
            async with asyncio.timeout(15):
                while await database["sessions"].count_documents({"pending": True}):
                    await asyncio.sleep(0.01)
    finally:
        await end_all([drained])
    events = await database["events"].find({}).sort([("version", 1)]).to_list()
    assert [event["version"] for event in events] == [1, 2, 3, 4, 5, 6]
