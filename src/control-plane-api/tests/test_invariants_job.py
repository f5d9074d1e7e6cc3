"""The invariants in a running control plane: a doctored document is found, told, shown, and forgotten when repaired."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from domain_samples import a_worker
from flows import active_definition, place, place_wish, reserve, running_worker
from plane_process import PlaneProcess
from prometheus_client import REGISTRY

from control_plane_api.application.invariants.catalog import INVARIANTS, violations
from control_plane_api.application.invariants.picture import Violation
from control_plane_api.application.invariants.standing import LIMIT, Standing, judge
from control_plane_api.application.invariants.watch import check_invariants
from control_plane_api.application.projection.reconcile import ProjectionReconciler
from control_plane_api.composition.stores import Stores, open_stores
from control_plane_api.infrastructure.mongo.database import Database
from control_plane_api.infrastructure.mongo.gauges import Gauges
from control_plane_api.infrastructure.mongo.pictures import MongoPictures
from control_plane_api.infrastructure.mongo.standing import MongoStanding
from control_plane_api.settings import Settings
from lcm_core.clock import SystemClock
from lcm_core.etcd import EtcdClient, encode_value

NOW = datetime(2031, 5, 6, 9, 0, tzinfo=UTC)
BOOKED = Violation("claims-fit", "w1/cores", "Too much is claimed.")
GONE = Violation("worker-gone", "w1", "Not given back.")


def test_what_may_be_under_way_counts_only_when_it_stays() -> None:
    first = judge([], [BOOKED, GONE], NOW)
    assert [each.counted for each in first] == [False, True]
    soon = judge(first, [BOOKED], NOW + timedelta(seconds=59))
    assert soon == [Standing(BOOKED, NOW, False)]
    late = judge(soon, [BOOKED], NOW + timedelta(seconds=60))
    assert late == [Standing(BOOKED, NOW, True)]
    assert judge(late, [], NOW + timedelta(seconds=61)) == []
    assert judge([], [BOOKED], NOW + timedelta(seconds=62))[0].since == NOW + timedelta(seconds=62), "it began anew"


def test_only_so_many_violations_of_one_kind_are_remembered() -> None:
    many = [Violation("worker-gone", f"w{number}", "Not given back.") for number in range(LIMIT * 3)]
    assert len(judge([], [*many, BOOKED], NOW)) == LIMIT + 1


async def test_what_stands_is_remembered_and_shown_by_every_replica(database: Database) -> None:
    store = MongoStanding(database)
    assert await store.all() == []
    await store.replace([Standing(BOOKED, NOW, False), Standing(GONE, NOW, True)])
    assert await MongoStanding(database).all() == [Standing(BOOKED, NOW, False), Standing(GONE, NOW, True)]
    await Gauges(database, SystemClock()).count()
    shown = {
        each.name: REGISTRY.get_sample_value("lcm_invariant_violations", {"invariant": each.name})
        for each in INVARIANTS
    }
    assert {name for name, value in shown.items() if value} == {"worker-gone"}
    assert None not in shown.values()
    await store.replace([])
    await Gauges(database, SystemClock()).count()
    assert REGISTRY.get_sample_value("lcm_invariant_violations", {"invariant": "worker-gone"}) == 0


async def run_job(admin: httpx.AsyncClient) -> str:
    """Have the control plane check the invariants now; what the run said."""
    assert (await admin.post("/api/jobs/InvariantsJob/run")).status_code == 202
    async with asyncio.timeout(20):
        while not (runs := (await admin.get("/api/jobs/InvariantsJob/runs")).json()["items"]):
            await asyncio.sleep(0.05)
    assert runs[0]["result"] == "succeeded", runs[0]
    return str(runs[0]["message"])


async def test_a_doctored_session_opens_a_task_that_closes_when_it_is_repaired(
    plane_factory: Callable[..., PlaneProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    plane = plane_factory()
    await plane.start()
    worker, definition = await running_worker(plane), await active_definition(plane)
    for name in ("MONGODB_URI", "LCM_DATABASE_NAME", "LCM_ETCD_ENDPOINTS"):
        monkeypatch.setenv(name, plane.environment[name])
    settings = Settings()
    replica = open_stores(settings)
    deps, sessions = replica.deps(settings), replica.database["sessions"]
    async with (
        plane.caller("admin") as admin,
        plane.caller("user") as user,
        plane.controller("resource-scheduler") as scheduler,
    ):
        placed, over = await reserve(user, definition), await reserve(user, definition)
        await place(scheduler, place_wish(placed, worker.id))
        await user.post(f"/api/lablet-sessions/{over.id}/cancel", json={})
        said = await run_job(admin)
        assert "on 2 sessions, 1 workers" in said
        assert "0 violations" in said
        assert (await admin.get("/api/tasks")).json()["items"] == []

        await sessions.update_one({"_id": over.id}, {"$set": {"status.outcome": None}})
        assert "1 violations" in await check_invariants(deps)
        (task,) = (await admin.get("/api/tasks")).json()["items"]
        assert task["spec"]["description"] == f"Session {over.id} is terminated without an outcome."
        assert (task["spec"]["severity"], task["status"]["phase"]) == ("critical", "open")

        await sessions.update_one({"_id": over.id}, {"$set": {"status.outcome": "cancelled"}})
        assert "0 violations" in await check_invariants(deps)
        (task,) = (await admin.get("/api/tasks")).json()["items"]
        assert (task["status"]["phase"], task["status"]["message"]) == ("done", "It holds again.")
    await replica.close()


async def test_what_etcd_lacks_shows_too_much_of_or_cannot_be_read_is_seen_and_repaired(
    stores: tuple[Stores, Settings], own_etcd: EtcdClient
) -> None:
    made, settings = stores
    # An etcd of its own, because the shared one holds what other databases project.
    pictures = MongoPictures(made.database, own_etcd, made.clock, made.claims, made.quota_usage, made.inbound)
    deps = replace(made.deps(settings), pictures=pictures)
    for key in ("w1", "w2", "w3"):
        await made.workers.add(a_worker(key))
    await ProjectionReconciler(made.database, own_etcd).reconcile()
    assert violations(await pictures.take()) == []

    await own_etcd.delete("/lcm/workers/w1/capacity")
    shown = encode_value(1, {"generation": 1, "phase": "pending", "password": "cisco"})
    await own_etcd.put("/lcm/workers/w2/state", shown)
    await own_etcd.put("/lcm/sessions/s9/state", shown)
    await made.database["workers"].update_one({"_id": "w3"}, {"$set": {"status.phase": "lost"}})
    found = {(each.invariant, each.subject) for each in violations(await pictures.take())}
    assert found == {
        ("document-readable", "workers/w3"),
        ("etcd-equals-database", "/lcm/sessions/s9/state@0"),
        ("etcd-equals-database", "/lcm/workers/w1/capacity@1"),
        ("etcd-equals-database", "/lcm/workers/w2/state@1"),
        ("etcd-summaries-only", "/lcm/sessions/s9/state"),
        ("etcd-summaries-only", "/lcm/workers/w2/state"),
    }
    assert "3 violations, 3 to be seen again" in await check_invariants(deps)

    await own_etcd.put("/lcm/workers/w1/state", b"not a value at all")
    await made.database["workers"].update_one({"_id": "w3"}, {"$set": {"status.phase": "pending"}})
    # Four keys were spoiled, and the two tasks that tell of it are new.
    assert await ProjectionReconciler(made.database, own_etcd).reconcile() == 6
    assert violations(await pictures.take()) == []
    await made.close()
