"""The etcd port against a real etcd."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from lcm_core.etcd import (
    EtcdClient,
    EtcdUnavailable,
    EventKind,
    GuardedWrite,
    LeaseLost,
    MalformedValue,
    RevisionCompacted,
    StateSummary,
    StoreReplaced,
    WatchBatch,
    WatchSilent,
    decode_state,
    encode_state,
    encode_value,
    object_key,
)
from lcm_core.etcd.keys import ObjectKey
from lcm_simulators.embedded.etcd import EtcdServer
from lcm_simulators.embedded.process import free_port

KEY = object_key("sessions", "s1")


def state(version: int, phase: str = "pending") -> bytes:
    return encode_state(StateSummary(version=version, generation=1, phase=phase))


async def next_events(batches: AsyncIterator[WatchBatch]) -> WatchBatch:
    """The next batch that holds events; raises what ends the watch."""
    async with asyncio.timeout(5):
        async for batch in batches:
            if batch.events:
                return batch
    raise AssertionError("a watch ends only with an error")


async def test_a_guarded_put_creates_replaces_older_and_refuses_older_or_equal(store: EtcdClient) -> None:
    assert (await store.put_guarded(KEY, state(9))).applied
    assert not (await store.put_guarded(KEY, state(9))).applied
    assert not (await store.put_guarded(KEY, state(8))).applied
    assert (await store.put_guarded(KEY, state(10))).applied, "10 is newer than 9 although '10' sorts before '9'"
    held = await store.get(KEY)
    assert held is not None
    assert decode_state(held.value).version == 10


async def test_concurrent_guarded_puts_leave_the_newest(store: EtcdClient) -> None:
    await asyncio.gather(*(store.put_guarded(KEY, state(version)) for version in range(60, 0, -1)))
    held = await store.get(KEY)
    assert held is not None
    assert decode_state(held.value).version == 60


async def test_many_guarded_puts_are_judged_one_by_one(store: EtcdClient) -> None:
    await store.put_guarded(KEY, state(5))
    other = object_key("sessions", "s2")
    results = await store.put_guarded_many([GuardedWrite(KEY, state(4)), GuardedWrite(other, state(1))])
    assert [result.applied for result in results] == [False, True]


async def test_a_list_is_complete_over_pages_and_at_one_revision(store: EtcdClient) -> None:
    for number in range(25):
        await store.put(object_key("workers", f"w{number:02d}"), state(1))
    listing = await store.list("/lcm/workers/", page_size=10)
    assert [item.key for item in listing.items] == [object_key("workers", f"w{n:02d}") for n in range(25)]
    assert listing.revision >= max(item.mod_revision for item in listing.items)


async def test_a_list_above_the_grpc_default_limit_works(store: EtcdClient) -> None:
    body = b"x" * 1_000_000
    for number in range(6):
        await store.put(f"/lcm/big/{number}/state", body)
    listing = await store.list("/lcm/big/")
    assert sum(len(item.value) for item in listing.items) == 6_000_000


async def test_guards_on_absence_and_revision_hold(store: EtcdClient) -> None:
    first = await store.create(KEY, b"1")
    assert first is not None
    assert await store.create(KEY, b"2") is None
    second = await store.replace(KEY, b"2", mod_revision=first)
    assert second is not None
    assert await store.replace(KEY, b"3", mod_revision=first) is None
    assert not await store.delete_at(KEY, first)
    assert await store.delete_at(KEY, second)
    assert not await store.delete(KEY)


async def test_a_lease_keeps_its_key_until_it_is_revoked(store: EtcdClient) -> None:
    lease = await store.grant_lease(5)
    await store.put(KEY, b"1", lease=lease.id)
    assert await store.keep_alive(lease.id) == lease.ttl_seconds
    await store.revoke_lease(lease.id)
    assert await store.get(KEY) is None
    await store.revoke_lease(lease.id)
    with pytest.raises(LeaseLost):
        await store.keep_alive(lease.id)
    with pytest.raises(LeaseLost):
        await store.put(KEY, b"1", lease=lease.id)


async def test_a_watch_delivers_what_happened_after_the_list(store: EtcdClient) -> None:
    listing = await store.list("/lcm/sessions/")
    await store.put(KEY, b"1")
    await store.delete(KEY)
    batches = store.watch("/lcm/sessions/", from_revision=listing.revision + 1, incarnation=listing.incarnation)
    async with aclosing(batches):  # type: ignore[type-var]
        assert (await anext(batches)).events == ()
        kinds = [event.kind for event in (await next_events(batches)).events]
        while len(kinds) < 2:
            kinds += [event.kind for event in (await next_events(batches)).events]
    assert kinds == [EventKind.PUT, EventKind.DELETE]


async def test_a_quiet_watch_gives_signs_of_life(store: EtcdClient) -> None:
    batches = store.watch("/lcm/quiet/", progress_seconds=0.05)
    async with aclosing(batches):  # type: ignore[type-var]
        signs = [await asyncio.wait_for(anext(batches), 5) for _ in range(3)]
    assert all(batch.events == () and batch.revision > 0 for batch in signs)


async def test_a_frozen_etcd_is_noticed(private_etcd: EtcdServer, private_store: EtcdClient) -> None:
    batches = private_store.watch("/lcm/", progress_seconds=0.1, silence_seconds=0.5)
    async with aclosing(batches):  # type: ignore[type-var]
        await anext(batches)
        private_etcd.pause()
        try:
            with pytest.raises(WatchSilent):
                await next_events(batches)
        finally:
            private_etcd.resume()


async def test_a_watch_from_a_compacted_revision_says_so(store: EtcdClient) -> None:
    start = await store.put(KEY, b"1")
    last = await store.put(KEY, b"2")
    last = await store.put(KEY, b"3")
    await store.compact(last)
    with pytest.raises(RevisionCompacted) as caught:
        await next_events(store.watch("/lcm/", from_revision=start))
    assert caught.value.compact_revision == last


async def test_a_watch_from_the_future_or_of_another_store_says_so(store: EtcdClient) -> None:
    revision = await store.put(KEY, b"1")
    with pytest.raises(StoreReplaced):
        await anext(store.watch("/lcm/", from_revision=revision + 50))
    with pytest.raises(StoreReplaced):
        await anext(store.watch("/lcm/", from_revision=revision, incarnation="0000000000000000"))


async def test_a_wiped_etcd_is_another_incarnation_and_a_restarted_one_is_not(
    private_etcd: EtcdServer, private_store: EtcdClient
) -> None:
    before = await private_store.incarnation()
    private_etcd.kill()
    await private_etcd.start()
    assert await _eventually_incarnation(private_store) == before
    await private_etcd.wipe()
    assert await _eventually_incarnation(private_store) != before


async def _eventually_incarnation(store: EtcdClient) -> str:
    async with asyncio.timeout(10):
        while True:
            try:
                return await store.incarnation()
            except EtcdUnavailable:
                await asyncio.sleep(0.02)


async def test_processes_that_meet_an_empty_store_agree_on_its_incarnation(store: EtcdClient) -> None:
    await store.delete("/lcm-run/incarnation")
    assert len(set(await asyncio.gather(*(store.incarnation() for _ in range(10))))) == 1


async def test_the_next_endpoint_is_used_when_one_is_away(etcd_server: EtcdServer) -> None:
    async with EtcdClient([f"127.0.0.1:{free_port()}", etcd_server.endpoint]) as client:
        assert (await client.put_guarded(object_key("sessions", "failover"), state(1))).applied
        assert await client.get(KEY + "/none") is None


async def test_an_endpoint_that_accepts_and_never_answers_times_out(etcd_server: EtcdServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        endpoint = f"127.0.0.1:{deaf.getsockname()[1]}"
        async with EtcdClient([endpoint, etcd_server.endpoint], timeout_seconds=0.3) as client:
            assert await client.put(KEY, b"1") > 0


async def test_no_endpoint_is_a_typed_error_and_a_closed_client_too() -> None:
    client = EtcdClient([f"127.0.0.1:{free_port()}"])
    with pytest.raises(EtcdUnavailable):
        await client.get(KEY)
    await client.close()


def test_values_start_with_a_fixed_width_version() -> None:
    assert encode_value(12, {"a": 1}) == b'{"v":"000000000012","a":1}'
    with pytest.raises(ValueError, match="12 digits"):
        encode_value(10**12, {})
    for broken in (b"", b"{}", b"[]", b'{"v":"x"}', b'{"v":"000000000001"}'):
        with pytest.raises(MalformedValue):
            decode_state(broken)


def test_keys_are_taken_apart() -> None:
    assert ObjectKey.parse("/lcm/workers/w1/capacity") == ObjectKey("workers", "w1", "capacity")
    for other in ("/lcm/settings", "/lcm-run/elections/x/0", "/lcm/workers//state"):
        assert ObjectKey.parse(other) is None
