"""The fleet as placement sees it, put together from the stores."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import TypeVar

from control_plane_api.application.ports import Deps, ListQuery, Store
from control_plane_api.kernel.aggregate import Resource
from lcm_core.contracts.common import ResourceView
from lcm_core.contracts.workers import TemplateView, WorkerView
from lcm_core.domain.vocabulary import WorkerPhase
from lcm_core.placement import Fleet, holding_of, worker_facts
from lcm_core.placement.options import LaunchOptions

PAGE = 200
ResourceT = TypeVar("ResourceT", bound=Resource)  # type: ignore[type-arg]
ViewT = TypeVar("ViewT", bound=ResourceView)


async def every(store: Store[ResourceT], model: type[ViewT]) -> AsyncIterator[ViewT]:
    """Everything in a store, page by page."""
    cursor = ""
    while True:
        page = await store.list(ListQuery(cursor=cursor, limit=PAGE))
        for item in page.items:
            yield item.view(model)
        cursor = page.next_cursor
        if not cursor:
            return


class Picture:
    """All workers with their claims from an instant on, and what could be launched."""

    def __init__(self, fleet: Fleet, options: LaunchOptions, workers: list[WorkerView], templates: list[TemplateView]):
        self.fleet = fleet
        self.options = options
        self.workers = workers
        self.templates = templates


async def take_picture(deps: Deps, since: datetime) -> Picture:
    """Read the stores once."""
    workers = [worker async for worker in every(deps.workers, WorkerView)]
    templates = [template async for template in every(deps.templates, TemplateView)]
    living = [worker for worker in workers if worker.status.phase is not WorkerPhase.TERMINATED]
    fleet = Fleet(worker_facts(worker) for worker in living)
    for claim in await deps.claims.held_after(since):
        if fleet.get(claim.worker_id) is not None:
            fleet.hold(claim.worker_id, holding_of(claim))
    return Picture(fleet, LaunchOptions(templates, workers, deps.clock.now()), living, templates)
