"""The labs of workers: records, strangers' labs, leftovers, actions, and the farewell of a terminating worker."""

import uuid

import httpx
import pytest
from lablet_rig import Rig, until
from lablet_samples import TWO_ROUTERS, two_routers

from lcm_core.contracts.workers import InstanceInfo, LabRecordView, ReportWorker, WorkerView
from lcm_core.domain.vocabulary import LabPhase, LabSource, SessionPhase, WorkerFinalizer, WorkerPhase

pytestmark = pytest.mark.asyncio(loop_scope="session")
P = SessionPhase


async def import_lab(http: httpx.AsyncClient, text: str = TWO_ROUTERS) -> str:
    """A lab that LCM did not make."""
    answer = await http.post("/import", content=text.encode())
    answer.raise_for_status()
    return str(answer.json()["id"])


async def refresh(rig: Rig, worker: WorkerView) -> None:
    """Ask for the labs to be read; who asks again within seconds is told that the last look still counts."""
    before = (await rig.admin.worker(worker.id)).spec.labs_refresh_requested_at

    async def accepted() -> bool | None:
        path = f"/api/workers/{worker.id}/labs/refresh"
        asked = await rig.api.call("POST", path, response=WorkerView)
        return True if asked.spec.labs_refresh_requested_at != before else None

    await until("the labs may be read again", accepted)


async def record_of(rig: Rig, worker: WorkerView, lab_id: str, *phases: LabPhase) -> LabRecordView:
    """The record of a lab once it is in one of the phases."""

    async def there() -> LabRecordView | None:
        async for record in rig.admin.lab_records(worker_id=worker.id):
            if record.spec.cml_lab_id == lab_id and (not phases or record.status.phase in phases):
                return record
        return None

    return await until(f"a record of lab {lab_id}", there)


async def download(rig: Rig, record: LabRecordView) -> str:
    """The exported topology, as a manager gets it."""
    plane = rig.world.url("control-plane")
    signed_in = await rig.http.post(f"{plane}/api/auth/login", json={"username": "manager", "password": "test"})
    headers = {"Authorization": f"Bearer {signed_in.json()['access_token']}"}
    answer = await rig.http.get(f"{plane}/api/lab-records/{record.id}/export", headers=headers)
    assert answer.headers["content-disposition"] == 'attachment; filename="Two-routers.yaml"'
    return answer.text


async def ask(rig: Rig, record: LabRecordView, action: str) -> LabRecordView:
    """Ask for an action and wait for its outcome."""
    await rig.api.call("POST", f"/api/lab-records/{record.id}/{action}")

    async def finished() -> LabRecordView | None:
        seen = await rig.admin.lab_record(record.id)
        return seen if not seen.spec.pending_action else None

    return await until(f"{action} is done", finished)


async def test_a_strangers_lab_is_recorded_and_counts_against_its_worker(rig: Rig) -> None:
    worker = await rig.worker()
    async with rig.cml(worker) as http:
        lab_id = await import_lab(http)
        (await http.put(f"/labs/{lab_id}/start")).raise_for_status()
    await refresh(rig, worker)
    record = await record_of(rig, worker, lab_id, LabPhase.BOOTED)
    assert record.spec.source is LabSource.DISCOVERY
    assert record.status.ports == [5001, 5002]

    async def counted() -> WorkerView | None:
        seen = await rig.admin.worker(worker.id)
        return seen if seen.status.unmanaged.labs == 1 and seen.status.unmanaged.resources.cores else None

    seen = await until("the lab counts", counted)
    assert seen.status.unmanaged.ports == [5001, 5002]
    assert seen.status.unmanaged.resources.nodes == 2


async def test_a_lab_that_vanished_is_recorded_as_deleted(rig: Rig) -> None:
    worker = await rig.worker()
    async with rig.cml(worker) as http:
        lab_id = await import_lab(http)
        await refresh(rig, worker)
        await record_of(rig, worker, lab_id)
        (await http.delete(f"/labs/{lab_id}")).raise_for_status()
    await refresh(rig, worker)
    await record_of(rig, worker, lab_id, LabPhase.DELETED)


