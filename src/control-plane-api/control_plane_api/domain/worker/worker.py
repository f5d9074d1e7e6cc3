"""The Worker aggregate: one EC2 instance running CML, wanted by the platform and observed by its controller."""

from datetime import datetime, timedelta

from control_plane_api.domain.deadlines import DeadlineSettings, worker_deadline
from control_plane_api.domain.worker.events import (
    WorkerMoved,
    WorkerObserved,
    WorkerScaledDown,
    WorkerSpecChanged,
    WorkerWanted,
)
from control_plane_api.kernel.aggregate import Resource
from control_plane_api.kernel.errors import RuleError
from lcm_core.contracts.workers import (
    ReportWorker,
    ReportWorkerLabs,
    SetWorkerDesired,
    WorkerPhaseChange,
    WorkerSpec,
    WorkerStatus,
)
from lcm_core.domain import WORKER_PHASES_WITH_INSTANCE_COST, WORKER_STATES
from lcm_core.domain.vocabulary import (
    ConditionStatus,
    Kind,
    WorkerCondition,
    WorkerDesired,
    WorkerFinalizer,
    WorkerPhase,
)

HISTORY_LIMIT = 20
NEEDED_FOR_SCHEDULING = (
    WorkerCondition.INSTANCE_RUNNING,
    WorkerCondition.CML_REACHABLE,
    WorkerCondition.CML_READY,
    WorkerCondition.LICENSED,
    WorkerCondition.CAPACITY_KNOWN,
)
_OBSERVED_FIELDS = ("instance", "attempt", "endpoint", "cml", "license", "capacity")


class WorkerRuleError(RuleError):
    """A request that the worker's present state does not allow; ``code`` names the rule."""


