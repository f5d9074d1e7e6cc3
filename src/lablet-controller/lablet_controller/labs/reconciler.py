"""The labs of one worker: records of all of them, what strangers' labs take, leftovers removed, the last farewell."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lablet_controller.labs.actions import YAML_TYPE, import_of
from lablet_controller.labs.pool import copy_of, import_copy
from lablet_controller.labs.teardown import remove_lab
from lablet_controller.labs.usage import lab_phase, lab_ports, lab_resources
from lablet_controller.outside import Deps
from lcm_core.clients.errors import NotFound
from lcm_core.contracts.common import Resources
from lcm_core.contracts.platform import OpenTask
from lcm_core.contracts.workers import (
    RECORD_CHANGED,
    LabRecordBatch,
    LabRecordReport,
    LabRecordView,
    ReportWorkerLabs,
    UnmanagedUsage,
    WorkerView,
)
from lcm_core.controller import Outcome, RetryableError
from lcm_core.domain.vocabulary import (
    DefinitionPhase,
    LabPhase,
    LabSource,
    SessionPhase,
    TaskSeverity,
    WorkerFinalizer,
    WorkerPhase,
)
from lcm_core.spi.cml_labs import LabInfo, LabState, NodeInfo
from lcm_core.spi.cml_system import CmlTarget
from lcm_core.spi.errors import OutsideError
from lcm_core.topology import POOL_OWNER, owner_of

_SERVING = frozenset({WorkerPhase.RUNNING, WorkerPhase.DRAINING})
_NOT_HOLDING = frozenset({SessionPhase.PENDING, SessionPhase.TERMINATED})
_POWERED = frozenset({"running", "pending"})
UNREACHABLE_PAUSE = 2.0
CHANGED_PAUSE = 1.0
"""Real seconds after which a worker is looked at again whose labs were changed meanwhile."""


@dataclass(frozen=True, slots=True)
class _Seen:
    lab: LabInfo
    nodes: Sequence[NodeInfo]
    owner: str


class WorkerLabsReconciler:
    """Reconciles the labs of workers; when each was looked at last is kept in memory only."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._looked: dict[str, float] = {}
        self._answered: dict[str, datetime | None] = {}
        self._suspects: dict[tuple[str, str], float] = {}

    async def reconcile(self, key: str) -> Outcome:
        """One worker."""
        worker = await self._deps.workers.get(key)
        if worker is None:
            return Outcome.done("Gone", "The worker does not exist any more.")
        phase = worker.status.phase
        if phase is WorkerPhase.TERMINATING and WorkerFinalizer.LABS in worker.status.finalizers:
            return await self._farewell(worker)
        if phase not in _SERVING:
            self._looked.pop(key, None)
            return Outcome.done("NotServing", f"The worker is {phase}.")
        return await self._look(worker)

    # Serving workers -------------------------------------------------------------------------------------------

    async def _look(self, worker: WorkerView) -> Outcome:
        interval = self._deps.settings.labs_refresh_minutes * 60 / self._deps.clock.factor
        asked = worker.spec.labs_refresh_requested_at
        now = time.monotonic()
        last = self._looked.get(worker.id)
        if last is not None and now < last + interval and asked == self._answered.get(worker.id):
            return Outcome.requeue_after(last + interval - now, "Fresh", "The labs were read not long ago.")
        try:
            target = await self._deps.workers.target(worker)
            suspects, outdated = await self._refresh(worker, target)
        except OutsideError as error:
            raise RetryableError("LabsUnreadable", str(error)) from error
        if outdated:
            sentence = f"{outdated} labs changed while they were looked at."
            return Outcome.requeue_after(CHANGED_PAUSE, "LabsChange", sentence)
        self._answered[worker.id] = asked
        if suspects:
            self._looked.pop(worker.id, None)
            grace = self._deps.settings.orphan_grace_seconds
            return Outcome.requeue_after(grace, "Leftovers", f"{suspects} labs seem to be left over.")
        self._looked[worker.id] = now
        return Outcome.requeue_after(interval, "LabsRead", "The labs of the worker are on record.")

    async def _refresh(self, worker: WorkerView, target: CmlTarget) -> tuple[int, int]:
        """Read, record, remove leftovers; how many suspects wait for their grace to pass, and how many records changed
        meanwhile.
        """
        # Records first: a lab made meanwhile is then not mistaken for one that vanished.
        records = {
            record.spec.cml_lab_id: record
            async for record in self._deps.control_plane.lab_records(worker_id=worker.id)
            # A lab that is to be imported is not there yet.
            if record.status.phase is not LabPhase.DELETED and record.spec.cml_lab_id
        }
        cml = self._deps.outside.cml
        seen = [
            _Seen(lab, await cml.nodes(target, lab.id), owner_of(lab.title, lab.notes))
            for lab in await cml.labs(target)
        ]
        outdated = await self._record(worker, seen, records)
        foreign = [each for each in seen if not each.owner]
        await self._deps.control_plane.report_worker_labs(worker.id, ReportWorkerLabs(unmanaged=_usage(foreign)))
        waiting = await self._remove_leftovers(worker, target, seen)
        if worker.status.phase is WorkerPhase.RUNNING and not worker.spec.drain:
            await self._fill_pools(worker, target, seen)
        return waiting, outdated

    async def _fill_pools(self, worker: WorkerView, target: CmlTarget, seen: Sequence[_Seen]) -> None:
        """Bring the worker's copies of each definition to its depth; copies of others are removed."""
        definitions = {
            view.id: view
            async for view in self._deps.control_plane.definitions(phase=DefinitionPhase.ACTIVE.value)
            if view.spec.warm_pool_depth and view.status.content is not None
        }
        kept: dict[str, int] = dict.fromkeys(definitions, 0)
        for each in seen:
            if each.owner != POOL_OWNER:
                continue
            definition_id, sha256 = copy_of(each.lab.notes)
            view = definitions.get(definition_id)
            fits = view is not None and view.status.content is not None and view.status.content.package_sha256 == sha256
            if view is not None and fits and kept[definition_id] < view.spec.warm_pool_depth:
                kept[definition_id] += 1
            elif await self._deps.claim_lab(each.lab.id, f"removal by {worker.id}"):
                await remove_lab(self._deps, target, each.lab.id)
        for definition_id, count in kept.items():
            for _ in range(count, definitions[definition_id].spec.warm_pool_depth):
                if not await import_copy(self._deps, worker.id, target, definitions[definition_id]):
                    break

    async def _record(self, worker: WorkerView, seen: Sequence[_Seen], records: Mapping[str, LabRecordView]) -> int:
        """Store what was seen, but not over what somebody else stored meanwhile; how many of those there are.

        Who starts or stops a lab says so in its record. An older look would take that back, and the next lab on the
        same ports would be started beside it.
        """
        outdated = 0
        reports = [_report(each, records.get(each.lab.id)) for each in seen]
        present = {each.lab.id for each in seen}
        gone = [_gone(record) for lab_id, record in records.items() if lab_id not in present]
        for start in range(0, len(reports + gone), 200):
            items = (reports + gone)[start : start + 200]
            result = await self._deps.control_plane.report_labs(LabRecordBatch(worker_id=worker.id, items=items))
            outdated += sum(item.code == RECORD_CHANGED for item in result.items)
        return outdated

    async def _remove_leftovers(self, worker: WorkerView, target: CmlTarget, seen: Sequence[_Seen]) -> int:
        """Remove labs whose session does not need them, once they were suspects for the grace time."""
        waiting = 0
        now = time.monotonic()
        for each in seen:
            place = (worker.id, each.lab.id)
            if not each.owner or each.owner == POOL_OWNER or await self._needed(worker, each):
                self._suspects.pop(place, None)
                continue
            since = self._suspects.setdefault(place, now)
            if now - since < self._deps.settings.orphan_grace_seconds:
                waiting += 1
                continue
            await remove_lab(self._deps, target, each.lab.id)
            report = _report(each, None).model_copy(update={"phase": LabPhase.DELETED, "seen_version": None})
            await self._deps.control_plane.report_labs(LabRecordBatch(worker_id=worker.id, items=[report]))
            self._suspects.pop(place, None)
        return waiting

    async def _needed(self, worker: WorkerView, each: _Seen) -> bool:
        """Whether the lab's session is alive here and has no other lab."""
        try:
            session = await self._deps.control_plane.session(each.owner)
        except NotFound:
            return False
        status = session.status
        if status.phase in _NOT_HOLDING or status.placement is None or status.placement.worker_id != worker.id:
            return False
        return status.lab is None or status.lab.cml_lab_id == each.lab.id

    # Terminating workers ---------------------------------------------------------------------------------------

    async def _farewell(self, worker: WorkerView) -> Outcome:
        """Export strangers' labs, remove every lab, so that the license can be returned, then clear the finalizer."""
        instance = worker.status.instance
        if not worker.status.endpoint or instance.state not in _POWERED:
            return await self._clear(worker, "Nothing runs on the worker.")
        try:
            target = await self._deps.workers.target(worker)
            for lab in await self._deps.outside.cml.labs(target):
                if not owner_of(lab.title, lab.notes):
                    await self._save(worker, target, lab)
                await remove_lab(self._deps, target, lab.id)
        except OutsideError as error:
            limit = timedelta(minutes=self._deps.settings.labs_unreachable_minutes)
            if self._deps.clock.now() - worker.status.phase_since < limit:
                return Outcome.retry("LabsUnreadable", str(error), after=UNREACHABLE_PAUSE)
            await self._ask_for_help(worker, str(error))
            return await self._clear(worker, "CML stayed unreachable; its labs end with the instance.")
        return await self._clear(worker, "Every lab is removed.")

    async def _save(self, worker: WorkerView, target: CmlTarget, lab: LabInfo) -> None:
        """Keep the topology of a stranger's lab, whose owner may not know that the machine ends."""
        known = {
            record.spec.cml_lab_id: record
            async for record in self._deps.control_plane.lab_records(worker_id=worker.id)
            if record.status.phase is not LabPhase.DELETED
        }
        text = await self._deps.outside.cml.export(target, lab.id)
        artifact = await self._deps.control_plane.upload_artifact(f"{lab.id}.yaml", YAML_TYPE, text.encode())
        seen = _Seen(lab, await self._deps.outside.cml.nodes(target, lab.id), "")
        report = _report(seen, known.get(lab.id)).model_copy(
            update={"export_artifact_id": artifact.id, "seen_version": None}
        )
        await self._deps.control_plane.report_labs(LabRecordBatch(worker_id=worker.id, items=[report]))

    async def _clear(self, worker: WorkerView, message: str) -> Outcome:
        await self._deps.control_plane.report_labs(LabRecordBatch(worker_id=worker.id, complete=True))
        body = ReportWorkerLabs(unmanaged=UnmanagedUsage(), clear_labs_finalizer=True, message=message)
        await self._deps.control_plane.report_worker_labs(worker.id, body)
        await self._deps.outside.cml.forget(worker.id)
        self._deps.workers.forget(worker.id)
        return Outcome.done("LabsGone", message)

    async def _ask_for_help(self, worker: WorkerView, why: str) -> None:
        await self._deps.control_plane.open_task(
            OpenTask(
                dedup_key=f"worker-labs-{worker.id}"[:80],
                title=f"Labs of worker {worker.spec.name} could not be removed",
                description=f"{why} The worker is terminated all the same.",
                severity=TaskSeverity.WARNING,
                target_kind="worker",
                target_id=worker.id,
            )
        )


