"""Operators' commands on workers."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.authorization.require import require
from control_plane_api.application.base import BaseCommand, Handler
from control_plane_api.application.errors import InvalidError
from control_plane_api.application.worker.guard import refuse_if_sessions_harmed
from control_plane_api.application.worker.making import worker_spec
from control_plane_api.domain.worker.worker import Worker
from control_plane_api.kernel.identifiers import new_id
from lcm_core.clock import DomainClock
from lcm_core.contracts.workers import CreateWorker, ImportWorker, SetWorkerDesired, WorkerView
from lcm_core.domain.vocabulary import WorkerDesired, WorkerOrigin


class WorkerWish(StrEnum):
    """What operators may ask of a worker."""

    START = "start"
    STOP = "stop"
    DRAIN = "drain"
    CANCEL_DRAIN = "cancel-drain"
    TERMINATE = "terminate"
    FORCE = "force"
    REFRESH = "refresh"
    LABS_REFRESH = "labs-refresh"
    LICENSE_REGISTER = "license-register"
    LICENSE_DEREGISTER = "license-deregister"
    LICENSE_RENEW = "license-renew"


ACTION_OF_WISH = {
    WorkerWish.START: Action.WORKER_OPERATE,
    WorkerWish.STOP: Action.WORKER_OPERATE,
    WorkerWish.DRAIN: Action.WORKER_OPERATE,
    WorkerWish.CANCEL_DRAIN: Action.WORKER_OPERATE,
    WorkerWish.REFRESH: Action.WORKER_OPERATE,
    WorkerWish.LABS_REFRESH: Action.WORKER_OPERATE,
    WorkerWish.TERMINATE: Action.WORKER_TERMINATE,
    WorkerWish.FORCE: Action.WORKER_TERMINATE,
    WorkerWish.LICENSE_REGISTER: Action.WORKER_LICENSE,
    WorkerWish.LICENSE_DEREGISTER: Action.WORKER_LICENSE,
    WorkerWish.LICENSE_RENEW: Action.WORKER_LICENSE,
}
"""Which permission each wish needs; the HTTP edge and the handler read the same row."""

_REFRESHES = frozenset({WorkerWish.REFRESH, WorkerWish.LABS_REFRESH})
REFRESH_PAUSE = timedelta(seconds=5)
"""A second wish to look at a worker again within this real time changes nothing."""

_DESIRED = {
    WorkerWish.START: (WorkerDesired.RUNNING, False, "StartedByOperator"),
    WorkerWish.STOP: (WorkerDesired.STOPPED, None, "StoppedByOperator"),
    WorkerWish.DRAIN: (WorkerDesired.STOPPED, True, "DrainedByOperator"),
    WorkerWish.CANCEL_DRAIN: (WorkerDesired.RUNNING, False, "DrainCancelled"),
    WorkerWish.TERMINATE: (WorkerDesired.TERMINATED, None, "TerminatedByOperator"),
}


@dataclass(frozen=True, slots=True)
class AskWorkerCommand(BaseCommand[WorkerView]):
    """Ask something of a worker."""

    worker_id: str
    wish: WorkerWish
    reason: str = ""
    expected_version: int | None = None


class AskWorkerHandler(Handler[AskWorkerCommand, WorkerView]):
    """Checks that no session is harmed, then stores the wish."""

    async def handle_async(self, request: AskWorkerCommand) -> WorkerView:
        """Answers the worker after the change."""
        require(request.principal, ACTION_OF_WISH[request.wish])
        worker = await self._deps.workers.get(request.worker_id)
        if request.wish in (WorkerWish.STOP, WorkerWish.TERMINATE) and not worker.spec.force:
            await refuse_if_sessions_harmed(self._deps, worker, request.wish)
        if request.wish is WorkerWish.LICENSE_DEREGISTER:
            await refuse_if_sessions_harmed(self._deps, worker, request.wish)
        now = self._deps.clock.now()
        if request.wish in _REFRESHES and not await self._refresh_is_due(worker, request, now):
            return worker.view(WorkerView)

        def mutate(current: Worker) -> None:
            if request.wish in _DESIRED:
                desired, drain, reason = _DESIRED[request.wish]
                message = request.reason or f"{request.wish} by {request.principal.actor}"
                current.set_desired(SetWorkerDesired(desired=desired, drain=drain, reason=reason, message=message), now)
            elif request.wish is WorkerWish.FORCE:
                current.force_end()
            else:
                current.request(request.wish, now)

        worker = await self._deps.workers.update(request.worker_id, mutate, expected_version=request.expected_version)
        return worker.view(WorkerView)

    async def _refresh_is_due(self, worker: Worker, request: AskWorkerCommand, now: datetime) -> bool:
        """Whether to look again; who asks every second is told that the last look still counts."""
        labs = request.wish is WorkerWish.LABS_REFRESH
        asked = worker.spec.labs_refresh_requested_at if labs else worker.spec.refresh_requested_at
        clock = self._deps.clock
        pause = REFRESH_PAUSE * (clock.factor if isinstance(clock, DomainClock) else 1.0)
        due = asked is None or now - asked >= pause
        told = {
            "worker_id": worker.key,
            "what": "labs" if labs else "worker",
            "requested_by": request.principal.username,
            "requested_at": (now if due or asked is None else asked).isoformat(),
        }
        await self._deps.broadcasts.send(f"worker.refresh.{'requested' if due else 'throttled'}", told)
        return due


@dataclass(frozen=True, slots=True)
class CreateWorkerCommand(BaseCommand[WorkerView]):
    """Launch a worker by hand."""

    body: CreateWorker


class CreateWorkerHandler(Handler[CreateWorkerCommand, WorkerView]):
    """Creates a wanted worker from a template."""

    async def handle_async(self, request: CreateWorkerCommand) -> WorkerView:
        """The new worker. Raises ``InvalidError`` for an unknown template or region."""
        require(request.principal, Action.WORKER_CREATE)
        template = await self._deps.templates.find(request.body.template_id)
        if template is None:
            raise InvalidError.field(
                "UnknownTemplate", "template_id", f"there is no template {request.body.template_id}"
            )
        region = request.body.region or template.spec.regions[0]
        if region not in template.spec.regions:
            allowed = ", ".join(template.spec.regions)
            raise InvalidError.field("UnknownRegion", "region", f"the template allows {allowed}, not {region}")
        worker_id = new_id()
        spec = worker_spec(template, worker_id, region, name=request.body.name, tags=request.body.tags)
        message = f"Launched by {request.principal.actor}."
        worker = Worker.want(
            worker_id,
            spec,
            "CreatedByOperator",
            message,
            request.principal.actor,
            self._deps.clock.now(),
            self._deps.limits,
        )
        if not await self._deps.workers.add(worker):
            worker = await self._deps.workers.get(worker_id)
        return worker.view(WorkerView)


@dataclass(frozen=True, slots=True)
class ImportWorkerCommand(BaseCommand[WorkerView]):
    """Take over an existing instance."""

    body: ImportWorker


class ImportWorkerHandler(Handler[ImportWorkerCommand, WorkerView]):
    """Creates a worker that adopts the instance; the id is derived, so importing twice is one worker."""

    async def handle_async(self, request: ImportWorkerCommand) -> WorkerView:
        """The new or known worker."""
        require(request.principal, Action.WORKER_CREATE)
        template = await self._deps.templates.find(request.body.template_id)
        if template is None:
            raise InvalidError.field(
                "UnknownTemplate", "template_id", f"there is no template {request.body.template_id}"
            )
        worker_id = f"imported-{request.body.instance_id}"
        spec = worker_spec(template, worker_id, request.body.region, name=request.body.name)
        spec.origin = WorkerOrigin.IMPORTED
        spec.import_instance_id = request.body.instance_id
        message = f"Imported by {request.principal.actor}."
        worker = Worker.want(
            worker_id,
            spec,
            "Imported",
            message,
            request.principal.actor,
            self._deps.clock.now(),
            self._deps.limits,
        )
        if not await self._deps.workers.add(worker):
            worker = await self._deps.workers.get(worker_id)
        return worker.view(WorkerView)


@dataclass(frozen=True, slots=True)
class TagWorkerCommand(BaseCommand[WorkerView]):
    """Replace the operator's tags."""

    worker_id: str
    tags: dict[str, str]
    expected_version: int | None = None


