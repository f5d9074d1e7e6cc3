"""Labs that people bring: imported from a topology, bound to a session, refused where that makes no sense."""

import pytest
from lablet_rig import Rig, until
from lablet_samples import TWO_ROUTERS, two_routers
from test_worker_labs import ask, import_lab, record_of, refresh

from lcm_core.clients.errors import ApiError
from lcm_core.contracts.definitions import ArtifactView
from lcm_core.contracts.labs import BindLab, ImportLab
from lcm_core.contracts.workers import LabRecordView, WorkerView
from lcm_core.domain.vocabulary import LabPhase, LabSource, SessionPhase, WorkerPhase

pytestmark = pytest.mark.asyncio(loop_scope="session")
P = SessionPhase


async def ask_import(rig: Rig, worker: WorkerView, topology: str, title: str = "") -> LabRecordView:
    """Upload a topology and ask for it to be imported, twice as a client does that lost the answer."""
    artifact = await rig.api.upload(
        "/api/artifacts",
        filename="lab.yaml",
        content_type="application/yaml",
        content=topology.encode(),
        response=ArtifactView,
    )
    body = ImportLab(worker_id=worker.id, artifact_id=artifact.id, title=title)
    made = await rig.api.call("POST", "/api/lab-records/import", body=body, response=LabRecordView)
    again = await rig.api.call("POST", "/api/lab-records/import", body=body, response=LabRecordView)
    assert again.id == made.id
    return made


async def imported(rig: Rig, asked: LabRecordView) -> LabRecordView:
    """The record with the outcome."""

    async def finished() -> LabRecordView | None:
        seen = await rig.admin.lab_record(asked.id)
        return seen if not seen.spec.pending_action else None

    return await until("the import is over", finished)


async def bring(rig: Rig, worker: WorkerView, topology: str, title: str = "") -> LabRecordView:
    """Import a topology."""
    return await imported(rig, await ask_import(rig, worker, topology, title))


async def records(rig: Rig, worker: WorkerView) -> list[str]:
    found = [record async for record in rig.admin.lab_records(worker_id=worker.id)]
    return [record.id for record in found if record.status.phase is not LabPhase.DELETED]


async def test_a_topology_is_imported_once_and_recorded_once(rig: Rig) -> None:
    worker = await rig.worker()
    record = await bring(rig, worker, TWO_ROUTERS, "Brought along")
    assert (record.status.phase, record.status.last_error) == (LabPhase.DEFINED, "")
    assert await rig.labs(worker) == ["Brought along"]
    await refresh(rig, worker)

    async def seen() -> LabRecordView | None:
        view = await rig.admin.lab_record(record.id)
        return view if view.status.node_count == 2 else None

    known = await until("the lab is recorded", seen)
    assert known.spec.source is LabSource.IMPORT
    assert await records(rig, worker) == [record.id], "a look at the worker makes no second record"
    assert (await ask(rig, record, "start")).status.phase in (LabPhase.BOOTED, LabPhase.STARTING)
    assert (await ask(rig, record, "delete")).status.phase is LabPhase.DELETED
    assert await rig.labs(worker) == []


async def test_what_is_no_topology_is_refused_with_file_line_and_field(rig: Rig) -> None:
    worker = await rig.worker()
    bad = await bring(rig, worker, TWO_ROUTERS.replace("label: R2", "label: R1"))
    assert bad.status.phase is LabPhase.ERROR
    assert "cml.yaml:6" in bad.status.last_error
    assert await rig.labs(worker) == []
    assert (await ask(rig, bad, "delete")).status.phase is LabPhase.DELETED


async def test_a_lab_is_bound_to_a_waiting_session_and_ends_with_it(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    record = await bring(rig, worker, TWO_ROUTERS.replace("hostname R1", "hostname R1\\nip domain-name prepared.test"))
    session = await rig.reserve(definition)
    body = BindLab(session_id=session.id)
    with pytest.raises(ApiError, match="scheduled session"):
        await rig.api.call("POST", f"/api/lab-records/{record.id}/bind", body=body)
    await rig.worker_phase(worker.id, WorkerPhase.STARTING)
    await rig.place(session, worker, definition)
    await rig.api.call("POST", f"/api/lab-records/{record.id}/bind", body=body)

    async def bound() -> bool | None:
        return True if (await rig.admin.session(session.id)).status.lab is not None else None

    await until("the session has the lab", bound)
    await rig.worker_phase(worker.id, WorkerPhase.RUNNING)
    ready = await rig.reach(session.id, P.READY)
    assert ready.status.lab is not None
    assert ready.status.lab.cml_lab_id == record.spec.cml_lab_id
    (title,) = await rig.labs(worker)
    assert session.id in title
    assert await records(rig, worker) == [record.id]
    async with rig.cml(worker) as http:
        topology = (await http.get(f"/labs/{record.spec.cml_lab_id}/download")).text
    assert "prepared.test" in topology
    assert ready.status.placement is not None
    assert f"serial:{ready.status.placement.ports['R1_SERIAL']}" in topology
    with pytest.raises(ApiError, match="is ready"):
        await rig.api.call("POST", f"/api/lab-records/{record.id}/bind", body=body)
    await rig.ask(session.id, "cancel")
    await rig.reach(session.id, P.TERMINATED)
    assert await rig.labs(worker) == []


async def test_a_found_lab_of_another_worker_is_not_bound(rig: Rig) -> None:
    definition, worker, other = await rig.define(two_routers()), await rig.worker(), await rig.worker()
    async with rig.cml(other) as http:
        lab_id = await import_lab(http)
    await refresh(rig, other)
    record = await record_of(rig, other, lab_id)
    await rig.worker_phase(worker.id, WorkerPhase.STARTING)
    session = await rig.start(definition, worker)
    with pytest.raises(ApiError, match="is placed on"):
        await rig.api.call("POST", f"/api/lab-records/{record.id}/bind", body=BindLab(session_id=session.id))
    await rig.ask(session.id, "cancel")
    await rig.reach(session.id, P.TERMINATED)
