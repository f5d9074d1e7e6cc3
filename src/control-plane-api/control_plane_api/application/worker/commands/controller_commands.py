"""Controllers' writes about workers: needs, desired state, observations, metrics."""

import hashlib
from dataclasses import dataclass

from control_plane_api.application.base import BaseCommand, Handler, written
from control_plane_api.application.worker.guard import refuse_if_sessions_harmed
from control_plane_api.application.worker.making import worker_spec
from control_plane_api.domain.worker.worker import Worker
from lcm_core.contracts.common import BulkItemResult, BulkResult, Written
from lcm_core.contracts.workers import (
    MetricsBatch,
    ReportWorker,
    ReportWorkerLabs,
    ScaleUpBatch,
    ScaleUpNeed,
    SetWorkerDesired,
)
from lcm_core.domain.vocabulary import WorkerDesired


@dataclass(frozen=True, slots=True)
class ScaleUpCommand(BaseCommand[BulkResult]):
    """Create workers."""

    batch: ScaleUpBatch


class ScaleUpHandler(Handler[ScaleUpCommand, BulkResult]):
    """One worker per need, with an id derived from it: repeating a need finds the worker it made."""

    async def handle_async(self, request: ScaleUpCommand) -> BulkResult:
        """Per need: 201 with the new worker's id, 200 for a known one, 409/404 with the reason."""
        actor = request.principal.actor
        return BulkResult(items=[await self._create(need, actor) for need in request.batch.items])

    async def _create(self, need: ScaleUpNeed, actor: str) -> BulkItemResult:
        worker_id = "w" + hashlib.sha256(need.need_id.encode()).hexdigest()[:20]
        known = await self._deps.workers.find(worker_id)
        if known is not None:
            return BulkItemResult(id=worker_id, status=200, version=known.version)
        template = await self._deps.templates.find(need.template_id)
        if template is None:
            detail = f"There is no template {need.template_id}."
            return BulkItemResult(id=worker_id, status=404, code="UnknownTemplate", detail=detail)
        if not template.spec.enabled or need.region not in template.spec.regions:
            detail = f"Template {template.spec.name} does not launch in {need.region}."
            return BulkItemResult(id=worker_id, status=409, code="TemplateNotUsable", detail=detail)
        spec = worker_spec(template, worker_id, need.region, need_id=need.need_id)
        worker = Worker.want(
            worker_id, spec, need.reason, need.message, actor, self._deps.clock.now(), self._deps.limits
        )
        added = await self._deps.workers.add(worker)
        return BulkItemResult(id=worker_id, status=201 if added else 200, version=worker.version)


@dataclass(frozen=True, slots=True)
class SetWorkerDesiredCommand(BaseCommand[Written]):
    """Wake, stop, drain or terminate on the scheduler's word."""

    worker_id: str
    body: SetWorkerDesired


class SetWorkerDesiredHandler(Handler[SetWorkerDesiredCommand, Written]):
    """The control plane's claims are the last word: no stop under a live or imminent session."""

    async def handle_async(self, request: SetWorkerDesiredCommand) -> Written:
        """Where the worker stands now."""
        worker = await self._deps.workers.get(request.worker_id)
        if request.body.desired is not WorkerDesired.RUNNING and not request.body.drain:
            await refuse_if_sessions_harmed(self._deps, worker, request.body.desired)

        def mutate(current: Worker) -> None:
            current.set_desired(request.body, self._deps.clock.now(), scaled=True)

        worker = await self._deps.workers.update(
            request.worker_id, mutate, expected_version=request.body.expected_version
        )
        return written(worker, worker.phase)


@dataclass(frozen=True, slots=True)
class ReportWorkerCommand(BaseCommand[Written]):
    """What the worker controller observed."""

    worker_id: str
    body: ReportWorker


class ReportWorkerHandler(Handler[ReportWorkerCommand, Written]):
    """Stores observations and moves."""

    async def handle_async(self, request: ReportWorkerCommand) -> Written:
        """Where the worker stands now."""

        def mutate(worker: Worker) -> None:
            worker.report(request.body, self._deps.clock.now(), self._deps.limits)

        worker = await self._deps.workers.update(
            request.worker_id, mutate, expected_version=request.body.expected_version
        )
        return written(worker, worker.phase)


@dataclass(frozen=True, slots=True)
class ReportWorkerLabsCommand(BaseCommand[Written]):
    """What the lablet controller observed about a worker's labs."""

    worker_id: str
    body: ReportWorkerLabs


class ReportWorkerLabsHandler(Handler[ReportWorkerLabsCommand, Written]):
    """Stores unmanaged usage and clears the ``labs`` finalizer."""

    async def handle_async(self, request: ReportWorkerLabsCommand) -> Written:
        """Where the worker stands now."""

        def mutate(worker: Worker) -> None:
            worker.report_labs(request.body)

        worker = await self._deps.workers.update(
            request.worker_id, mutate, expected_version=request.body.expected_version
        )
        return written(worker, worker.phase)


@dataclass(frozen=True, slots=True)
class RecordMetricsCommand(BaseCommand[None]):
    """Metrics samples."""

    batch: MetricsBatch


class RecordMetricsHandler(Handler[RecordMetricsCommand, None]):
    """Stores samples beside the workers; their versions stay (ruling 6)."""

    async def handle_async(self, request: RecordMetricsCommand) -> None:
        """Nothing to answer."""
        for item in request.batch.items:
            await self._deps.metrics.record(item.worker_id, item.metrics)
