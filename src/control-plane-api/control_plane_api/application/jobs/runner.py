"""Runs the jobs: APScheduler ticks, and the store decides who runs, once per cluster and interval.

Every replica has the same schedule. A tick claims the run with a compare-and-set on the job's last start, so that of
all replicas one runs it, a restart neither repeats nor forgets it, and missed ticks are made up for by one run.
"""

import asyncio
import logging
import time

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from prometheus_client import Counter, Histogram
from pymongo.errors import PyMongoError

from control_plane_api.application.administration.limits import present_settings
from control_plane_api.application.jobs.catalog import JOBS, Job
from control_plane_api.application.ports import Deps, JobStore
from control_plane_api.kernel.context import RequestContext, set_request_context
from lcm_core.etcd import EtcdError

log = logging.getLogger(__name__)

TICK_SECONDS = 2
RUNS = Counter("lcm_job_runs_total", "Runs of periodic jobs", ["job", "result"])
RUN_SECONDS = Histogram("lcm_job_seconds", "Duration of periodic jobs", ["job"])


class JobRunner:
    """One background service."""

    def __init__(self, deps: Deps, store: JobStore) -> None:
        self._deps = deps
        self._store = store
        self._running: set[str] = set()

    async def run(self) -> None:
        """Work until cancelled."""
        scheduler = AsyncIOScheduler(timezone="UTC")
        options = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        scheduler.add_job(self._start_due, "interval", seconds=TICK_SECONDS, args=[scheduler], **options)
        scheduler.start()
        try:
            await asyncio.Event().wait()
        finally:
            scheduler.shutdown(wait=False)

    async def _start_due(self, scheduler: AsyncIOScheduler) -> None:
        """Start what one look at the store finds due; a job that takes long keeps no other waiting."""
        try:
            settings = await present_settings(self._deps)
            due = await self._store.due({job.name: job.seconds(settings) for job in JOBS})
        except PyMongoError as error:
            log.warning("The jobs wait for the database: %s", error)
            return
        for job in JOBS:
            if job.name in due and job.name not in self._running:
                self._running.add(job.name)
                scheduler.add_job(self._run, args=[job], id=job.name, misfire_grace_time=None)

    async def _run(self, job: Job) -> None:
        try:
            await self.tick(job)
        finally:
            self._running.discard(job.name)

    async def tick(self, job: Job) -> bool:
        """Run a job if it is due and nobody else does; answers whether it ran."""
        try:
            settings = await present_settings(self._deps)
            if not await self._store.claim(job.name, job.seconds(settings)):
                return False
        except PyMongoError as error:
            log.warning("Job %s waits for the database: %s", job.name, error)
            return False
        set_request_context(RequestContext(actor="system", command=job.name))
        started = time.perf_counter()
        try:
            message, result = await job.run(self._deps, settings), "succeeded"
        except Exception as error:  # like a reconcile: a failed run is recorded, counted, and tried again when due
            if isinstance(error, PyMongoError | EtcdError):
                log.warning("Job %s was interrupted, a store did not answer: %s", job.name, error)
            else:
                log.exception("Job %s failed", job.name)
            message, result = f"{type(error).__name__}: {error}"[:500], "failed"
        RUNS.labels(job.name, result).inc()
        RUN_SECONDS.labels(job.name).observe(time.perf_counter() - started)
        try:
            await self._store.finish(job.name, result, message)
        except PyMongoError as error:
            log.warning("The run of job %s could not be recorded: %s", job.name, error)
        return True
