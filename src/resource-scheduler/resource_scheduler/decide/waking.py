"""Stopped workers are woken in time for what is booked on them, and for the warm minimum."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from lcm_core.contracts.workers import WorkerView
from lcm_core.domain.vocabulary import WorkerDesired, WorkerPhase
from lcm_core.placement.instants import MINUTE, instant, micros
from resource_scheduler.decide.plan import Plan, WorkerOrder
from resource_scheduler.decide.world import World
from resource_scheduler.settings import SchedulerSettings

_ASLEEP = frozenset({WorkerPhase.STOPPED, WorkerPhase.STOPPING, WorkerPhase.RUNNING})
_AWAKE = frozenset({WorkerPhase.PENDING, WorkerPhase.PROVISIONING, WorkerPhase.STARTING, WorkerPhase.RUNNING})


def wake(world: World, settings: SchedulerSettings, plan: Plan) -> None:
    """Ask for every worker that is needed soon and meant to be off."""
    woken: set[str] = set()
    for worker in world.workers.values():
        if not _may_wake(worker):
            continue
        first = _first_need(world, worker.id)
        if first is None:
            continue
        due = first - timedelta(minutes=worker.spec.boot_minutes + settings.launch_slack_minutes)
        if due > world.now:
            plan.look_again(due)
            continue
        woken.add(worker.id)
        message = f"Woken for the session booked from {first:%Y-%m-%d %H:%M} on; {_price(worker)}."
        plan.wakes.append(WorkerOrder(worker.id, WorkerDesired.RUNNING, "WokenForSession", message))
    plan.wakes.extend(_warm(world, settings, woken))


def _may_wake(worker: WorkerView) -> bool:
    return worker.spec.desired is WorkerDesired.STOPPED and not worker.spec.drain and worker.status.phase in _ASLEEP


def _first_need(world: World, worker_id: str) -> datetime | None:
    """When the first claim that has not ended begins."""
    state = world.fleet.get(worker_id)
    if state is None:
        return None
    now = micros(world.now)
    starts = [holding.start for holding in state.holdings.values() if holding.end > now + MINUTE]
    return instant(min(starts)) if starts else None


def _warm(world: World, settings: SchedulerSettings, woken: set[str]) -> Iterator[WorkerOrder]:
    for template in world.templates:
        wanted = settings.warm_workers(template.spec.name, template.spec.min_warm_workers, world.now)
        mine = [worker for worker in world.workers.values() if worker.spec.template_id == template.id]
        awake = sum(
            (worker.status.phase in _AWAKE and worker.spec.desired is WorkerDesired.RUNNING and not worker.spec.drain)
            or worker.id in woken
            for worker in mine
        )
        asleep = [worker for worker in mine if _may_wake(worker) and worker.id not in woken]
        for worker in sorted(asleep, key=lambda each: each.id)[: max(0, wanted - awake)]:
            message = f"Woken because {wanted} {template.spec.name} workers are kept ready; {_price(worker)}."
            yield WorkerOrder(worker.id, WorkerDesired.RUNNING, "WarmMinimum", message)


def _price(worker: WorkerView) -> str:
    return f"{worker.spec.hourly_cost_usd:.2f} USD an hour"
