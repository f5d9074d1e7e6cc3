"""Consolidation: a worker whose future sessions all fit beside others is emptied, so that it can be off.

Only workers without a live session are considered, one in a pass and none while anything waits or grows; sessions move
only to workers that will be on at that time anyway.
"""

from dataclasses import replace

from lcm_core.contracts.workers import WorkerView
from lcm_core.domain.vocabulary import WorkerPhase
from lcm_core.placement import Demand, Placed, WorkerState, find_place
from lcm_core.placement.instants import HOUR, MINUTE, micros
from resource_scheduler.decide.plan import Plan, ReturnOrder
from resource_scheduler.decide.replacing import keep_room
from resource_scheduler.decide.world import World

SESSIONS_MOVED = 20
SETTLED = 30 * MINUTE
_CONSIDERED = frozenset({WorkerPhase.RUNNING, WorkerPhase.STOPPED})


def consolidate(world: World, plan: Plan) -> None:
    """Empty one worker if its sessions cost nothing more elsewhere."""
    if plan.launches or plan.wakes or plan.waiting or plan.returns or not world.may_consolidate:
        return
    demands = {(session.worker_id, session.session_id): session.demand for session in world.scheduled if session.demand}
    candidates = [
        (len(state.holdings), state.facts.worker_id, state)
        for state in world.fleet
        if 0 < len(state.holdings) <= SESSIONS_MOVED and _in_question(world.workers.get(state.facts.worker_id))
    ]
    for _, worker_id, state in sorted(candidates, key=lambda each: each[:2]):
        asked = [demands.get((worker_id, holding.session_id)) for holding in state.holdings.values()]
        movable = [demand for demand in asked if demand is not None]
        if len(movable) == len(asked) and _all_later(world, state) and _move(world, plan, worker_id, movable):
            return


def _in_question(worker: WorkerView | None) -> bool:
    return worker is not None and worker.status.phase in _CONSIDERED and not worker.spec.drain


def _all_later(world: World, state: WorkerState) -> bool:
    return all(holding.start > micros(world.now) + SETTLED for holding in state.holdings.values())


def _move(world: World, plan: Plan, worker_id: str, demands: list[Demand]) -> bool:
    """Find a place for every session or change nothing."""
    name = world.workers[worker_id].spec.name
    kept_before = len(plan.kept)
    orders: list[ReturnOrder] = []
    for demand in demands:
        place = find_place(world.fleet, replace(demand, avoid_worker=worker_id), micros(world.now))
        if not isinstance(place, Placed) or not _on_anyway(world, worker_id, place):
            for holder, claim_id in plan.kept[kept_before:]:
                world.fleet.release(holder, claim_id)
            del plan.kept[kept_before:]
            return False
        keep_room(world, plan, place)
        message = f"{place.facts.name} has room at the same time, so that {name} can be off."
        orders.append(ReturnOrder(demand.session_id, worker_id, "Consolidated", message))
    plan.returns.extend(orders)
    return True


def _on_anyway(world: World, worker_id: str, place: Placed) -> bool:
    """Whether the other worker serves somebody around that time already; a later start is no place at all."""
    state = world.fleet.get(place.facts.worker_id)
    if state is None or place.facts.worker_id == worker_id or place.late:
        return False
    if place.demand.soon:
        return False
    return state.timeline.busy(place.held_from - HOUR, place.held_until + HOUR)
