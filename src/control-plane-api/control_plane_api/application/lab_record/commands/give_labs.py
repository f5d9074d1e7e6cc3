"""Make a lab of an uploaded topology, and give a lab to a session."""

import hashlib
from dataclasses import dataclass

from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.authorization.require import require
from control_plane_api.application.base import BaseCommand, Handler
from control_plane_api.application.errors import ConflictError, InvalidError
from control_plane_api.application.lablet_session.access import load_for
from control_plane_api.domain.lab_record.lab_record import BIND, LabRecord
from lcm_core.contracts.labs import BindLab, ImportLab
from lcm_core.contracts.workers import LabRecordView
from lcm_core.domain.vocabulary import SessionPhase, WorkerPhase


@dataclass(frozen=True, slots=True)
class ImportLabCommand(BaseCommand[LabRecordView]):
    """Import."""

    body: ImportLab


class ImportLabHandler(Handler[ImportLabCommand, LabRecordView]):
    """Records the lab that is to be; the lablet controller makes it. One upload makes one lab on a worker."""

    async def handle_async(self, request: ImportLabCommand) -> LabRecordView:
        """The record. Raises for an unknown worker or upload, and a worker that does not run."""
        require(request.principal, Action.LAB_OPERATE)
        body = request.body
        worker = await self._deps.workers.get(body.worker_id)
        if worker.status.phase is not WorkerPhase.RUNNING:
            raise ConflictError("WorkerNotRunning", f"Worker {worker.spec.name} is {worker.status.phase}.")
        if await self._deps.artifacts.find(body.artifact_id) is None:
            raise InvalidError.field(
                "UnknownArtifact", "artifact_id", f"there is no uploaded artifact {body.artifact_id}; upload it first"
            )
        key = "l" + hashlib.sha256(f"{worker.key}/import/{body.artifact_id}".encode()).hexdigest()[:20]
        now = self._deps.clock.now()
        record = LabRecord.awaited(key, worker.key, body.artifact_id, body.title, request.principal.actor, now)
        if not await self._deps.lab_records.add(record):
            record = await self._deps.lab_records.get(key)
        return record.view(LabRecordView)


@dataclass(frozen=True, slots=True)
class BindLabCommand(BaseCommand[LabRecordView]):
    """Bind."""

    record_id: str
    body: BindLab
    expected_version: int | None = None


class BindLabHandler(Handler[BindLabCommand, LabRecordView]):
    """Stores the wish; the lablet controller asks again whether it still holds when it carries it out."""

    async def handle_async(self, request: BindLabCommand) -> LabRecordView:
        """The record. Raises when the session is elsewhere, has a lab or has gone on."""
        require(request.principal, Action.LAB_OPERATE)
        known = await self._deps.lab_records.get(request.record_id)
        session = await load_for(self._deps, request.principal, request.body.session_id, Action.SESSION_OPERATE)
        placement = session.status.placement
        if session.phase is not SessionPhase.SCHEDULED or placement is None or session.status.lab is not None:
            raise ConflictError(
                "SessionNotWaiting",
                f"Only a scheduled session without a lab is given one; {session.key} is {session.phase}.",
            )
        if placement.worker_id != known.spec.worker_id:
            raise ConflictError("OnAnotherWorker", f"Session {session.key} is placed on {placement.worker_name}.")

        def mutate(record: LabRecord) -> None:
            record.request(BIND, request.principal.actor, self._deps.clock.now(), session.key)

        record = await self._deps.lab_records.update(
            request.record_id, mutate, expected_version=request.expected_version
        )
        return record.view(LabRecordView)