class Worker(Resource[WorkerSpec, WorkerStatus]):
    """State and rules of one worker."""

    KIND = Kind.WORKER
    SPEC = WorkerSpec
    STATUS = WorkerStatus

    @classmethod
    def want(
        cls,
        worker_id: str,
        spec: WorkerSpec,
        reason: str,
        message: str,
        created_by: str,
        now: datetime,
        limits: DeadlineSettings,
    ) -> "Worker":
        """Ask for a worker; the worker controller launches or adopts the instance."""
        status = WorkerStatus(
            phase_since=now,
            reason=reason,
            message=message,
            capacity=spec.declared_capacity,
            finalizers=[WorkerFinalizer.LABS, WorkerFinalizer.LICENSE, WorkerFinalizer.INSTANCE],
            deadline=worker_deadline(WorkerPhase.PENDING, now, limits),
            history=[WorkerPhaseChange(phase=WorkerPhase.PENDING, at=now, reason=reason, message=message)],
        )
        worker = cls.create(worker_id, spec, status, created_by, now)
        worker.record(WorkerWanted(reason=reason, message=message, template_id=spec.template_id, region=spec.region))
        return worker

    @property
    def phase(self) -> WorkerPhase:
        """Where the worker stands."""
        return self.status.phase

    # Wishes ----------------------------------------------------------------------------------------------------

    def set_desired(self, request: SetWorkerDesired, now: datetime, *, scaled: bool = False) -> bool:
        """Change what is wanted; the caller has checked the claims. Answers whether anything changed."""
        drain = self.spec.drain if request.drain is None else request.drain
        if (request.desired, drain) == (self.spec.desired, self.spec.drain):
            return False
        self._refuse_when_gone()
        if self.spec.desired is WorkerDesired.TERMINATED and request.desired is not WorkerDesired.TERMINATED:
            raise WorkerRuleError("Terminating", f"Worker {self.key} is being terminated; that cannot be taken back.")
        self.touch_spec()
        if drain and not self.spec.drain:
            self.status.drain_deadline = now + timedelta(minutes=self.spec.drain_timeout_minutes)
        if not drain:
            self.status.drain_deadline = None
        self.spec.desired = request.desired
        self.spec.drain = drain
        self.spec.desired_reason = request.message
        self._judge(now)
        self.record(WorkerSpecChanged(change=f"desired={request.desired}", message=request.message))
        if scaled and request.desired is not WorkerDesired.RUNNING:
            self.record(WorkerScaledDown(reason=request.reason, message=request.message))
        return True

    def force_end(self) -> None:
        """Let an admin end the sessions of a draining worker."""
        self._refuse_when_gone()
        self.touch_spec()
        self.spec.force = True
        self.record(WorkerSpecChanged(change="force", message="Sessions on it may be ended."))

    def request(self, change: str, now: datetime) -> None:
        """Record a trigger that the worker or lablet controller carries out: refresh, labs-refresh, license-…"""
        self._refuse_when_gone()
        self.touch_spec()
        match change:
            case "refresh":
                self.spec.refresh_requested_at = now
            case "labs-refresh":
                self.spec.labs_refresh_requested_at = now
            case "license-register" | "license-deregister" | "license-renew":
                self.spec.license_action = change.removeprefix("license-")
                self.spec.license_action_requested_at = now
            case _:
                raise WorkerRuleError("UnknownAction", f"{change} is not something a worker can be asked to do.")
        self.record(WorkerSpecChanged(change=change, message=f"{change} requested."))

    def snooze(self, until: datetime | None) -> None:
        """Keep idle detection away until an instant; None ends the snooze."""
        self._refuse_when_gone()
        self.touch_spec()
        self.spec.snoozed_until = until
        self.record(WorkerSpecChanged(change="snooze", message=f"Idle pause off until {until}."))

    def monitor(self, detailed: bool) -> None:
        """Switch EC2's detailed monitoring; the worker controller carries it out."""
        self._refuse_when_gone()
        if detailed == self.spec.detailed_monitoring:
            return
        self.touch_spec()
        self.spec.detailed_monitoring = detailed
        message = f"Detailed monitoring is to be switched {'on' if detailed else 'off'}."
        self.record(WorkerSpecChanged(change="monitoring", message=message))

    def retag(self, tags: dict[str, str]) -> None:
        """Replace the operator's tags."""
        self._refuse_when_gone()
        if tags == self.spec.tags:
            return
        self.touch_spec()
        self.spec.tags = tags
        self.record(WorkerSpecChanged(change="tags", message="Tags changed."))

    def _refuse_when_gone(self) -> None:
        if self.phase is WorkerPhase.TERMINATED:
            raise WorkerRuleError("Terminated", f"Worker {self.key} is gone.")

    # Observations ----------------------------------------------------------------------------------------------

    def report(self, request: ReportWorker, now: datetime, limits: DeadlineSettings) -> bool:
        """Store what the worker controller observed; answers whether anything changed."""
        before = self.status.model_copy(deep=True)
        action_before = self.spec.license_action
        self._absorb(request, now)
        if request.phase is not None and request.phase is not self.phase:
            self._move(request.phase, request.reason or "Observed", request.message or "", now, limits)
        else:
            self.status.message = self.status.message if request.message is None else request.message
            self.status.reason = self.status.reason if request.reason is None else request.reason
        self._judge(now)
        if before == self.status and action_before == self.spec.license_action:
            return False
        if before.phase is self.phase:
            self.record(WorkerObserved(message=self.status.message))
        return True

    def _absorb(self, request: ReportWorker, now: datetime) -> None:
        for name in _OBSERVED_FIELDS:
            value = getattr(request, name)
            if value is not None:
                setattr(self.status, name, value)
        if request.observed_generation is not None:
            self.status.observed_generation = max(self.status.observed_generation, request.observed_generation)
        if request.clear_idle:
            self.status.idle_since = None
        elif request.idle_since is not None:
            self.status.idle_since = request.idle_since
        if request.clear_license_action:
            self.spec.license_action = ""
        for report in request.conditions:
            self.set_condition(report.type, report.status, report.reason, report.message, now)
        for finalizer in request.clear_finalizers:
            self.clear_finalizer(finalizer)

    def clear_finalizer(self, finalizer: WorkerFinalizer) -> None:
        """Mark a hook as done; hooks clear in their listed order."""
        if finalizer not in self.status.finalizers:
            return
        first = self.status.finalizers[0]
        if first is not finalizer:
            raise WorkerRuleError("FinalizerOrder", f"Worker {self.key}: {first} must be cleared before {finalizer}.")
        self.status.finalizers = self.status.finalizers[1:]

    def report_labs(self, request: ReportWorkerLabs) -> bool:
        """Store what unmanaged labs take; answers whether anything changed."""
        changed = self.status.unmanaged != request.unmanaged
        self.status.unmanaged = request.unmanaged
        if request.clear_labs_finalizer and WorkerFinalizer.LABS in self.status.finalizers:
            self.clear_finalizer(WorkerFinalizer.LABS)
            changed = True
        if changed:
            self.record(WorkerObserved(message=request.message or self.status.message))
        return changed

    def claims_changed(self) -> None:
        """Count a change of the claims, so that followers look."""
        self.status.claims_version += 1
        self.record(WorkerObserved(message=self.status.message))

    def _move(self, to: WorkerPhase, reason: str, message: str, now: datetime, limits: DeadlineSettings) -> None:
        previous = self.phase
        WORKER_STATES.require(previous, to)
        if to is WorkerPhase.TERMINATED and self.status.finalizers:
            left = ", ".join(self.status.finalizers)
            raise WorkerRuleError("FinalizersLeft", f"Worker {self.key} cannot be gone before: {left}.")
        if previous in WORKER_PHASES_WITH_INSTANCE_COST:
            seconds = max(0.0, (now - self.status.phase_since).total_seconds())
            self.status.running_seconds += seconds
            self.status.cost_usd = round(self.status.cost_usd + seconds / 3600 * self.spec.hourly_cost_usd, 4)
        self.status.phase, self.status.phase_since = to, now
        self.status.reason, self.status.message = reason, message
        self.status.deadline = (
            self.status.drain_deadline if to is WorkerPhase.DRAINING else worker_deadline(to, now, limits)
        )
        change = WorkerPhaseChange(phase=to, at=now, reason=reason, message=message)
        self.status.history = [*self.status.history, change][-HISTORY_LIMIT:]
        self.record(WorkerMoved(previous=previous, phase=to, reason=reason, message=message))

    def _judge(self, now: datetime) -> None:
        """Derive ``Schedulable`` from the phase and the layers, naming the first that fails."""
        states = {condition.type: condition for condition in self.status.conditions}
        failing = next(
            (
                name
                for name in NEEDED_FOR_SCHEDULING
                if name not in states or states[name].status is not ConditionStatus.TRUE
            ),
            None,
        )
        if self.phase is not WorkerPhase.RUNNING:
            ok, reason, message = False, "NotRunning", f"The worker is {self.phase}."
        elif self.spec.drain:
            ok, reason, message = False, "Draining", "The worker is being drained."
        elif self.spec.desired is not WorkerDesired.RUNNING:
            ok, reason, message = False, "NotWanted", f"The worker is wanted {self.spec.desired}."
        elif failing is not None:
            ok, reason, message = False, f"Not{failing}", f"{failing} is not true yet."
        else:
            ok, reason, message = True, "Ready", "Takes sessions."
        self.status.schedulable = ok
        self.set_condition(WorkerCondition.SCHEDULABLE, ok, reason, message, now)