def _report(each: _Seen, record: LabRecordView | None) -> LabRecordReport:
    managed = bool(each.owner)
    session_id = each.owner if managed and each.owner != POOL_OWNER else ""
    if each.owner == POOL_OWNER:
        source = LabSource.POOL
        definition_id = copy_of(each.lab.notes)[0]
    else:
        definition_id = record.spec.definition_id if record else ""
        source = LabSource.SESSION if managed else record.spec.source if record else LabSource.DISCOVERY
        if source is LabSource.DISCOVERY and import_of(each.lab.notes):
            source = LabSource.IMPORT
    return LabRecordReport(
        cml_lab_id=each.lab.id,
        title=each.lab.title,
        phase=lab_phase(each.lab, each.nodes, record.status.phase if record else None, managed=managed),
        source=source,
        session_id=session_id,
        definition_id=definition_id,
        node_count=each.lab.node_count or len(each.nodes),
        resources=lab_resources(each.nodes),
        ports=lab_ports(each.nodes),
        record_id=import_of(each.lab.notes),
        message="" if managed else "Nobody at LCM made this lab.",
        seen_version=_known_version(each, record),
    )


def _known_version(each: _Seen, record: LabRecordView | None) -> int | None:
    """A lab that was imported on request has a record before it has an id, so no version is expected of it."""
    if record is not None:
        return record.version
    return None if import_of(each.lab.notes) else 0


def _gone(record: LabRecordView) -> LabRecordReport:
    return LabRecordReport(
        cml_lab_id=record.spec.cml_lab_id,
        title=record.spec.title,
        phase=LabPhase.DELETED,
        source=record.spec.source,
        message="No longer on its worker.",
        seen_version=record.version,
    )


def _usage(foreign: Sequence[_Seen]) -> UnmanagedUsage:
    """What strangers' labs take: resources while they run, ports always."""
    total = Resources()
    ports: set[int] = set()
    for each in foreign:
        ports.update(lab_ports(each.nodes))
        if each.lab.state is LabState.STARTED:
            one = lab_resources(each.nodes)
            total = Resources(
                cores=total.cores + one.cores,
                memory_mb=total.memory_mb + one.memory_mb,
                storage_gb=total.storage_gb + one.storage_gb,
                nodes=total.nodes + one.nodes,
            )
    return UnmanagedUsage(labs=len(foreign), resources=total, ports=sorted(ports))
