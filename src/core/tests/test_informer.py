"""The informer: its cache equals etcd again after every way of losing touch."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from lcm_core.controller import Change, ChangeKind, Informer, state_informer
from lcm_core.etcd import EtcdClient, EtcdUnavailable, StateSummary, encode_state, object_key
from lcm_simulators.embedded.etcd import EtcdServer

Changes = list[Change[StateSummary]]


async def write(store: EtcdClient, object_id: str, version: int, phase: str = "pending") -> None:
    """A projection as the control plane writes it, however long etcd takes to come back."""
    async with asyncio.timeout(15):
        while True:
            try:
                value = encode_state(StateSummary(version=version, generation=1, phase=phase))
                await store.put_guarded(object_key("sessions", object_id), value)
                return
            except EtcdUnavailable:
                await asyncio.sleep(0.02)


async def until(informer: Informer[StateSummary], expected: dict[str, int]) -> None:
    """Wait until the cache holds exactly these versions."""
    changed = asyncio.Event()
    unsubscribe = informer.subscribe(lambda _: changed.set())
    try:
        async with asyncio.timeout(15):
            while {key: informer.version(key) for key in informer.items} != expected:
                changed.clear()
                await changed.wait()
    finally:
        unsubscribe()


@asynccontextmanager
async def running(store: EtcdClient, **options: float) -> AsyncIterator[tuple[Informer[StateSummary], Changes]]:
    quick = {"progress_seconds": 0.1, "silence_seconds": 0.6, **options}
    informer = state_informer(store, "sessions", **quick)
    changes: Changes = []
    informer.subscribe(changes.append)
    task = asyncio.create_task(informer.run())
    try:
        await asyncio.wait_for(informer.wait_synced(), 10)
        yield informer, changes
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_additions_updates_and_deletes_reach_the_cache_and_the_handlers(store: EtcdClient) -> None:
    await write(store, "before", 1)
    async with running(store) as (informer, changes):
        await write(store, "a", 1)
        await write(store, "a", 2, "scheduled")
        await until(informer, {"before": 1, "a": 2})
        await store.delete(object_key("sessions", "before"))
        await until(informer, {"a": 2})
    assert [(change.kind, change.object_id) for change in changes] == [
        (ChangeKind.ADDED, "before"),
        (ChangeKind.ADDED, "a"),
        (ChangeKind.UPDATED, "a"),
        (ChangeKind.DELETED, "before"),
    ]
    updated = changes[2]
    assert updated.old is not None
    assert updated.new is not None
    assert (updated.old.phase, updated.new.phase) == ("pending", "scheduled")


async def test_the_cache_is_read_only(store: EtcdClient) -> None:
    async with running(store) as (informer, _):
        with pytest.raises(TypeError):
            informer.items["x"] = StateSummary(1, 1, "x")  # type: ignore[index]


async def test_other_facets_and_malformed_values_are_left_out(store: EtcdClient) -> None:
    async with running(store) as (informer, changes):
        await store.put(object_key("sessions", "a", "metrics"), b"anything")
        await store.put(object_key("sessions", "broken"), b"not json")
        await write(store, "good", 1)
        await until(informer, {"good": 1})
    assert [change.object_id for change in changes] == ["good"]


async def test_changes_made_while_etcd_was_killed_and_restarted_arrive_once(
    private_etcd: EtcdServer, private_store: EtcdClient
) -> None:
    writer = EtcdClient([private_etcd.endpoint])
    expected: dict[str, int] = {}
    async with running(private_store) as (informer, changes):
        for round_number in range(3):
            private_etcd.kill()
            await private_etcd.start()
            for number in range(5):
                key = f"{round_number}-{number}"
                await write(writer, key, 1)
                expected[key] = 1
            await until(informer, expected)
    await writer.close()
    added = [change.object_id for change in changes if change.kind is ChangeKind.ADDED]
    assert sorted(added) == sorted(expected)


async def test_a_compaction_while_disconnected_leads_to_a_new_list(
    private_etcd: EtcdServer, private_store: EtcdClient
) -> None:
    async with EtcdClient([private_etcd.endpoint]) as writer:
        await write(writer, "stays", 1)
        await write(writer, "goes", 1)
        informer = state_informer(private_store, "sessions")
        first = asyncio.create_task(informer.run())
        await until(informer, {"stays": 1, "goes": 1})
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await write(writer, "stays", 2)
        await writer.delete(object_key("sessions", "goes"))
        await writer.compact(await writer.put("/other", b""))
        second = asyncio.create_task(informer.run())
        await until(informer, {"stays": 2})
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)


@pytest.mark.parametrize("overtaken", [False, True], ids=["revision behind", "revision overtaken"])
async def test_a_wiped_etcd_is_followed_and_its_emptiness_is_not_believed_at_once(
    private_etcd: EtcdServer, private_store: EtcdClient, overtaken: bool
) -> None:
    async with EtcdClient([private_etcd.endpoint]) as writer:
        for version in range(1, 6):
            await write(writer, "a", version)
            await write(writer, "b", version)
        async with running(private_store, resync_seconds=3.0) as (informer, changes):
            assert set(informer.items) == {"a", "b"}
            private_etcd.kill()
            await private_etcd.wipe()
            for number in range(40 if overtaken else 0):
                await writer.put("/other", str(number).encode())
            await write(writer, "a", 6)
            await until(informer, {"a": 6, "b": 5})
            assert not [change for change in changes if change.kind is ChangeKind.DELETED]
            await until(informer, {"a": 6})


async def test_a_value_of_another_store_is_taken_although_it_has_the_same_revision(
    private_etcd: EtcdServer, private_store: EtcdClient
) -> None:
    async with EtcdClient([private_etcd.endpoint]) as writer:
        await write(writer, "a", 1)
        before = await writer.get(object_key("sessions", "a"))
        async with running(private_store) as (informer, _):
            private_etcd.kill()
            await private_etcd.wipe()
            await write(writer, "a", 2)
            after = await writer.get(object_key("sessions", "a"))
            assert before is not None
            assert after is not None
            assert before.mod_revision == after.mod_revision, "what the test is about"
            await until(informer, {"a": 2})


async def test_a_frozen_etcd_is_given_up_and_rejoined(private_etcd: EtcdServer, private_store: EtcdClient) -> None:
    async with running(private_store) as (informer, _):
        await write(private_store, "a", 1)
        await until(informer, {"a": 1})
        private_etcd.pause()
        async with asyncio.timeout(10):
            while informer.connected:
                await asyncio.sleep(0.01)
        private_etcd.resume()
        await write(private_store, "a", 2)
        await until(informer, {"a": 2})


async def test_a_full_resync_tells_handlers_of_every_object(store: EtcdClient) -> None:
    await write(store, "a", 1)
    await write(store, "b", 1)
    async with running(store, resync_seconds=0.2) as (_, changes):
        async with asyncio.timeout(10):
            while len([change for change in changes if change.kind is ChangeKind.RESYNC]) < 4:
                await asyncio.sleep(0.01)
    assert {change.object_id for change in changes if change.kind is ChangeKind.RESYNC} == {"a", "b"}


async def test_one_can_wait_for_a_version_but_not_forever(store: EtcdClient) -> None:
    async with running(store) as (informer, _):
        waiting = asyncio.create_task(informer.wait_version("a", 2, 10))
        await write(store, "a", 1)
        await until(informer, {"a": 1})
        assert not waiting.done()
        await write(store, "a", 3)
        assert await waiting
        assert not await informer.wait_version("a", 9, 0.05)


async def test_the_first_sync_waits_for_etcd(private_etcd: EtcdServer, private_store: EtcdClient) -> None:
    await write(private_store, "a", 1)
    private_etcd.kill()
    informer = state_informer(private_store, "sessions")
    task = asyncio.create_task(informer.run())
    await asyncio.sleep(0)
    assert not informer.synced
    await private_etcd.start()
    await until(informer, {"a": 1})
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
