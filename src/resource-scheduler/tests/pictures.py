"""Pictures of the world for tests of single decisions, and short ways to read a plan."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from worlds import METAL, NOW, definition

from lcm_core.contracts.common import Resources
from lcm_core.contracts.definitions import DefinitionView
from lcm_core.contracts.sessions import SessionView
from lcm_core.contracts.workers import TemplateView, WorkerView
from lcm_core.placement import Fleet, Holding, demand_of, rules_of, worker_facts
from lcm_core.placement.amounts import pack
from lcm_core.placement.instants import micros
from resource_scheduler.decide import Plan, World
from resource_scheduler.decide.world import ScheduledSession

LAB = definition()
WHOLE = definition("whole", needs=METAL, ports=0)


def world(
    sessions: Iterable[SessionView] = (),
    workers: Iterable[WorkerView] = (),
    templates: Sequence[TemplateView] = (),
    definitions: Iterable[DefinitionView] = (LAB, WHOLE),
    now: datetime = NOW,
) -> World:
    """A picture without claims."""
    rules = {each.id: rules_of(each) for each in definitions}
    known = {each.id: each for each in workers}
    return World(
        now=now,
        fleet=Fleet(worker_facts(each) for each in known.values()),
        waiting=[demand_of(each, rules[each.spec.definition_id]) for each in sessions],
        workers=known,
        templates=templates,
    )


def claim(picture: World, worker_id: str, start: datetime, minutes: int, *, cores: int = 4, of: str = "x") -> Holding:
    """Put a claim on a worker of the picture."""
    wanted = pack(Resources(cores=cores, memory_mb=8192, storage_gb=8, nodes=5))
    holding = Holding(f"c-{of}", of, micros(start), micros(start + timedelta(minutes=minutes)), wanted, 0)
    picture.fleet.hold(worker_id, holding)
    return holding


def after(minutes: float) -> datetime:
    """An instant relative to now."""
    return NOW + timedelta(minutes=minutes)


def reasons(plan: Plan) -> dict[str, str]:
    """Reason codes of the sessions that wait."""
    return {entry.demand.session_id: entry.reason for entry in plan.waiting}


def places(plan: Plan) -> dict[str, str]:
    """Worker of each session that was placed."""
    return {entry.placed.demand.session_id: entry.placed.facts.worker_id for entry in plan.placements}


def scheduled(picture: World, view: SessionView, worker_id: str, start: datetime, cores: int = 4) -> None:
    """A session that holds a place on a worker."""
    demand = demand_of(view, rules_of(LAB if view.spec.definition_id == "lab" else WHOLE))
    picture.scheduled = [*picture.scheduled, ScheduledSession(view.id, worker_id, demand)]
    claim(picture, worker_id, start, 80, cores=cores, of=view.id)
