"""Scale-down: workers that nobody needs are stopped, and those that nobody has needed for long are terminated.

A worker is idle when no claim is live on it, none begins before it could be stopped and woken again, nothing that the
platform does not manage runs on it and nobody asked to leave it alone. Stopping is preferred to terminating: a stopped
worker costs only its disk and comes back in minutes with its license in place.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from lcm_core.contracts.workers import WorkerView
from lcm_core.domain.vocabulary import ConditionStatus, WorkerCondition, WorkerDesired, WorkerOrigin, WorkerPhase
from lcm_core.placement.instants import instant, micros
from resource_scheduler.decide.plan import Plan, WorkerOrder
from resource_scheduler.decide.world import World
from resource_scheduler.settings import SchedulerSettings

IMMINENT = timedelta(minutes=30)
"""The control plane refuses to stop a worker whose next claim begins this soon."""


def stop_idle(world: World, settings: SchedulerSettings, plan: Plan) -> None:
    """Stop what was idle for its template's time, within the disruption budget, and terminate what is forgotten."""
    cooldown = timedelta(minutes=settings.cooldown_minutes)
    quiet_until = world.quiet_since + cooldown if world.quiet_since else world.now
    growing = bool(plan.launches or plan.wakes) or quiet_until > world.now
    candidates = list(_idle(world, settings, plan))
    if not growing and candidates:
        budget = settings.stops_at_once - len(world.stopped_at)
        plan.stops.extend(_within_limits(candidates, world, settings, budget))
        if world.stopped_at and budget < len(candidates):
            plan.look_again(min(world.stopped_at) + cooldown)
    elif candidates:
        plan.look_again(max(quiet_until, world.now + timedelta(minutes=1)))
    plan.stops.extend(_forgotten(world, settings, plan))


def _idle(
    world: World, settings: SchedulerSettings, plan: Plan
) -> Iterator[tuple[datetime, WorkerView, datetime | None]]:
    """Idle workers with the start of their idleness and of their next claim."""
    for worker in world.workers.values():
        if not _may_stop(worker, world.now):
            continue
        live, following = _claims(world, worker.id)
        if live:
            continue
        since = _idle_since(worker, world)
        timeout = timedelta(minutes=max(settings.idle_grace_minutes, worker.spec.idle_timeout_minutes))
        if since + timeout > world.now:
            plan.look_again(since + timeout)
            continue
        # It must pay to stop: time to stop, to boot again and the control plane's own reserve.
        needed = max(IMMINENT, _reserve(worker, settings))
        if following is not None and following - needed <= world.now:
            continue
        yield since, worker, following


def _reserve(worker: WorkerView, settings: SchedulerSettings) -> timedelta:
    """How long before its next claim a worker is better left running: stopping and booting, with the slack of both."""
    return timedelta(minutes=2 * (worker.spec.boot_minutes + settings.launch_slack_minutes))


def _may_stop(worker: WorkerView, now: datetime) -> bool:
    spec, status = worker.spec, worker.status
    snoozed = spec.snoozed_until is not None and spec.snoozed_until > now
    busy_by_hand = bool(status.unmanaged.resources.nodes or status.unmanaged.resources.cores)
    active = any(
        condition.type == WorkerCondition.IDLE and condition.status is ConditionStatus.FALSE
        for condition in status.conditions
    )
    return (
        status.phase is WorkerPhase.RUNNING
        and spec.desired is WorkerDesired.RUNNING
        and not (spec.drain or snoozed or busy_by_hand or active)
    )


def _claims(world: World, worker_id: str) -> tuple[bool, datetime | None]:
    """Whether a claim is live, and when the next one begins."""
    state = world.fleet.get(worker_id)
    now = micros(world.now)
    if state is None:
        return False, None
    live = any(holding.start <= now < holding.end for holding in state.holdings.values())
    starts = [holding.start for holding in state.holdings.values() if holding.start > now]
    return live, instant(min(starts)) if starts else None


def _idle_since(worker: WorkerView, world: World) -> datetime:
    since = [worker.status.phase_since]
    if worker.id in world.last_busy:
        since.append(world.last_busy[worker.id])
    if worker.status.idle_since is not None:
        since.append(worker.status.idle_since)
    return max(since)


def _within_limits(
    candidates: list[tuple[datetime, WorkerView, datetime | None]],
    world: World,
    settings: SchedulerSettings,
    budget: int,
) -> Iterator[WorkerOrder]:
    """The dearest and longest idle first, keeping each template's warm minimum."""
    names = {template.id: template for template in world.templates}
    awake = Counter(
        worker.spec.template_id
        for worker in world.workers.values()
        if worker.status.phase is WorkerPhase.RUNNING and worker.spec.desired is WorkerDesired.RUNNING
    )
    candidates.sort(key=lambda each: (-each[1].spec.hourly_cost_usd, each[0], each[1].id))
    for since, worker, following in candidates:
        if budget <= 0:
            return
        template = names.get(worker.spec.template_id)
        least = template.spec.min_warm_workers if template else 0
        name = template.spec.name if template else worker.spec.template_name
        if awake[worker.spec.template_id] <= settings.warm_workers(name, least, world.now):
            continue
        awake[worker.spec.template_id] -= 1
        budget -= 1
        needed = f"needed again at {following:%Y-%m-%d %H:%M}" if following else "nothing is booked on it"
        message = (
            f"Idle since {since:%Y-%m-%d %H:%M} and {needed}; stopping it saves "
            f"{worker.spec.hourly_cost_usd:.2f} USD an hour."
        )
        yield WorkerOrder(worker.id, WorkerDesired.STOPPED, "IdleStopped", message)


def _forgotten(world: World, settings: SchedulerSettings, plan: Plan) -> Iterator[WorkerOrder]:
    """Stopped workers of the platform's own making that nothing has needed for the retention time."""
    if not settings.retention_hours:
        return
    retention = timedelta(hours=settings.retention_hours)
    woken = {order.worker_id for order in plan.wakes}
    for worker in world.workers.values():
        mine = worker.spec.origin is WorkerOrigin.CREATED and worker.spec.desired is WorkerDesired.STOPPED
        if not mine or worker.status.phase is not WorkerPhase.STOPPED or worker.id in woken:
            continue
        live, following = _claims(world, worker.id)
        if live or following is not None:
            continue
        ends = worker.status.phase_since + retention
        if ends > world.now:
            plan.look_again(ends)
            continue
        message = f"Stopped since {worker.status.phase_since:%Y-%m-%d} and nothing is booked on it."
        yield WorkerOrder(worker.id, WorkerDesired.TERMINATED, "UnusedTerminated", message)
