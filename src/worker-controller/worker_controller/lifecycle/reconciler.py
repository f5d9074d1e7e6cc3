"""The worker controller proper: one worker at a time, observed, decided, acted upon."""

from dataclasses import replace

from lcm_core.clients.control_plane import ControlPlaneClient
from lcm_core.clients.errors import NotFound
from lcm_core.clock import DomainClock
from lcm_core.contracts.workers import ReportWorker, WorkerView
from lcm_core.controller import Informer, Outcome, RetryableError, current_context
from lcm_core.domain.vocabulary import WorkerPhase
from lcm_core.etcd import StateSummary
from worker_controller.concerns import TaskBook
from worker_controller.failpoints import failpoint
from worker_controller.licensing.act import LicenseActor
from worker_controller.licensing.decide import expiry_concern
from worker_controller.lifecycle.act import InstanceActor, report, told
from worker_controller.lifecycle.decide import decide
from worker_controller.lifecycle.decision import Concern, Decision, Step, StepKind
from worker_controller.lifecycle.facts import Facts
from worker_controller.lifecycle.launch import Launcher
from worker_controller.lifecycle.observation import is_news, observation
from worker_controller.lifecycle.observe import Observer, Outside
from worker_controller.pace import Pacer
from worker_controller.settings import WorkerSettings

_LICENSE_STEPS = frozenset({StepKind.REGISTER, StepKind.SET_NODES, StepKind.RENEW, StepKind.DEREGISTER})


class WorkerCache:
    """Workers as last read; read again only when the informer knows of a newer version."""

    def __init__(self, informer: Informer[StateSummary], control_plane: ControlPlaneClient) -> None:
        self._informer = informer
        self._control_plane = control_plane
        self._views: dict[str, WorkerView] = {}

    async def get(self, worker_id: str) -> WorkerView | None:
        """The worker; None when the control plane does not know it. Raises ``ApiError``."""
        known = self._views.get(worker_id)
        if known is not None and known.version >= self._informer.version(worker_id) > 0:
            return known
        try:
            view = await self._control_plane.worker(worker_id)
        except NotFound:
            self._views.pop(worker_id, None)
            return None
        self._views[worker_id] = view
        return view

    def forget(self, worker_id: str) -> None:
        """Read it again the next time."""
        self._views.pop(worker_id, None)


class WorkerReconciler:
    """See ``lcm_core.controller.Reconciler``."""

    def __init__(
        self,
        *,
        workers: WorkerCache,
        control_plane: ControlPlaneClient,
        outside: Outside,
        observer: Observer,
        launcher: Launcher,
        instances: InstanceActor,
        licenses: LicenseActor,
        tasks: TaskBook,
        clock: DomainClock,
        pacer: Pacer,
        settings: WorkerSettings,
    ) -> None:
        self._workers = workers
        self._control_plane = control_plane
        self._outside = outside
        self._observer = observer
        self._launcher = launcher
        self._instances = instances
        self._licenses = licenses
        self._tasks = tasks
        self._clock = clock
        self._pacer = pacer
        self._settings = settings
        self._term = -1

    async def reconcile(self, key: str) -> Outcome:
        """Make one worker so."""
        self._notice_new_leadership()
        worker = await self._workers.get(key)
        if worker is None or worker.status.phase is WorkerPhase.TERMINATED:
            await self._forget(key, worker)
            return Outcome.done("Gone", "The worker is gone.")
        facts = await self._observer.facts(worker)
        now = self._clock.now()
        decision = _with_expiry(decide(worker, facts, now, self._settings), facts, self._clock, self._settings)
        seen = observation(worker, facts, now)
        await self._tasks.keep(key, decision.concerns)
        try:
            sentence, extra = await self._carry_out(worker, decision, facts, told(worker, decision, seen))
        except RetryableError as error:
            if error.reason == "ChangedMeanwhile":
                self._workers.forget(key)
            raise
        if decision.move_to is WorkerPhase.TERMINATED:
            failpoint("worker.ended")
        await self._tasks.settle(key, (*decision.concerns, *extra))
        return self._outcome(worker, decision, sentence)

    def _notice_new_leadership(self) -> None:
        context = current_context()
        term = context.leadership.term if context else 0
        if term != self._term:
            self._term = term
            self._outside.bookings.start_over()
            self._tasks.start_over()

    async def _carry_out(
        self, worker: WorkerView, decision: Decision, facts: Facts, body: ReportWorker
    ) -> tuple[str, tuple[Concern, ...]]:
        """The step, then the report; a launch reports by itself."""
        step = decision.step
        if step is None:
            if is_news(body):
                await report(self._control_plane, worker.id, body)
            return decision.sentence, ()
        if step.kind is StepKind.LAUNCH:
            return await self._launcher.launch(worker, step.number), ()
        extra: tuple[Concern, ...] = ()
        # A step may be pending for long (a license that is registered): what was seen is told first.
        if is_news(body):
            written = await report(self._control_plane, worker.id, body)
            worker = worker.model_copy(update={"version": written.version})
        if step.kind in _LICENSE_STEPS:
            extra = await self._license_step(worker, step, facts)
        else:
            await self._instances.act(worker, step, facts)
        return decision.sentence, extra

    async def _license_step(self, worker: WorkerView, step: Step, facts: Facts) -> tuple[Concern, ...]:
        effect = await self._licenses.act(worker, step, facts, self._clock.now())
        body = effect.report
        if step.requested:
            body = body.model_copy(update={"observed_generation": worker.generation})
        kept = (effect.concern,) if effect.concern is not None else ()
        await self._tasks.keep(worker.id, kept)
        if is_news(body):
            await report(self._control_plane, worker.id, body)
        return kept

    def _outcome(self, worker: WorkerView, decision: Decision, sentence: str) -> Outcome:
        after = self._pacer.real_seconds(decision.pace)
        if worker.status.deadline is not None:
            after = min(after, max(0.05, self._clock.real_seconds_until(worker.status.deadline)) + 0.05)
        return Outcome.requeue_after(after, decision.reason, f"{worker.spec.name}: {sentence}")

    async def _forget(self, key: str, worker: WorkerView | None) -> None:
        """Drop what is kept of a worker that is gone, and close its tasks."""
        if worker is None:
            self._workers.forget(key)
        self._outside.memory.forget(key)
        self._outside.settling.over(key)
        self._outside.credentials.forget(key)
        await self._outside.cml.forget(key)
        await self._tasks.settle(key, ())


def _with_expiry(decision: Decision, facts: Facts, clock: DomainClock, settings: WorkerSettings) -> Decision:
    """The decision with a concern about a license that ends soon."""
    if facts.cml is None or facts.cml.license is None:
        return decision
    concern = expiry_concern(facts.cml.license, clock.now(), settings)
    return replace(decision, concerns=(*decision.concerns, concern)) if concern else decision
