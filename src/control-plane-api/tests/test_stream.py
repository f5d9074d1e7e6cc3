"""The live stream: a snapshot, every change after it, and nothing twice or never after a break."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from flows import active_definition, reserve, running_worker, unique
from plane_process import PlaneProcess

from control_plane_api.application.authorization.principal import Principal
from control_plane_api.infrastructure.sse.broadcast import EtcdBroadcasts
from control_plane_api.infrastructure.sse.encoding import parse_position
from control_plane_api.infrastructure.sse.feed import LiveFeed
from control_plane_api.infrastructure.sse.relay import SseRelay
from control_plane_api.infrastructure.sse.ring import ChangeRing
from control_plane_api.infrastructure.sse.snapshots import Snapshots
from lcm_core.contracts.workers import MetricsBatch, MetricsItem, WorkerMetrics
from lcm_core.etcd import EtcdClient, Listing, RevisionCompacted, WatchBatch, encode_value, object_key
from lcm_core.etcd.keys import PROJECTION_PREFIX
from lcm_simulators.embedded.etcd import EtcdServer

WITHIN_SECONDS = 15.0


@dataclass
class Stream:
    """An open stream and what it said so far."""

    lines: AsyncIterator[str]
    events: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    last_id: str = ""

    async def until(self, name: str, object_id: str = "", phase: str = "") -> dict[str, object]:
        """Read until an event of that name (about that object, in that phase) comes; its data."""
        async with asyncio.timeout(WITHIN_SECONDS):
            kind, data = "", ""
            async for line in self.lines:
                if line.startswith("id: "):
                    self.last_id = line[4:]
                elif line.startswith("event: "):
                    kind = line[7:]
                elif line.startswith("data: "):
                    data = line[6:]
                elif not line and kind:
                    body = json.loads(data)
                    self.events.append((kind, body))
                    concerned = kind == name and object_id in ("", body.get("id", object_id))
                    if concerned and (not phase or body["status"]["phase"] == phase):
                        return body  # type: ignore[no-any-return]
                    kind = ""
        raise AssertionError(f"the stream ended before {name}; it said {[kind for kind, _ in self.events][-10:]}")

    async def shows(self, session_id: str, phase: str) -> None:
        """Read until the newest that was said of a session is that phase."""
        said = [body for kind, body in self.events if kind == "session.snapshot" and body["id"] == session_id]
        if not said or said[-1]["status"]["phase"] != phase:  # type: ignore[index]
            await self.until("session.snapshot", session_id, phase)

    def ids(self, name: str) -> list[object]:
        """Ids of the objects that events of a name were about."""
        return [body["id"] for kind, body in self.events if kind == name]


@asynccontextmanager
async def stream(http: httpx.AsyncClient, last_id: str = "") -> AsyncIterator[Stream]:
    """Open a stream, perhaps where another one ended."""
    headers = {"Last-Event-ID": last_id} if last_id else {}
    async with http.stream("GET", "/api/events/stream", headers=headers, timeout=None) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Stream(answer.aiter_lines())


async def test_a_stream_shows_what_is_there_and_then_every_change(plane: PlaneProcess) -> None:
    definition = await active_definition(plane)
    async with plane.caller("user") as user, plane.caller("user") as other:
        session = await reserve(user, definition)
        async with stream(user) as live:
            await live.until("connected")
            await live.until("snapshot.begin")
            await live.until("snapshot.end")
            assert session.id in live.ids("session.snapshot")
            assert definition in live.ids("definition.snapshot")
            await other.post(f"/api/lablet-sessions/{session.id}/cancel")
            shown = await live.until("session.snapshot", session.id, "terminated")
    assert shown["status"]["outcome"] == "cancelled"  # type: ignore[index]


async def test_nobody_sees_what_is_not_theirs(plane: PlaneProcess) -> None:
    definition = await active_definition(plane)
    async with (
        plane.caller("user") as user,
        plane.caller("user2") as foreign,
        plane.caller("manager") as manager,
        stream(foreign) as hidden,
        stream(manager) as shown,
    ):
        await hidden.until("snapshot.end")
        await shown.until("snapshot.end")
        session = await reserve(user, definition)
        mine = await reserve(foreign, definition)
        await shown.until("session.snapshot", session.id)
        await hidden.until("session.snapshot", mine.id)
        assert session.id not in hidden.ids("session.snapshot")
        assert mine.id not in shown.ids("session.snapshot")


async def test_metrics_come_as_events_of_their_own(plane: PlaneProcess) -> None:
    worker = await running_worker(plane)
    async with plane.caller("user") as user, plane.controller("worker-controller") as machines:
        async with stream(user) as live:
            await live.until("snapshot.end")
            sample = WorkerMetrics(at=worker.created_at, cpu_percent=42.0)
            await machines.report_metrics(MetricsBatch(items=[MetricsItem(worker_id=worker.id, metrics=sample)]))
            event = await live.until("worker.metrics")
        assert event["metrics"]["cpu_percent"] == 42.0  # type: ignore[index]
        assert (await user.get(f"/api/workers/{worker.id}")).json()["version"] == worker.version


async def test_a_notice_reaches_everybody_and_is_kept_in_the_audit_trail(plane: PlaneProcess) -> None:
    text = f"Maintenance begins, {unique('notice')}"
    async with plane.caller("user") as user, plane.caller("admin") as admin, stream(user) as live:
        await live.until("snapshot.end")
        refused = await user.post("/api/notices", json={"message": text})
        assert refused.status_code == 403
        told = await admin.post("/api/notices", json={"message": text, "severity": "warning"})
        assert told.status_code == 204
        notice = await live.until("notice")
        assert (notice["message"], notice["severity"], notice["by"]) == (text, "warning", "admin")
        assert text in (await admin.get("/api/audit", params={"limit": "5"})).text


async def test_a_second_refresh_within_seconds_is_told_to_be_of_no_use(plane: PlaneProcess) -> None:
    worker = await running_worker(plane)
    async with plane.caller("admin") as admin, stream(admin) as live:
        await live.until("snapshot.end")
        first = (await admin.post(f"/api/workers/{worker.id}/refresh")).json()
        assert (await live.until("worker.refresh.requested"))["worker_id"] == worker.id
        second = (await admin.post(f"/api/workers/{worker.id}/refresh")).json()
        throttled = await live.until("worker.refresh.throttled")
        assert (throttled["worker_id"], throttled["what"]) == (worker.id, "worker")
        assert second["version"] == first["version"], "nothing changed"


async def test_an_event_of_a_person_is_told_to_that_person_only(plane: PlaneProcess) -> None:
    async with (
        plane.caller("user") as user,
        plane.caller("user2") as other,
        plane.etcd() as etcd,
        stream(user) as mine,
        stream(other) as foreign,
    ):
        await mine.until("snapshot.end")
        await foreign.until("snapshot.end")
        broadcasts = EtcdBroadcasts(etcd)
        assert await broadcasts.send("greeting", {"text": "for one"}, owner="user")
        assert await broadcasts.send("greeting", {"text": "for all"})
        assert (await mine.until("greeting"))["text"] == "for one"
        assert (await foreign.until("greeting"))["text"] == "for all"


@pytest.mark.parametrize("kind", ["", "Upper.Case", "two words", "a.b.c.d.e", "line\nbreak"])
async def test_an_event_with_an_unfit_name_is_refused(plane: PlaneProcess, kind: str) -> None:
    async with plane.etcd() as etcd:
        with pytest.raises(ValueError, match="is no name of an event"):
            await EtcdBroadcasts(etcd).send(kind, {})


async def test_a_client_that_comes_right_after_another_also_gets_what_changed_between(plane: PlaneProcess) -> None:
    definition = await active_definition(plane)
    async with plane.caller("user") as user, plane.caller("user") as other, plane.caller("admin") as admin:
        known = await reserve(other, definition)
        for number in range(5):
            async with stream(user) as early:
                await early.until("snapshot.end")
            await other.post(f"/api/lablet-sessions/{known.id}/cancel")
            made = await reserve(other, definition, hours=2 + number)
            async with stream(user) as late, stream(admin) as all_seeing:
                for each in (late, all_seeing):
                    await each.until("snapshot.end")
                    await each.shows(made.id, "pending")
                    await each.shows(known.id, "terminated")
            known = made


@pytest.mark.slow
async def test_a_stream_resumes_on_another_replica_without_a_gap_and_without_a_snapshot(
    plane_factory: Callable[..., PlaneProcess],
) -> None:
    first = plane_factory()
    await first.start()
    definition = await active_definition(first)
    async with first.caller("user") as user, first.caller("user") as other:
        async with stream(user) as live:
            await live.until("snapshot.end")
            before = await reserve(other, definition)
            await live.until("session.snapshot", before.id)
            await live.until("mark")
            async with first.etcd() as etcd:
                state = await etcd.get(object_key("sessions", before.id))
            assert state is not None
            # What is shown a moment later, because it was shown just before, holds the position back.
            while int(live.last_id.rpartition("-")[2]) < state.mod_revision:
                await reserve(other, definition)
                await live.until("mark")
            seen = live.last_id
        missed = [await reserve(other, definition, hours=2 + number) for number in range(3)]
    first.kill()
    second = plane_factory()
    await second.start()
    async with second.caller("user") as user, stream(user, seen) as again:
        await again.until("resumed")
        assert "snapshot.begin" not in [kind for kind, _ in again.events]
        found = again.ids("session.snapshot")
        assert {session.id for session in missed} <= set(found)
        assert before.id not in found
        later = await reserve(user, definition, hours=9)
        await again.until("session.snapshot", later.id)


async def test_a_position_of_another_etcd_or_from_the_future_begins_anew(plane: PlaneProcess) -> None:
    async with plane.caller("user") as user:
        async with stream(user) as live:
            await live.until("snapshot.end")
            incarnation = live.last_id.rpartition("-")[0]
        for odd in ("0123456789abcdef-5", f"{incarnation}-999999999", "nonsense"):
            async with stream(user, odd) as fresh:
                await fresh.until("snapshot.end")
                assert fresh.last_id.startswith(incarnation)


async def test_streams_end_with_a_farewell_when_the_user_is_signed_out_or_the_server_stops(
    plane_factory: Callable[..., PlaneProcess],
) -> None:
    plane = plane_factory()
    await plane.start()
    async with plane.caller() as other, plane.caller("admin") as admin:
        signed_in = (await other.post("/api/auth/login", json={"username": "user2", "password": "test"})).json()
        other.headers["Authorization"] = f"Bearer {signed_in['access_token']}"
        async with stream(other) as live:
            await live.until("snapshot.end")
            assert (await admin.post(f"/api/auth/users/{signed_in['user_id']}/revoke")).status_code == 204
            await live.until("auth.session.expired")
    async with plane.caller("user") as user, stream(user) as live:
        await live.until("snapshot.end")
        stopping = asyncio.create_task(plane.stop(8))
        await live.until("server.shutdown")
        async with asyncio.timeout(6):
            await stopping


async def test_a_replica_that_starts_after_a_compaction_follows_every_change(
    etcd_factory: Callable[[], EtcdServer],
) -> None:
    server = await etcd_factory().start()
    async with EtcdClient([server.endpoint]) as etcd:
        for version in range(3):
            last = await etcd.put("/lcm/settings", encode_value(version, {}))
        await etcd.compact(last)
        relay = SseRelay(etcd, Snapshots.__new__(Snapshots))
        following = asyncio.create_task(relay.run())
        incarnation = await etcd.incarnation()
        try:
            async with asyncio.timeout(WITHIN_SECONDS):
                while not relay.missed(incarnation, last, 10):
                    await etcd.put("/lcm/sessions/s1/state", encode_value(1, {}))
                    await asyncio.sleep(0.1)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


class DoomedWatch:
    """An etcd at revision 100 that was compacted at 80: it confirms a watch from the beginning and then ends it."""

    def __init__(self) -> None:
        self.found_out = asyncio.Event()
        self.watches: list[int] = []

    async def incarnation(self) -> str:
        return "life"

    async def list(self, prefix: str) -> Listing:
        del prefix
        return Listing(items=(), revision=100, incarnation="life")

    async def watch(self, prefix: str, *, from_revision: int = 0, incarnation: str = "") -> AsyncIterator[WatchBatch]:
        del incarnation
        if prefix == PROJECTION_PREFIX:
            self.watches.append(from_revision)
        yield WatchBatch(events=(), revision=100)
        if prefix == PROJECTION_PREFIX and len(self.watches) == 1:
            await self.found_out.wait()
            raise RevisionCompacted(80)
        await asyncio.Event().wait()


async def told(feed: LiveFeed, wanted: tuple[str, int]) -> bytes:
    """How a stream begins that goes on from a position."""
    async with aclosing(feed.beginning(Principal.__new__(Principal), wanted)) as beginning:
        async for chunk in beginning:
            return chunk
    raise AssertionError("it did not begin")


async def test_a_position_is_not_passed_before_what_led_to_it_was_told() -> None:
    etcd = DoomedWatch()
    relay = SseRelay(etcd, Snapshots.__new__(Snapshots))  # type: ignore[arg-type]
    feed = LiveFeed(relay, Snapshots.__new__(Snapshots), 60.0)
    following = asyncio.create_task(relay.run())
    try:
        async with asyncio.timeout(WITHIN_SECONDS):
            while not relay.watching:
                await asyncio.sleep(0)
            # Of the changes 61 to 100 nothing was told yet: whoever has 60 must still have 60 after this.
            assert b"id: life-60\nevent: resumed\n" in await told(feed, ("life", 60))
            assert parse_position(relay.position) == ("life", 0)
            etcd.found_out.set()
            while len(etcd.watches) < 2 or not relay.watching:
                await asyncio.sleep(0.01)
        assert etcd.watches == [1, 81]
        assert relay.missed("life", 60, 10) is None, "61 to 80 are forgotten: a fresh snapshot is needed"
        assert b"id: life-90\nevent: resumed\n" in await told(feed, ("life", 90))
        assert parse_position(relay.position) == ("life", 80)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def test_the_ring_answers_only_for_what_it_has_in_full() -> None:
    ring = ChangeRing(size=3)
    assert ring.after(5, 10) is None, "nothing is known yet"
    ring.start(10)
    for revision in (11, 12, 14):
        ring.add(revision, ("sessions", f"s{revision}"))
    assert ring.after(8, 10) is None
    assert set(ring.after(11, 10) or ()) == {("sessions", "s12"), ("sessions", "s14")}
    assert list(ring.after(14, 10) or ()) == []
    assert ring.after(9, 2) is None, "too many for a resume"
    ring.add(15, ("sessions", "s15"))
    assert ring.after(10, 10) is None, "the oldest change was dropped"
    assert len(list(ring.after(11, 10) or ())) == 3
