"""Collecting metrics as a controller with one key, so that one process does it and its writes are fenced."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lcm_core.clients.control_plane import ControlPlaneClient
from lcm_core.clients.errors import ApiError
from lcm_core.clock import DomainClock
from lcm_core.contracts.workers import MetricsBatch, MetricsItem, WorkerView
from lcm_core.controller import Informer, Outcome
from lcm_core.domain.vocabulary import WorkerPhase
from lcm_core.etcd import StateSummary
from lcm_core.spi.cloudwatch import CloudWatch, CloudWatchError, InstanceMetrics
from lcm_core.spi.cml_system import CmlError, CmlSystem, CmlTarget, SystemStats
from worker_controller.credentials import Credentials
from worker_controller.lifecycle.reconciler import WorkerCache
from worker_controller.metrics.push import PushListeners
from worker_controller.metrics.samples import sample
from worker_controller.pace import Pacer
from worker_controller.settings import WorkerSettings

KEY = "metrics"
BATCH = 500
_SERVING = frozenset({WorkerPhase.RUNNING.value, WorkerPhase.DRAINING.value})
_BASIC_PERIOD, _DETAILED_PERIOD = 300, 60
PUSH_SECONDS = 30.0
"""Real seconds for which a pushed value counts as present; CML pushes every few seconds."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where samples come from."""

    cml: CmlSystem
    cloudwatch: CloudWatch
    credentials: Credentials
    listeners: PushListeners


class MetricsReconciler:
    """See ``lcm_core.controller.Reconciler``."""

    def __init__(
        self,
        informer: Informer[StateSummary],
        workers: WorkerCache,
        control_plane: ControlPlaneClient,
        sources: Sources,
        clock: DomainClock,
        pacer: Pacer,
        settings: WorkerSettings,
    ) -> None:
        self._informer = informer
        self._workers = workers
        self._control_plane = control_plane
        self._sources = sources
        self._clock = clock
        self._pacer = pacer
        self._settings = settings
        self._gate = asyncio.Semaphore(16)

    async def reconcile(self, key: str) -> Outcome:
        """Take one sample of every serving worker. Raises ``ApiError``."""
        del key
        after = self._pacer.scaled(self._settings.metrics_poll_seconds, floor=2.0)
        serving = await self._serving()
        targets = [target for target in await asyncio.gather(*map(self._target, serving)) if target is not None]
        self._sources.listeners.follow(targets)
        if not serving:
            return Outcome.requeue_after(after, "NothingServes", "No worker serves.")
        stats, cloud = await asyncio.gather(self._stats(targets), self._cloud(serving))
        items = self._items(serving, stats, cloud)
        for start in range(0, len(items), BATCH):
            await self._control_plane.report_metrics(MetricsBatch(items=items[start : start + BATCH]))
        sentence = f"{len(items)} of {len(serving)} serving workers told their load."
        return Outcome.requeue_after(after, "MetricsReported", sentence)

    async def _serving(self) -> list[WorkerView]:
        names = [name for name, summary in self._informer.items.items() if summary.phase in _SERVING]
        views = await asyncio.gather(*(self._workers.get(name) for name in names))
        return [view for view in views if view is not None and view.status.instance.instance_id]

    async def _target(self, worker: WorkerView) -> CmlTarget | None:
        if not worker.status.endpoint:
            return None
        try:
            known = await self._sources.credentials.of(worker.id)
        except ApiError:
            return None
        return CmlTarget(worker.id, worker.status.endpoint, known.cml_username, known.cml_password)

    async def _stats(self, targets: Sequence[CmlTarget]) -> Mapping[str, tuple[SystemStats, bool]]:
        """Statistics by worker, and whether they were pushed."""
        found: dict[str, tuple[SystemStats, bool]] = {}

        async def ask(target: CmlTarget) -> None:
            pushed = self._sources.listeners.newest(target.worker_id, PUSH_SECONDS)
            if pushed is not None:
                found[target.worker_id] = (pushed, True)
                return
            async with self._gate:
                try:
                    found[target.worker_id] = (await self._sources.cml.system_stats(target), False)
                except CmlError:
                    return  # the worker's own reconcile names the layer that fails

        await asyncio.gather(*map(ask, targets))
        return found

    async def _cloud(self, serving: Sequence[WorkerView]) -> Mapping[str, InstanceMetrics]:
        """CloudWatch's newest points by instance; a region that does not answer is left out."""
        groups: dict[tuple[str, int], list[str]] = defaultdict(list)
        for worker in serving:
            period = _DETAILED_PERIOD if worker.spec.detailed_monitoring else _BASIC_PERIOD
            groups[(worker.spec.region, period)].append(worker.status.instance.instance_id)
        found: dict[str, InstanceMetrics] = {}
        for (region, period), instance_ids in groups.items():
            try:
                found |= await self._sources.cloudwatch.latest(
                    region, instance_ids, until=self._clock.now(), window_seconds=4 * period, period_seconds=period
                )
            except CloudWatchError:
                continue
        return found

    def _items(
        self,
        serving: Sequence[WorkerView],
        stats: Mapping[str, tuple[SystemStats, bool]],
        cloud: Mapping[str, InstanceMetrics],
    ) -> list[MetricsItem]:
        now = self._clock.now()
        items: list[MetricsItem] = []
        for worker in serving:
            told, pushed = stats.get(worker.id, (None, False))
            metrics = sample(now, told, pushed, cloud.get(worker.status.instance.instance_id))
            if metrics is not None:
                items.append(MetricsItem(worker_id=worker.id, metrics=metrics))
        return items
