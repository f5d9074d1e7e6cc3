"""Pages of lists while much is stored and changes: the shortcuts may not be seen in the answers."""

import random
from datetime import datetime, timedelta

import pytest
from domain_samples import LIMITS, NOW, session_spec

from control_plane_api.application.ports import ListQuery
from control_plane_api.domain.lablet_session.session import LabletSession
from control_plane_api.infrastructure.mongo.database import Database
from control_plane_api.infrastructure.mongo.pages import COUNTED_SECONDS, EXACT_BELOW, ParsedDocuments, Totals
from control_plane_api.infrastructure.mongo.store import MongoStore
from lcm_core.domain.vocabulary import SignalType


@pytest.fixture
async def store(database: Database) -> MongoStore[LabletSession]:
    """A store of sessions that wakes nobody."""
    made = MongoStore(database, "sessions", LabletSession, "lablet session", lambda *_: None)
    await made.create_indexes()
    return made


def a_session(key: str, at: datetime = NOW) -> LabletSession:
    return LabletSession.reserve(key, session_spec(), "user", at, LIMITS)


async def all_pages(store: MongoStore[LabletSession], limit: int) -> list[str]:
    keys: list[str] = []
    cursor = ""
    while True:
        page = await store.list(ListQuery(limit=limit, cursor=cursor))
        keys += [session.key for session in page.items]
        cursor = page.next_cursor
        if not cursor:
            return keys


@pytest.mark.parametrize("seed", range(3))
async def test_the_newest_come_first_however_unevenly_they_were_made(
    store: MongoStore[LabletSession], seed: int
) -> None:
    chance = random.Random(seed)
    made: dict[str, datetime] = {}
    for number in range(60):
        at = NOW + timedelta(milliseconds=chance.choice([0, 1, 1000, 86_400_000]) * chance.randrange(30))
        made[f"s{number:02}"] = at
        await store.add(a_session(f"s{number:02}", at))
        if number % 10 == 9:
            gone = chance.choice(sorted(made))
            del made[gone]
            await store.remove(gone)
            expected = sorted(made, key=lambda key: (made[key], key), reverse=True)
            assert await all_pages(store, chance.choice([1, 4, 15, 200])) == expected
            first = await store.list(ListQuery(limit=5))
            assert [session.key for session in first.items] == expected[:5]
            assert first.total == len(made)


async def test_a_list_shows_what_another_process_changed(database: Database, store: MongoStore[LabletSession]) -> None:
    await store.add(a_session("s1"))
    other = MongoStore(database, "sessions", LabletSession, "lablet session", lambda *_: None)
    for number in range(3):
        shown = (await store.list(ListQuery())).items[0]
        changed = await other.update(
            "s1", lambda session, n=number: session.signal(f"e{n}", SignalType.LDS_STARTED, NOW)
        )
        assert shown.version == changed.version - 1
        [now_shown] = (await store.list(ListQuery())).items
        assert (now_shown.version, now_shown.status) == (changed.version, changed.status)


async def test_a_page_is_whole_although_others_displace_what_was_known_of_it(
    store: MongoStore[LabletSession], monkeypatch: pytest.MonkeyPatch
) -> None:
    few: ParsedDocuments[LabletSession] = ParsedDocuments(LabletSession, size=2)
    monkeypatch.setattr(store, "_documents", few)
    keys = [f"s{number}" for number in range(6)]
    for number, key in enumerate(keys):
        await store.add(a_session(key, NOW + timedelta(minutes=number)))
    for limit in (2, 6, 3, 6):
        page = await store.list(ListQuery(limit=limit))
        assert [session.key for session in page.items] == keys[::-1][:limit]


async def test_a_document_restored_under_a_known_version_is_read_anew(
    database: Database, store: MongoStore[LabletSession]
) -> None:
    await store.add(a_session("s1"))
    assert (await store.list(ListQuery())).items[0].spec.note == ""
    await database["sessions"].update_one(
        {"_id": "s1"}, {"$set": {"spec.note": "restored", "updated_at": NOW + timedelta(hours=1)}}
    )
    assert (await store.list(ListQuery())).items[0].spec.note == "restored"


async def test_totals_are_exact_while_small_and_a_second_old_when_large(database: Database) -> None:
    now = 100.0
    collection = database["things"]
    totals = Totals(collection, lambda: now)
    await collection.insert_many([{"_id": number} for number in range(EXACT_BELOW - 1)])
    assert await totals.of({}) == EXACT_BELOW - 1
    await collection.insert_one({"_id": "another process's"})
    assert await totals.of({}) == EXACT_BELOW - 1, "remembered"
    totals.changed()
    assert await totals.of({}) == EXACT_BELOW, "its own change counts at once"
    await collection.insert_one({"_id": "mine"})
    totals.changed()
    assert await totals.of({}) == EXACT_BELOW
    now += COUNTED_SECONDS
    assert await totals.of({}) == EXACT_BELOW + 1
