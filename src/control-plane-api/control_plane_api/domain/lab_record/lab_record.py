"""The LabRecord aggregate: one CML lab on one worker, managed or found."""

from datetime import datetime

from control_plane_api.kernel.aggregate import Resource, ResourceEvent
from control_plane_api.kernel.errors import RuleError
from lcm_core.contracts.labs import LabActionResult
from lcm_core.contracts.workers import LabRecordReport, LabRecordSpec, LabRecordStatus
from lcm_core.domain import LAB_STATES
from lcm_core.domain.vocabulary import Kind, LabPhase, LabSource

ACTIONS = ("start", "stop", "wipe", "delete", "export", "clone", "bind")
IMPORT, BIND = "import", "bind"


class LabObserved(ResourceEvent):
    """Something about a lab changed."""

    phase: LabPhase
    message: str = ""


class LabActionRequested(ResourceEvent):
    """Somebody asked for a lab action."""

    action: str


class LabRuleError(RuleError):
    """A request that the lab's present state does not allow; ``code`` names the rule."""


class LabRecord(Resource[LabRecordSpec, LabRecordStatus]):
    """State and rules of one lab record."""

    KIND = Kind.LAB_RECORD
    SPEC = LabRecordSpec
    STATUS = LabRecordStatus

    @classmethod
    def found(
        cls, record_id: str, worker_id: str, report: LabRecordReport, created_by: str, now: datetime
    ) -> "LabRecord":
        """Record a lab seen for the first time."""
        spec = LabRecordSpec(
            worker_id=worker_id,
            cml_lab_id=report.cml_lab_id,
            title=report.title,
            source=report.source,
            session_id=report.session_id,
            definition_id=report.definition_id,
        )
        record = cls.create(record_id, spec, LabRecordStatus(phase=report.phase), created_by, now)
        record._take(report, now)
        record.record(LabObserved(phase=report.phase, message=report.message))
        return record

    @classmethod
    def awaited(
        cls, record_id: str, worker_id: str, artifact_id: str, title: str, by: str, now: datetime
    ) -> "LabRecord":
        """Record a lab that is to be made of an uploaded topology."""
        spec = LabRecordSpec(
            worker_id=worker_id,
            cml_lab_id="",
            title=title,
            source=LabSource.IMPORT,
            pending_action=IMPORT,
            action_target=artifact_id,
            action_requested_at=now,
            action_requested_by=by,
        )
        status = LabRecordStatus(phase=LabPhase.DEFINED, message="Waits to be imported.")
        record = cls.create(record_id, spec, status, by, now)
        record.record(LabActionRequested(action=IMPORT))
        return record

    def observed(self, report: LabRecordReport, now: datetime) -> bool:
        """Take a newer observation; answers whether anything worth a version changed."""
        before_status = self.status.model_copy(deep=True)
        before_spec = self.spec.model_copy(deep=True)
        if report.phase is not self.status.phase:
            LAB_STATES.require(self.status.phase, report.phase)
            self.status.phase = report.phase
        self.spec.title = report.title
        self.spec.cml_lab_id = self.spec.cml_lab_id or report.cml_lab_id
        self.spec.session_id = report.session_id or self.spec.session_id
        self.spec.definition_id = report.definition_id or self.spec.definition_id
        if report.released:
            self.spec.session_id = ""
        if report.session_id or report.released:
            self.spec.source = report.source
        self._take(report, now)
        seen = before_status.model_copy(update={"last_seen_at": self.status.last_seen_at})
        if seen == self.status and before_spec == self.spec:
            return False
        self.record(LabObserved(phase=report.phase, message=report.message))
        return True

    def gone(self, now: datetime) -> bool:
        """The lab is no longer on its worker."""
        if self.status.phase is LabPhase.DELETED:
            return False
        if self.status.phase is not LabPhase.DELETING:
            LAB_STATES.require(self.status.phase, LabPhase.DELETED if self._may_vanish() else LabPhase.DELETING)
        self.status.phase = LabPhase.DELETED
        self.status.last_seen_at = now
        self.spec.pending_action = ""
        self.record(LabObserved(phase=LabPhase.DELETED, message="No longer on its worker."))
        return True

    def _may_vanish(self) -> bool:
        return LAB_STATES.allows(self.status.phase, LabPhase.DELETED)

    def request(self, action: str, by: str, now: datetime, target: str = "") -> None:
        """Ask the lablet controller for an action on the lab."""
        if action not in ACTIONS:
            raise LabRuleError("UnknownAction", f"A lab can be asked to {', '.join(ACTIONS)}, not to {action}.")
        if self.status.phase is LabPhase.DELETED:
            raise LabRuleError("LabDeleted", f"Lab record {self.key} is of a lab that is gone.")
        if self.spec.pending_action == IMPORT:
            raise LabRuleError("NotImported", f"Lab record {self.key} is of a lab that is being imported.")
        if action == BIND and (self.spec.session_id or self.spec.source is LabSource.POOL):
            raise LabRuleError("LabInUse", f"The lab belongs to {self.spec.session_id or 'the warm pool'}.")
        if self.spec.session_id and action in ("wipe", "delete"):
            raise LabRuleError("LabInUse", f"The lab belongs to session {self.spec.session_id}; end that first.")
        self.touch_spec()
        self.spec.pending_action = action
        self.spec.action_target = target
        self.spec.action_requested_at = now
        self.spec.action_requested_by = by
        self.record(LabActionRequested(action=action))

    def finish_action(self, result: LabActionResult, now: datetime) -> None:
        """Take the outcome of the pending action."""
        self.spec.pending_action = ""
        self.spec.action_target = ""
        self.spec.cml_lab_id = self.spec.cml_lab_id or result.cml_lab_id
        self.status.last_error = "" if result.succeeded else result.message
        self.status.message = result.message
        if result.phase is not None and result.phase is not self.status.phase:
            LAB_STATES.require(self.status.phase, result.phase)
            self.status.phase = result.phase
        if result.export_artifact_id:
            self.status.export_artifact_id = result.export_artifact_id
        self.status.last_seen_at = now
        self.record(LabObserved(phase=self.status.phase, message=result.message))

    def _take(self, report: LabRecordReport, now: datetime) -> None:
        if report.topology_sha256 and self.status.topology_sha256 not in ("", report.topology_sha256):
            self.status.revision += 1
        self.status.topology_sha256 = report.topology_sha256 or self.status.topology_sha256
        self.status.node_count = report.node_count
        self.status.resources = report.resources
        self.status.ports = report.ports
        self.status.export_artifact_id = report.export_artifact_id or self.status.export_artifact_id
        self.status.message = report.message
        self.status.last_seen_at = now
