"""The jobs there are: what each does and how often. Schedules are code; intervals come from the dynamic settings."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from control_plane_api.application.capacity.picture import every
from control_plane_api.application.errors import NotFoundError
from control_plane_api.application.invariants.watch import check_invariants
from control_plane_api.application.ports import Deps
from control_plane_api.domain.definition.definition import DefinitionRuleError, LabletDefinition
from control_plane_api.domain.worker.worker import Worker, WorkerRuleError
from lcm_core.contracts.administration import DynamicSettings
from lcm_core.contracts.definitions import DefinitionView
from lcm_core.contracts.workers import LabRecordView, WorkerView
from lcm_core.domain.vocabulary import DefinitionPhase, LabPhase, WorkerPhase

RunJob = Callable[[Deps, DynamicSettings], Awaitable[str]]
"""Does the work and answers one sentence."""
_AWAKE = (WorkerPhase.RUNNING, WorkerPhase.DRAINING)
DAY_SECONDS = 24 * 3600
INVARIANTS_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Job:
    """One periodic job; ``seconds`` reads its interval from the settings."""

    name: str
    description: str
    seconds: Callable[[DynamicSettings], int]
    run: RunJob


async def _ask(deps: Deps, phases: Iterable[WorkerPhase], change: str) -> int:
    wanted, asked = frozenset(phases), 0

    def mutate(worker: Worker) -> None:
        worker.request(change, deps.clock.now())

    async for worker in every(deps.workers, WorkerView):
        if worker.status.phase not in wanted:
            continue
        try:
            await deps.workers.update(worker.id, mutate)
        except (NotFoundError, WorkerRuleError):
            continue  # It went away meanwhile.
        asked += 1
    return asked


async def _refresh_labs(deps: Deps, _: DynamicSettings) -> str:
    return f"Asked for the labs of {await _ask(deps, _AWAKE, 'labs-refresh')} workers."


async def _collect_metrics(deps: Deps, _: DynamicSettings) -> str:
    return f"Asked for metrics of {await _ask(deps, _AWAKE, 'refresh')} workers."


async def _update_status(deps: Deps, _: DynamicSettings) -> str:
    phases = frozenset(WorkerPhase) - {WorkerPhase.TERMINATED, WorkerPhase.PENDING}
    return f"Asked for the status of {await _ask(deps, phases, 'refresh')} workers."


async def _sync_content(deps: Deps, _: DynamicSettings) -> str:
    """Asks for one definition of each form: its bucket is the form's."""
    forms: dict[str, str] = {}
    async for view in every(deps.definitions, DefinitionView):
        if view.status.phase is DefinitionPhase.ACTIVE:
            forms[view.spec.form_qualified_name] = view.id
    asked = 0

    def mutate(definition: LabletDefinition) -> None:
        definition.request_sync(deps.clock.now())

    for definition_id in forms.values():
        try:
            await deps.definitions.update(definition_id, mutate)
        except (NotFoundError, DefinitionRuleError):
            continue  # It was archived meanwhile.
        asked += 1
    return f"Asked for the content of {asked} forms."


async def _retain(deps: Deps, settings: DynamicSettings) -> str:
    """Purges what has been over for long; the audit trail keeps the record for its own time."""
    now = datetime.now(UTC)
    cutoff = now - timedelta(days=settings.worker_retention_days)
    purged = 0
    async for worker in every(deps.workers, WorkerView):
        if worker.status.phase is WorkerPhase.TERMINATED and worker.updated_at < cutoff:
            purged += await deps.workers.remove(worker.id)
    labs = 0
    async for record in every(deps.lab_records, LabRecordView):
        if record.status.phase is LabPhase.DELETED and record.updated_at < cutoff:
            labs += await deps.lab_records.remove(record.id)
    heard = await deps.inbound.forget_before(now - timedelta(days=settings.inbound_retention_days))
    days = await deps.claims.forget_before(deps.clock.now() - timedelta(days=7))
    return f"Purged {purged} workers, {labs} lab records, {heard} inbound events and {days} days of claims."


async def _reseal(deps: Deps, _: DynamicSettings) -> str:
    found = [await deps.vault.reseal(), await deps.children.reseal()]
    seen, renewed, unreadable = (
        sum(getattr(each, field) for each in found) for field in ("seen", "renewed", "unreadable")
    )
    trouble = f" No configured key opens {unreadable} of them." if unreadable else ""
    return f"Sealed {renewed} of {seen} secrets with the newest key.{trouble}"


async def _check_invariants(deps: Deps, _: DynamicSettings) -> str:
    return await check_invariants(deps)


JOBS: tuple[Job, ...] = (
    Job(
        "LabsRefreshJob",
        "Reads the labs of every running worker again.",
        lambda settings: settings.labs_refresh_minutes * 60,
        _refresh_labs,
    ),
    Job(
        "WorkerMetricsCollectionJob",
        "Has the worker controller look at every running worker and report its metrics.",
        lambda settings: settings.worker_metrics_poll_interval,
        _collect_metrics,
    ),
    Job(
        "UpdateCMLWorkerStatusJob",
        "Reconciles the status of every worker that exists with EC2 and CML.",
        lambda settings: settings.worker_status_minutes * 60,
        _update_status,
    ),
    Job(
        "ContentSyncJob",
        "Looks into the bucket of every active definition for content that others put there.",
        lambda settings: settings.content_sync_minutes * 60,
        _sync_content,
    ),
    Job(
        "RetentionJob",
        "Purges workers and labs that have been gone for long, old inbound events, and bookings of the past.",
        lambda _: DAY_SECONDS,
        _retain,
    ),
    Job(
        "SecretsResealJob",
        "Seals secrets at rest again that an older key sealed, so that the older key can be taken away.",
        lambda _: DAY_SECONDS,
        _reseal,
    ),
    Job(
        "InvariantsJob",
        "Checks what must hold at every instant, and asks a person where it does not.",
        lambda _: INVARIANTS_SECONDS,
        _check_invariants,
    ),
)
BY_NAME = {job.name: job for job in JOBS}
