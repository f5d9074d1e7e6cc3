"""What people ask of single labs: start, stop, wipe, delete, export, clone, import, bind."""

import copy
from collections.abc import Awaitable, Callable

from lablet_controller.failpoints import failpoint
from lablet_controller.labs.asking import Imports
from lablet_controller.labs.holders import port_holder
from lablet_controller.labs.teardown import remove_lab, stop_lab, wait_converged
from lablet_controller.outside import Deps
from lcm_core.clients.errors import Conflict, NotFound, PreconditionFailed
from lcm_core.content.errors import ContentRefused
from lcm_core.contracts.labs import LabActionResult
from lcm_core.contracts.sessions import LabRef, ReportSession
from lcm_core.contracts.workers import LabRecordBatch, LabRecordReport, LabRecordView, WorkerView
from lcm_core.controller import Outcome, RetryableError
from lcm_core.domain.vocabulary import LabPhase, LabSource, SessionPhase, WorkerPhase
from lcm_core.spi.cml_system import CmlTarget
from lcm_core.spi.errors import OutsideNotFound, OutsideRefused, OutsideUnavailable
from lcm_core.topology import lab_title, parse_topology
from lcm_core.topology.rewrite import dump_topology, lab_notes

_SERVING = frozenset({WorkerPhase.RUNNING, WorkerPhase.DRAINING, WorkerPhase.STARTING})
YAML_TYPE = "application/yaml"
CLONE_MARK = "lcm-clone:"
IMPORT_MARK = "lcm-import:"


def import_of(notes: str) -> str:
    """The record of the import that made a lab, empty for other labs."""
    first = notes.partition("\n")[0]
    return first.removeprefix(IMPORT_MARK).strip() if first.startswith(IMPORT_MARK) else ""


