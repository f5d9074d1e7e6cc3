"""Questions about workers."""

from dataclasses import dataclass
from datetime import datetime

from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.authorization.require import require
from control_plane_api.application.base import BaseQuery, Reader
from control_plane_api.application.listing import WORKERS, ListRequest
from control_plane_api.domain.worker.rollup import resolution_for
from control_plane_api.domain.worker.worker import Worker
from lcm_core.contracts.claims import ClaimChanges, ClaimView
from lcm_core.contracts.common import Page
from lcm_core.contracts.workers import WorkerCredentials, WorkerMetrics, WorkerView
from lcm_core.domain.vocabulary import Role

CML_USERNAME = "cml/username"
CML_PASSWORD = "cml/password"
LICENSE_TOKEN = "cml/license-token"
HISTORY_LIMIT = 2000


@dataclass(frozen=True, slots=True)
class GetWorkerQuery(BaseQuery[WorkerView]):
    """One worker."""

    worker_id: str


class GetWorkerReader(Reader[GetWorkerQuery, WorkerView]):
    """With its latest metrics."""

    async def handle_async(self, request: GetWorkerQuery) -> WorkerView:
        """The worker. Raises ``NotFoundError``."""
        require(request.principal, Action.WORKER_READ)
        worker = await self._deps.workers.get(request.worker_id)
        metrics = await self._deps.metrics.latest([worker.key])
        return worker_view(worker, metrics)


@dataclass(frozen=True, slots=True)
class ListWorkersQuery(BaseQuery[Page[WorkerView]]):
    """A page of workers."""

    page: ListRequest


class ListWorkersReader(Reader[ListWorkersQuery, Page[WorkerView]]):
    """With their latest metrics."""

    async def handle_async(self, request: ListWorkersQuery) -> Page[WorkerView]:
        """The page."""
        query = WORKERS.query(request.page, request.principal, Action.WORKER_READ)
        found = await self._deps.workers.list(query)
        metrics = await self._deps.metrics.latest([worker.key for worker in found.items])
        items = [worker_view(worker, metrics) for worker in found.items]
        return Page[WorkerView].model_construct(items=items, next_cursor=found.next_cursor, total=found.total)


def worker_view(worker: Worker, metrics: dict[str, WorkerMetrics]) -> WorkerView:
    """The wire model with the latest sample."""
    return worker.view(WorkerView, metrics=metrics.get(worker.key))


@dataclass(frozen=True, slots=True)
class WorkerHistoryQuery(BaseQuery[Page[WorkerMetrics]]):
    """Metrics samples since an instant."""

    worker_id: str
    since: datetime
    limit: int = HISTORY_LIMIT


class WorkerHistoryReader(Reader[WorkerHistoryQuery, Page[WorkerMetrics]]):
    """For charts."""

    async def handle_async(self, request: WorkerHistoryQuery) -> Page[WorkerMetrics]:
        """The newest samples, oldest first; means where the span is long."""
        require(request.principal, Action.WORKER_READ)
        await self._deps.workers.get(request.worker_id)
        resolution = resolution_for(self._deps.clock.now() - request.since)
        samples = await self._deps.metrics.history(request.worker_id, request.since, request.limit, resolution)
        return Page[WorkerMetrics](items=samples)


@dataclass(frozen=True, slots=True)
class WorkerClaimsQuery(BaseQuery[Page[ClaimView]]):
    """Bookings of a worker in a window."""

    worker_id: str
    start: datetime
    end: datetime


class WorkerClaimsReader(Reader[WorkerClaimsQuery, Page[ClaimView]]):
    """For the calendar."""

    async def handle_async(self, request: WorkerClaimsQuery) -> Page[ClaimView]:
        """The claims in order."""
        require(request.principal, Action.CAPACITY_READ)
        await self._deps.workers.get(request.worker_id)
        claims = await self._deps.claims.of_worker(request.worker_id, request.start, request.end)
        return Page[ClaimView](items=claims, total=len(claims))


@dataclass(frozen=True, slots=True)
class ClaimChangesQuery(BaseQuery[ClaimChanges]):
    """Claim days changed since a cursor."""

    cursor: str


class ClaimChangesReader(Reader[ClaimChangesQuery, ClaimChanges]):
    """For controllers that follow the claims."""

    async def handle_async(self, request: ClaimChangesQuery) -> ClaimChanges:
        """The changes and the next cursor."""
        return await self._deps.claims.changes(request.cursor)


@dataclass(frozen=True, slots=True)
class WorkerCredentialsQuery(BaseQuery[WorkerCredentials]):
    """How to talk to a worker's CML."""

    worker_id: str


class WorkerCredentialsReader(Reader[WorkerCredentialsQuery, WorkerCredentials]):
    """Secrets of the worker itself, else those of the whole fleet."""

    async def handle_async(self, request: WorkerCredentialsQuery) -> WorkerCredentials:
        """The credentials; the licence token only for the worker controller."""
        await self._deps.workers.get(request.worker_id)
        token = ""
        if Role.WORKER_CONTROLLER in request.principal.roles:
            token = await self._secret(request.worker_id, LICENSE_TOKEN)
        return WorkerCredentials(
            cml_username=await self._secret(request.worker_id, CML_USERNAME),
            cml_password=await self._secret(request.worker_id, CML_PASSWORD),
            license_token=token,
        )

    async def _secret(self, worker_id: str, name: str) -> str:
        own = await self._deps.vault.read(f"workers/{worker_id}/{name}")
        return own or await self._deps.vault.read(name)
