"""Sessions that have a place but should have another: the worker is lost or being drained, or an earlier start is free.

Such a session goes back to the queue, where it is served like any other. Only where the worker is lost is that done
without knowing a better place.
"""

from collections.abc import Iterator

from lcm_core.contracts.workers import WorkerView
from lcm_core.domain.vocabulary import WorkerDesired, WorkerPhase
from lcm_core.placement import Holding, Placed, find_place
from lcm_core.placement.instants import MINUTE, clock_text, micros
from lcm_core.placement.launch import plan_launches
from lcm_core.placement.options import LaunchOptions
from resource_scheduler.decide.plan import Plan, ReturnOrder
from resource_scheduler.decide.world import ScheduledSession, World

_LOST = frozenset({WorkerPhase.FAILED, WorkerPhase.TERMINATING, WorkerPhase.TERMINATED})
_SERVING = frozenset({WorkerPhase.RUNNING, WorkerPhase.DRAINING})
SETTLED = 5 * MINUTE
"""A session that begins this soon stays where it is: moving it would cost more than it gains."""
WORTH_MOVING = 2 * MINUTE
"""An earlier start must gain this much: a worker that boots faster than its template says is the usual case."""
LAUNCH_MARGIN = 10 * MINUTE
"""Kept free beyond the longest boot before a session gives up a draining worker for one that is yet to be launched."""
EARLIER_TRIED = 25


def return_lost(world: World, plan: Plan) -> None:
    """Take away every place on a worker that will not serve it."""
    for session in world.scheduled:
        worker = world.workers.get(session.worker_id)
        why = _lost(worker)
        if why:
            name = worker.spec.name if worker else session.worker_id
            message = f"Worker {name} {why}; the session is placed again."
            plan.returns.append(ReturnOrder(session.session_id, session.worker_id, "WorkerLost", message))


def _lost(worker: WorkerView | None) -> str:
    """Why a worker will not serve what is booked on it, empty when it will."""
    if worker is None:
        return "is not known any more"
    if worker.status.phase in _LOST:
        return f"is {worker.status.phase}"
    if worker.spec.desired is WorkerDesired.TERMINATED:
        return "is going to be terminated"
    if worker.spec.drain and worker.status.phase not in _SERVING:
        return f"is {worker.status.phase} and being drained, so it will not be started"
    return ""


def leave_draining(world: World, plan: Plan, options: LaunchOptions) -> None:
    """Move sessions off draining workers where there is another place, or time to launch one."""
    draining = {name for name, worker in world.workers.items() if worker.spec.drain and not _lost(worker)}
    now = micros(world.now)
    for session, holding in _held_places(world, plan, draining):
        demand = session.demand
        assert demand is not None  # held places are yielded for known demands only
        if holding.start <= now + SETTLED:
            continue
        place = find_place(world.fleet, demand, now)
        if isinstance(place, Placed):
            keep_room(world, plan, place)
            instead = f"{place.facts.name} has room at the same time"
        elif (
            holding.start > now + options.longest_boot + LAUNCH_MARGIN
            and plan_launches([demand], options.options).launches
        ):
            instead = "another worker can be launched in time"
        else:
            continue
        name = world.workers[session.worker_id].spec.name
        message = f"Worker {name} is being drained; {instead}."
        plan.returns.append(ReturnOrder(session.session_id, session.worker_id, "WorkerDraining", message))


def start_earlier(world: World, plan: Plan) -> None:
    """Give as-soon-as-possible sessions that were placed late the room that has become free since."""
    if not world.room_freed:
        return
    now = micros(world.now)
    workers = {session.worker_id for session in world.scheduled if session.demand and session.demand.soon}
    found = [
        (holding.start, session, holding)
        for session, holding in _held_places(world, plan, workers)
        if session.demand is not None and session.demand.soon and holding.start > now + WORTH_MOVING
    ]
    found.sort(key=lambda entry: (entry[0], entry[1].session_id))
    for _, session, holding in found[:EARLIER_TRIED]:
        assert session.demand is not None  # filtered above
        with world.fleet.without(session.worker_id, holding):
            place = find_place(world.fleet, session.demand, now)
        if isinstance(place, Placed) and place.held_from + WORTH_MOVING <= holding.start:
            keep_room(world, plan, place)
            message = f"Room has become free: it can start at {clock_text(place.start)} on {place.facts.name}."
            plan.returns.append(ReturnOrder(session.session_id, session.worker_id, "EarlierPlace", message))


def keep_room(world: World, plan: Plan, place: Placed) -> None:
    """Hold a place until the end of the pass, so that nobody else is promised it meanwhile."""
    claim_id = f"kept-{place.demand.session_id}"
    world.fleet.hold_place(place, claim_id)
    plan.kept.append((place.facts.worker_id, claim_id))


def _held_places(world: World, plan: Plan, workers: set[str]) -> Iterator[tuple[ScheduledSession, Holding]]:
    """Scheduled sessions on some workers with what they hold there, but for those that this pass sends back already."""
    if not workers:
        return
    returned = {order.session_id for order in plan.returns}
    sessions = {
        (session.worker_id, session.session_id): session
        for session in world.scheduled
        if session.worker_id in workers and session.demand is not None and session.session_id not in returned
    }
    for name in sorted(workers):
        state = world.fleet.get(name)
        for holding in list(state.holdings.values()) if state else ():
            session = sessions.get((name, holding.session_id))
            if session is not None:
                yield session, holding