class LabActionReconciler:
    """Carries out pending actions; an action may be repeated after a crash at any point."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._imports = Imports(deps)
        self._actions: dict[str, Callable[[LabRecordView, CmlTarget], Awaitable[LabActionResult]]] = {
            "start": self._start,
            "stop": self._stop,
            "wipe": self._wipe,
            "delete": self._delete,
            "export": self._export,
            "clone": self._clone,
            "import": self._import,
            "bind": self._bind,
        }

    async def reconcile(self, key: str) -> Outcome:
        """One lab record."""
        try:
            record = await self._deps.control_plane.lab_record(key)
        except NotFound:
            return Outcome.done("Gone", "The record does not exist any more.")
        asked = record.spec.pending_action
        if not asked:
            return Outcome.done("NothingAsked", "Nothing is asked of this lab.")
        worker = await self._deps.workers.get(record.spec.worker_id)
        result = await self._carry_out(record, worker)
        await self._deps.control_plane.finish_lab_action(key, result)
        self._imports.over(record)
        reason = "ActionDone" if result.succeeded else "ActionFailed"
        return Outcome.done(reason, f"{asked}: {result.message}")

    async def _carry_out(self, record: LabRecordView, worker: WorkerView | None) -> LabActionResult:
        if worker is None or worker.status.phase not in _SERVING:
            state = worker.status.phase if worker else "gone"
            return LabActionResult(succeeded=False, message=f"The worker is {state}.")
        action = self._actions.get(record.spec.pending_action)
        if action is None:
            return LabActionResult(succeeded=False, message=f"Labs cannot be asked to {record.spec.pending_action}.")
        if not record.spec.cml_lab_id and record.spec.pending_action != "import":
            # What is left of an import that failed.
            return LabActionResult(succeeded=True, message="There is no lab.", phase=LabPhase.DELETED)
        try:
            return await action(record, await self._deps.workers.target(worker))
        except OutsideNotFound as error:
            return LabActionResult(succeeded=False, message=f"The lab is gone: {error}", phase=LabPhase.DELETED)
        except (OutsideRefused, ContentRefused) as error:
            return LabActionResult(succeeded=False, message=str(error)[:2000])
        except OutsideUnavailable as error:
            raise RetryableError("CmlUnavailable", str(error)) from error

    async def _start(self, record: LabRecordView, target: CmlTarget) -> LabActionResult:
        worker_id, ports = record.spec.worker_id, record.status.ports
        holder = await port_holder(self._deps, target, worker_id, ports, record_id=record.id)
        if holder:
            return LabActionResult(succeeded=False, message=f"{holder!r} runs on its ports; stop that lab first.")
        await self._deps.outside.cml.start(target, record.spec.cml_lab_id)
        pause = await wait_converged(self._deps, target, record.spec.cml_lab_id)
        phase = LabPhase.BOOTED if pause is None else LabPhase.STARTING
        return LabActionResult(succeeded=True, message="Started.", phase=phase)

    async def _stop(self, record: LabRecordView, target: CmlTarget) -> LabActionResult:
        await stop_lab(self._deps, target, record.spec.cml_lab_id)
        return LabActionResult(succeeded=True, message="Stopped.", phase=LabPhase.STOPPED)

    async def _wipe(self, record: LabRecordView, target: CmlTarget) -> LabActionResult:
        await stop_lab(self._deps, target, record.spec.cml_lab_id)
        await self._deps.outside.cml.wipe(target, record.spec.cml_lab_id)
        return LabActionResult(succeeded=True, message="Wiped.", phase=LabPhase.WIPED)

    async def _delete(self, record: LabRecordView, target: CmlTarget) -> LabActionResult:
        await remove_lab(self._deps, target, record.spec.cml_lab_id)
        return LabActionResult(succeeded=True, message="Removed.", phase=LabPhase.DELETED)

    async def _export(self, record: LabRecordView, target: CmlTarget) -> LabActionResult:
        text = await self._deps.outside.cml.export(target, record.spec.cml_lab_id)
        artifact = await self._deps.control_plane.upload_artifact(f"{record.id}.yaml", YAML_TYPE, text.encode())
        return LabActionResult(succeeded=True, message="Exported.", export_artifact_id=artifact.id)

    async def _clone(self, record: LabRecordView, target: CmlTarget) -> LabActionResult:
        """A copy that belongs to nobody; its notes name the request, so that a repetition adopts it."""
        cml = self._deps.outside.cml
        asked = record.spec.action_requested_at
        mark = f"{CLONE_MARK} {record.id} {asked.isoformat() if asked else ''}"
        title = f"Clone of {record.spec.title}"[:64].rstrip()
        copies = [lab.id for lab in await cml.labs(target) if lab.notes.startswith(mark)]
        if not copies:
            root = copy.deepcopy(parse_topology(await cml.export(target, record.spec.cml_lab_id)).document.value)
            assert isinstance(root, dict)  # the parser refused anything else
            root["lab"] |= {"title": title, "notes": mark}
            with self._imports.asking(record):
                copies = [await cml.import_lab(target, dump_topology(root))]
            failpoint("clone.imported")
        report = LabRecordReport(
            cml_lab_id=copies[0],
            title=title,
            phase=LabPhase.DEFINED,
            source=LabSource.CLONE,
            node_count=record.status.node_count,
            resources=record.status.resources,
            ports=record.status.ports,
        )
        await self._deps.control_plane.report_labs(LabRecordBatch(worker_id=record.spec.worker_id, items=[report]))
        return LabActionResult(succeeded=True, message=f"Cloned as {copies[0]}.")

    async def _import(self, record: LabRecordView, target: CmlTarget) -> LabActionResult:
        """A lab of an upload; its notes name the record, so that a repetition and the next look find it."""
        cml, mark = self._deps.outside.cml, f"{IMPORT_MARK} {record.id}"
        made = [lab.id for lab in await cml.labs(target) if import_of(lab.notes) == record.id]
        if not made:
            try:
                topology = parse_topology(await self._deps.control_plane.artifact_content(record.spec.action_target))
            except NotFound:
                return _not_imported("The upload has expired; upload the topology again.")
            except ContentRefused as error:
                return _not_imported(str(error))
            root = copy.deepcopy(topology.document.value)
            assert isinstance(root, dict)  # the parser refused anything else
            title = (record.spec.title or topology.title)[:64].rstrip()
            root["lab"] |= {"title": title, "notes": f"{mark}\n{topology.notes}"}
            try:
                with self._imports.asking(record):
                    made = [await cml.import_lab(target, dump_topology(root, as_json=topology.document.is_json))]
            except OutsideRefused as error:
                return _not_imported(str(error))
            failpoint("lab.given")
        return LabActionResult(succeeded=True, message="Imported.", phase=LabPhase.DEFINED, cml_lab_id=made[0])

    async def _bind(self, record: LabRecordView, target: CmlTarget) -> LabActionResult:
        """Give the lab to a session: first on the session, which may have gone on, then in the lab."""
        cml, lab_id = self._deps.outside.cml, record.spec.cml_lab_id
        session = await self._deps.control_plane.session(record.spec.action_target)
        lab = await cml.lab(target, lab_id)
        title = lab_title(session.id, session.spec.definition_title)
        held, placement = session.status.lab, session.status.placement
        if held is None or held.cml_lab_id != lab_id:
            here = placement is not None and placement.worker_id == record.spec.worker_id
            if held is not None or not here or session.status.phase is not SessionPhase.SCHEDULED:
                return LabActionResult(succeeded=False, message=f"Session {session.id} has gone on without this lab.")
            reference = LabRef(lab_record_id=record.id, cml_lab_id=lab_id, title=title)
            body = ReportSession(expected_version=session.version, lab=reference, message="Has a lab of its own.")
            try:
                await self._deps.control_plane.report_session(session.id, body)
            except (Conflict, PreconditionFailed) as error:
                raise RetryableError("SessionChanged", str(error)) from error
            failpoint("lab.given")
        await cml.rename(target, lab_id, title, lab_notes(session.id, lab.notes))
        report = LabRecordReport(
            cml_lab_id=lab_id,
            title=title,
            phase=record.status.phase,
            source=LabSource.SESSION,
            session_id=session.id,
            definition_id=session.spec.definition_id,
            node_count=record.status.node_count,
            resources=record.status.resources,
            ports=record.status.ports,
        )
        await self._deps.control_plane.report_labs(LabRecordBatch(worker_id=record.spec.worker_id, items=[report]))
        return LabActionResult(succeeded=True, message=f"Bound to session {session.id}.")


def _not_imported(message: str) -> LabActionResult:
    return LabActionResult(succeeded=False, message=message[:2000], phase=LabPhase.ERROR)
