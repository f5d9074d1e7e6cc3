"""What controllers report of labs, when several report at once."""

from domain_samples import a_worker

from control_plane_api.application.authorization.principal import Principal
from control_plane_api.application.lab_record.commands.lab_commands import ReportLabsCommand, ReportLabsHandler
from control_plane_api.composition.stores import Stores
from control_plane_api.settings import Settings
from lcm_core.contracts.common import BulkItemResult
from lcm_core.contracts.workers import RECORD_CHANGED, LabRecordBatch, LabRecordReport
from lcm_core.domain.vocabulary import LabPhase, LabSource

CONTROLLER = Principal("lablet-controller", "service-account-lcm-lablet-controller", frozenset({"lablet-controller"}))


async def test_a_look_from_before_a_change_does_not_take_the_change_back(stores: tuple[Stores, Settings]) -> None:
    made, settings = stores
    deps = made.deps(settings)
    worker = a_worker()
    await deps.workers.add(worker)

    async def report(phase: LabPhase, seen_version: int | None) -> BulkItemResult:
        lab = LabRecordReport(
            cml_lab_id="lab-1", title="OSPF", phase=phase, source=LabSource.SESSION, seen_version=seen_version
        )
        batch = LabRecordBatch(worker_id=worker.key, items=[lab])
        (item,) = (await ReportLabsHandler(deps).handle_async(ReportLabsCommand(CONTROLLER, batch))).items
        return item

    made_anew = await report(LabPhase.STOPPED, 0)
    assert (made_anew.status, made_anew.version) == (201, 1)
    announced = await report(LabPhase.STARTING, None)
    assert announced.status == 200
    late = await report(LabPhase.STOPPED, 1)
    assert (late.status, late.code, late.version) == (409, RECORD_CHANGED, announced.version)
    assert (await deps.lab_records.get(announced.id)).status.phase is LabPhase.STARTING
    also_late = await report(LabPhase.STOPPED, 0)
    assert (also_late.status, also_late.code) == (409, RECORD_CHANGED)
    assert (await report(LabPhase.BOOTED, announced.version)).status == 200
    await made.close()