class TagWorkerHandler(Handler[TagWorkerCommand, WorkerView]):
    """Stores the tags; the worker controller copies them to EC2."""

    async def handle_async(self, request: TagWorkerCommand) -> WorkerView:
        """Answers the worker after the change."""
        require(request.principal, Action.WORKER_TAG)

        def mutate(worker: Worker) -> None:
            worker.retag(request.tags)

        worker = await self._deps.workers.update(request.worker_id, mutate, expected_version=request.expected_version)
        return worker.view(WorkerView)


@dataclass(frozen=True, slots=True)
class SnoozeWorkerCommand(BaseCommand[WorkerView]):
    """Keep idle detection away."""

    worker_id: str
    until: datetime | None


class SnoozeWorkerHandler(Handler[SnoozeWorkerCommand, WorkerView]):
    """Stores the instant."""

    async def handle_async(self, request: SnoozeWorkerCommand) -> WorkerView:
        """Answers the worker after the change."""
        require(request.principal, Action.WORKER_OPERATE)

        def mutate(worker: Worker) -> None:
            worker.snooze(request.until)

        return (await self._deps.workers.update(request.worker_id, mutate)).view(WorkerView)


@dataclass(frozen=True, slots=True)
class MonitorWorkerCommand(BaseCommand[WorkerView]):
    """Switch EC2's detailed monitoring of a worker."""

    worker_id: str
    detailed: bool
    expected_version: int | None = None


class MonitorWorkerHandler(Handler[MonitorWorkerCommand, WorkerView]):
    """Stores the wish; the worker controller tells EC2."""

    async def handle_async(self, request: MonitorWorkerCommand) -> WorkerView:
        """Answers the worker after the change."""
        require(request.principal, Action.WORKER_OPERATE)

        def mutate(worker: Worker) -> None:
            worker.monitor(request.detailed)

        worker = await self._deps.workers.update(request.worker_id, mutate, expected_version=request.expected_version)
        return worker.view(WorkerView)