async def test_a_lab_of_a_session_that_ended_is_removed_and_a_living_one_is_not(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    session = await rig.start(definition, worker)
    await rig.reach(session.id, P.READY)
    leftover = TWO_ROUTERS.replace("notes: ''", f'notes: "lcm-session: {uuid.uuid4().hex}"')
    async with rig.cml(worker) as http:
        await import_lab(http, leftover)
    await refresh(rig, worker)

    async def removed() -> bool | None:
        titles = await rig.labs(worker)
        return True if len(titles) == 1 and session.id in titles[0] else None

    await until("only the living lab is left", removed)
    await rig.ask(session.id, "cancel")
    await rig.reach(session.id, P.TERMINATED)


async def test_labs_are_started_exported_cloned_stopped_wiped_and_deleted_on_demand(rig: Rig) -> None:
    worker = await rig.worker()
    async with rig.cml(worker) as http:
        lab_id = await import_lab(http)
    await refresh(rig, worker)
    record = await record_of(rig, worker, lab_id)

    assert (await ask(rig, record, "start")).status.phase in (LabPhase.BOOTED, LabPhase.STARTING)
    exported = await ask(rig, record, "export")
    assert exported.status.export_artifact_id
    assert "label: R1" in await download(rig, record)
    await ask(rig, record, "clone")
    assert sorted(await rig.labs(worker)) == ["Clone of Two routers", "Two routers"]
    assert (await ask(rig, record, "stop")).status.phase is LabPhase.STOPPED
    assert (await ask(rig, record, "wipe")).status.phase is LabPhase.WIPED
    assert (await ask(rig, record, "delete")).status.phase is LabPhase.DELETED
    assert await rig.labs(worker) == ["Clone of Two routers"]


async def test_an_action_that_cml_refuses_says_why(rig: Rig) -> None:
    worker = await rig.worker()
    async with rig.cml(worker) as http:
        lab_id = await import_lab(http)
    await refresh(rig, worker)
    record = await record_of(rig, worker, lab_id)
    refusal = {"code": 400, "description": "the licence has expired"}
    await rig.misbehave("cml", {"match": {"path_regex": "/start$"}, "kind": "status", "status": 400, "body": refusal})
    seen = await ask(rig, record, "start")
    await rig.misbehave("cml")
    assert "the licence has expired" in seen.status.last_error


async def test_a_terminating_worker_loses_its_labs_before_its_licence(rig: Rig) -> None:
    worker = await rig.worker()
    async with rig.cml(worker) as http:
        lab_id = await import_lab(http)
        (await http.put(f"/labs/{lab_id}/start")).raise_for_status()
    await rig.worker_phase(worker.id, WorkerPhase.TERMINATING)

    async def cleared() -> bool | None:
        seen = await rig.admin.worker(worker.id)
        return True if WorkerFinalizer.LABS not in seen.status.finalizers else None

    await until("the labs hook is cleared", cleared)
    assert await rig.labs(worker) == []
    record = await record_of(rig, worker, lab_id, LabPhase.DELETED)
    assert "label: R1" in await download(rig, record), "a stranger's lab is exported before it ends with its machine"


async def test_a_terminating_worker_without_a_running_instance_waits_for_nothing(rig: Rig) -> None:
    worker = await rig.worker()
    off = InstanceInfo(instance_id=worker.status.instance.instance_id, state="stopped")
    await rig.workers.report_worker(worker.id, ReportWorker(instance=off))
    await rig.worker_phase(worker.id, WorkerPhase.TERMINATING)

    async def cleared() -> bool | None:
        seen = await rig.admin.worker(worker.id)
        return True if WorkerFinalizer.LABS not in seen.status.finalizers else None

    await until("the labs hook is cleared", cleared)
