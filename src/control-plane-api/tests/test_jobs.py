"""Periodic jobs: once in the cluster, recorded, started by hand."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from domain_samples import LIMITS, NOW, a_worker, all_good
from flows import running_worker
from plane_process import PlaneProcess

from control_plane_api.application.jobs.catalog import BY_NAME, JOBS
from control_plane_api.application.jobs.runner import JobRunner
from control_plane_api.application.ports import Resealed
from control_plane_api.composition.stores import Stores
from control_plane_api.infrastructure.mongo.children import MongoChildren
from control_plane_api.infrastructure.mongo.database import Database
from control_plane_api.infrastructure.mongo.jobs import MongoJobs
from control_plane_api.infrastructure.mongo.vault import MongoVault
from control_plane_api.kernel.tasks import end_all
from control_plane_api.settings import Settings
from lcm_core.contracts.sessions import DeviceAccess, PutUserSession
from lcm_core.contracts.workers import ReportWorker
from lcm_core.domain.vocabulary import UserSessionPhase, WorkerPhase
from lcm_core.etcd import EtcdUnavailable
from lcm_core.security.envelope import Envelope


async def make_due(database: Database, name: str, hours: float = 48) -> None:
    """As if the job had last started so long ago."""
    past = datetime.now(UTC) - timedelta(hours=hours)
    await database["jobs"].update_one({"_id": name}, {"$set": {"started_at": past, "due_from": past}}, upsert=True)


async def test_of_many_replicas_one_runs_a_job_that_is_due(database: Database) -> None:
    replicas = [MongoJobs(database) for _ in range(10)]
    assert not await replicas[0].claim("RetentionJob", 60), "a new installation waits for its first run"
    await make_due(database, "RetentionJob")
    claimed = await asyncio.gather(*(replica.claim("RetentionJob", 60) for replica in replicas))
    assert sum(claimed) == 1
    assert not await replicas[1].claim("RetentionJob", 60), "it runs"
    await replicas[0].finish("RetentionJob", "succeeded", "done")
    assert not await replicas[1].claim("RetentionJob", 60), "it has just run"
    await replicas[1].request("RetentionJob")
    assert await replicas[2].claim("RetentionJob", 60), "somebody asked"


async def test_a_run_whose_process_died_is_made_up_for(database: Database) -> None:
    jobs = MongoJobs(database)
    await make_due(database, "RetentionJob")
    assert await jobs.claim("RetentionJob", 60)
    await make_due(database, "RetentionJob", hours=1)
    assert await jobs.claim("RetentionJob", 60)


async def test_the_labs_of_running_workers_are_asked_for_and_the_run_is_kept(
    stores: tuple[Stores, Settings], database: Database
) -> None:
    made, settings = stores
    deps = made.deps(settings)
    for key in ("w1", "w2"):
        worker = a_worker(key)
        if key == "w1":
            for phase in (WorkerPhase.PROVISIONING, WorkerPhase.STARTING, WorkerPhase.RUNNING):
                worker.report(ReportWorker(phase=phase, reason="Seen", conditions=all_good()), NOW, LIMITS)
        await made.workers.add(worker)
    await make_due(database, "LabsRefreshJob")
    runner = JobRunner(deps, made.jobs)
    assert await runner.tick(BY_NAME["LabsRefreshJob"])
    assert not await runner.tick(BY_NAME["LabsRefreshJob"])
    assert (await made.workers.get("w1")).spec.labs_refresh_requested_at is not None
    assert (await made.workers.get("w2")).spec.labs_refresh_requested_at is None
    (run,) = await made.jobs.runs("LabsRefreshJob", 10)
    assert (run.result, run.message) == ("succeeded", "Asked for the labs of 1 workers.")
    await made.close()


async def test_what_has_been_gone_for_long_is_purged(stores: tuple[Stores, Settings], database: Database) -> None:
    made, settings = stores
    await made.workers.add(a_worker("old"))
    await made.workers.add(a_worker("young"))
    past = datetime.now(UTC) - timedelta(days=40)
    gone = {"status.phase": "terminated", "updated_at": past}
    await database["workers"].update_one({"_id": "old"}, {"$set": gone})
    await make_due(database, "RetentionJob")
    await JobRunner(made.deps(settings), made.jobs).tick(BY_NAME["RetentionJob"])
    assert await made.workers.find("old") is None
    assert await made.workers.find("young") is not None
    await made.close()


async def test_secrets_move_to_the_newest_key_and_the_old_one_can_go(database: Database) -> None:
    old, both = Envelope.parse("k1:first"), Envelope.parse("k2:second,k1:first")
    vault, children = MongoVault(database, old), MongoChildren(database, old)
    await vault.write("cml-password", "fleet")
    body = PutUserSession(
        phase=UserSessionPhase.ACTIVE,
        launch_url="https://lds/1",
        devices=[DeviceAccess(label="r1", host="10.0.0.1", port=2001, protocol="serial", password="secret")],
    )
    await children.put_user_session("s1", body, datetime.now(UTC))
    await children.put_user_session("s2", PutUserSession(phase=UserSessionPhase.ACTIVE), datetime.now(UTC))
    await MongoVault(database, Envelope.parse("k0:lost")).write("lost", "nobody opens this")
    rotated = [MongoVault(database, both), MongoChildren(database, both)]
    assert await rotated[0].reseal() == Resealed(seen=2, renewed=1, unreadable=1)
    assert await rotated[1].reseal() == Resealed(seen=2, renewed=2, unreadable=0)
    assert (await rotated[1].reseal()).renewed == 0
    new = Envelope.parse("k2:second")
    assert await MongoVault(database, new).read("cml-password") == "fleet"
    opened = await MongoChildren(database, new).secrets("s1")
    assert opened is not None
    assert (opened.launch_url, opened.devices) == ("https://lds/1", body.devices)


async def test_a_job_that_fails_says_so_and_runs_again(stores: tuple[Stores, Settings], database: Database) -> None:
    made, settings = stores
    broken = {"_id": "w1", "version": 1, "generation": 1, "spec": {}, "status": {}, "created_by": ""}
    await database["workers"].insert_one({**broken, "created_at": NOW, "updated_at": NOW})
    await make_due(database, "LabsRefreshJob")
    await JobRunner(made.deps(settings), made.jobs).tick(BY_NAME["LabsRefreshJob"])
    (run,) = await made.jobs.runs("LabsRefreshJob", 10)
    assert run.result == "failed"
    assert "ValidationError" in run.message
    await made.close()


async def test_a_job_that_a_store_interrupts_is_recorded_without_a_stack_of_calls(
    stores: tuple[Stores, Settings],
    database: Database,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, settings = stores

    async def unreachable() -> object:
        raise EtcdUnavailable("etcd did not answer in time")

    monkeypatch.setattr(made.etcd, "list", lambda *_: unreachable())
    await make_due(database, "InvariantsJob")
    await JobRunner(made.deps(settings), made.jobs).tick(BY_NAME["InvariantsJob"])
    (run,) = await made.jobs.runs("InvariantsJob", 10)
    assert (run.result, run.message) == ("failed", "EtcdUnavailable: etcd did not answer in time")
    [said] = [record for record in caplog.records if "InvariantsJob" in record.message]
    assert (said.levelname, said.exc_info) == ("WARNING", None)
    await made.close()


async def test_administrators_see_and_start_jobs(plane: PlaneProcess) -> None:
    worker = await running_worker(plane)
    async with plane.caller("admin") as admin, plane.caller("manager") as manager:
        listed = (await manager.get("/api/jobs")).json()["items"]
        assert [job["name"] for job in listed] == [job.name for job in JOBS]
        assert (await manager.post("/api/jobs/LabsRefreshJob/run")).status_code == 403
        assert (await admin.post("/api/jobs/NoSuchJob/run")).status_code == 404
        assert (await admin.post("/api/jobs/LabsRefreshJob/run")).status_code == 202
        async with asyncio.timeout(15):
            while not (await admin.get("/api/jobs/LabsRefreshJob/runs")).json()["items"]:
                await asyncio.sleep(0.1)
        shown = (await admin.get(f"/api/workers/{worker.id}")).json()
    assert shown["spec"]["labs_refresh_requested_at"] is not None


async def test_the_service_starts_what_is_due_and_leaves_the_rest(
    stores: tuple[Stores, Settings], database: Database
) -> None:
    made, settings = stores
    assert await made.jobs.due({"RetentionJob": 60}) == {"RetentionJob"}, "nobody has seen it yet"
    await make_due(database, "RetentionJob")
    assert not await made.jobs.claim("SecretsResealJob", 3600), "a new installation waits one interval"
    assert await made.jobs.due({"RetentionJob": 60, "SecretsResealJob": 3600}) == {"RetentionJob"}
    service = asyncio.create_task(JobRunner(made.deps(settings), made.jobs).run())
    try:
        async with asyncio.timeout(20):
            while not await made.jobs.runs("RetentionJob", 10):
                await asyncio.sleep(0.05)
    finally:
        await end_all([service])
    (run,) = await made.jobs.runs("RetentionJob", 10)
    assert run.result == "succeeded"
    assert await made.jobs.runs("SecretsResealJob", 10) == []
    await made.close()
