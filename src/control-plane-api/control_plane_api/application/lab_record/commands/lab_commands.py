"""Commands on lab records."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.authorization.require import require
from control_plane_api.application.base import BaseCommand, Handler, written
from control_plane_api.application.ports import ListQuery
from control_plane_api.domain.lab_record.lab_record import LabRecord
from control_plane_api.domain.settings.settings import SETTINGS_ID
from lcm_core.contracts.common import BulkItemResult, BulkResult, Written
from lcm_core.contracts.labs import LabActionResult
from lcm_core.contracts.workers import RECORD_CHANGED, LabRecordBatch, LabRecordReport, LabRecordView
from lcm_core.domain.state_table import IllegalTransition
from lcm_core.domain.vocabulary import LabPhase

LABS_PER_WORKER = 1000


def record_id(worker_id: str, cml_lab_id: str) -> str:
    """The id of a lab record, the same whoever reports the lab first."""
    return "l" + hashlib.sha256(f"{worker_id}/{cml_lab_id}".encode()).hexdigest()[:20]


class _ChangedMeanwhile(Exception):
    """Somebody who knew more changed a record after its lab was looked at."""

    def __init__(self, version: int) -> None:
        super().__init__(version)
        self.version = version


@dataclass(frozen=True, slots=True)
class ReportLabsCommand(BaseCommand[BulkResult]):
    """Labs seen on a worker."""

    batch: LabRecordBatch


class ReportLabsHandler(Handler[ReportLabsCommand, BulkResult]):
    """Upserts records; a complete list also tells which labs are gone."""

    async def handle_async(self, request: ReportLabsCommand) -> BulkResult:
        """One result per lab."""
        batch = request.batch
        await self._deps.workers.get(batch.worker_id)
        items = [await self._upsert(batch.worker_id, lab, request.principal.actor) for lab in batch.items]
        await self._keep(batch)
        if batch.complete:
            await self._sweep(batch.worker_id, {lab.cml_lab_id for lab in batch.items})
        return BulkResult(items=items)

    async def _keep(self, batch: LabRecordBatch) -> None:
        """An export without being asked for is the last of a lab: it is kept as long as the record of it."""
        exports = [lab.export_artifact_id for lab in batch.items if lab.export_artifact_id]
        if exports:
            settings = await self._deps.settings.get(SETTINGS_ID)
            until = datetime.now(UTC) + timedelta(days=settings.spec.worker_retention_days)
            for artifact_id in exports:
                await self._deps.artifacts.keep_until(artifact_id, until)

    async def _upsert(self, worker_id: str, lab: LabRecordReport, actor: str) -> BulkItemResult:
        key, now = record_id(worker_id, lab.cml_lab_id), self._deps.clock.now()
        if await self._deps.lab_records.find(key) is None:
            key = await self._import_of(worker_id, lab) or key
        if await self._deps.lab_records.find(key) is None:
            record = LabRecord.found(key, worker_id, lab, actor, now)
            if await self._deps.lab_records.add(record):
                return BulkItemResult(id=key, status=201, version=record.version)

        def mutate(record: LabRecord) -> None:
            if record.status.phase is LabPhase.DELETED:
                return
            if lab.seen_version not in (None, record.version):
                raise _ChangedMeanwhile(record.version)
            record.observed(lab, now)

        try:
            record = await self._deps.lab_records.update(key, mutate)
        except _ChangedMeanwhile as change:
            detail = f"The record is at version {change.version}; when the lab was looked at, it was at another."
            return BulkItemResult(id=key, status=409, code=RECORD_CHANGED, detail=detail, version=change.version)
        except IllegalTransition as refusal:
            # One odd lab must not keep the others of its worker from being recorded.
            return BulkItemResult(id=key, status=409, code="IllegalTransition", detail=str(refusal))
        return BulkItemResult(id=key, status=200, version=record.version)

    async def _import_of(self, worker_id: str, lab: LabRecordReport) -> str:
        """The record of the import that made a lab; its id is older than the lab's. Empty for other labs."""
        if lab.record_id:
            known = await self._deps.lab_records.find(lab.record_id)
            if known is not None and known.spec.worker_id == worker_id:
                return known.key
        query = ListQuery(filters={"spec.worker_id": worker_id, "spec.cml_lab_id": lab.cml_lab_id}, limit=1)
        found = (await self._deps.lab_records.list(query)).items
        return found[0].key if found else ""

    async def _sweep(self, worker_id: str, seen: set[str]) -> None:
        query = ListQuery(filters={"spec.worker_id": worker_id}, limit=LABS_PER_WORKER)
        now = self._deps.clock.now()

        def mutate(record: LabRecord) -> None:
            record.gone(now)

        for known in (await self._deps.lab_records.list(query)).items:
            if known.spec.cml_lab_id not in seen and known.status.phase is not LabPhase.DELETED:
                await self._deps.lab_records.update(known.key, mutate)


@dataclass(frozen=True, slots=True)
class AskLabCommand(BaseCommand[LabRecordView]):
    """Ask for a lab action."""

    record_id: str
    action: str
    expected_version: int | None = None


class AskLabHandler(Handler[AskLabCommand, LabRecordView]):
    """Stores the pending action; the lablet controller carries it out."""

    async def handle_async(self, request: AskLabCommand) -> LabRecordView:
        """Answers the record after the change."""
        require(request.principal, Action.LAB_OPERATE)

        def mutate(record: LabRecord) -> None:
            record.request(request.action, request.principal.actor, self._deps.clock.now())

        record = await self._deps.lab_records.update(
            request.record_id, mutate, expected_version=request.expected_version
        )
        return record.view(LabRecordView)


@dataclass(frozen=True, slots=True)
class FinishLabActionCommand(BaseCommand[Written]):
    """Outcome of a lab action."""

    record_id: str
    body: LabActionResult


class FinishLabActionHandler(Handler[FinishLabActionCommand, Written]):
    """Stores the outcome."""

    async def handle_async(self, request: FinishLabActionCommand) -> Written:
        """Where the record stands now."""

        def mutate(record: LabRecord) -> None:
            record.finish_action(request.body, self._deps.clock.now())

        record = await self._deps.lab_records.update(request.record_id, mutate)
        return written(record, record.status.phase)
