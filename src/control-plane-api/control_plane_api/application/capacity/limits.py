"""Refuses reservations that the platform could never keep (ruling 9)."""

import asyncio
import time
from weakref import WeakKeyDictionary

from control_plane_api.application.capacity.picture import every
from control_plane_api.application.errors import ConflictError
from control_plane_api.application.ports import Deps
from control_plane_api.domain.definition.definition import LabletDefinition
from lcm_core.contracts.common import Resources, Slot
from lcm_core.contracts.definitions import DefinitionView
from lcm_core.contracts.sessions import SessionSpec
from lcm_core.contracts.workers import TemplateView, WorkerView
from lcm_core.domain.vocabulary import WorkerPhase
from lcm_core.placement import Demand, WorkerFacts, rules_of, template_facts, worker_facts
from lcm_core.placement.amounts import pack
from lcm_core.placement.instants import MINUTE, micros
from lcm_core.placement.model import ANYWHERE
from lcm_core.placement.preview import beyond_fleet_limit

KNOWN_SECONDS = 1.0
"""How long workers once read serve further reservations: reading a hundred costs more than a reservation itself."""

_read: WeakKeyDictionary[object, tuple[float, "asyncio.Task[list[WorkerView]]"]] = WeakKeyDictionary()
_GONE = frozenset({WorkerPhase.TERMINATED, WorkerPhase.TERMINATING, WorkerPhase.FAILED})


async def refuse_beyond_fleet_limit(deps: Deps, definition: LabletDefinition, spec: SessionSpec) -> None:
    """Raise ``ConflictError`` when all reservations of the slot together exceed the largest fleet there could be."""
    rules = rules_of(definition.view(DefinitionView))
    demand = Demand(
        session_id="",
        rules=rules,
        wanted=pack(spec.requirements),
        start=micros(spec.slot.start),
        end=micros(spec.slot.end),
        lead=spec.boot_lead_minutes * MINUTE,
        cleanup=spec.cleanup_minutes * MINUTE,
        soon=spec.as_soon_as_possible,
        duration=spec.duration_minutes * MINUTE,
    )
    # An as-soon-as-possible session finds its own time inside a long window; only its kind can be refused here.
    booked = [] if spec.as_soon_as_possible else await deps.bookings.booked(spec.slot)
    rivals = [_rival(slot, need, spec) for slot, need in booked]
    why = beyond_fleet_limit(demand, rivals, await _largest_fleet(deps, max_age=KNOWN_SECONDS))
    if why:
        # Nobody is refused for a fleet of a moment ago.
        why = beyond_fleet_limit(demand, rivals, await _largest_fleet(deps, max_age=0.0))
    if why:
        raise ConflictError("NoCapacityInSlot", why)


def _rival(slot: Slot, need: Resources, spec: SessionSpec) -> Demand:
    lead, cleanup = spec.boot_lead_minutes * MINUTE, spec.cleanup_minutes * MINUTE
    return Demand("", ANYWHERE, pack(need), micros(slot.start), micros(slot.end), lead, cleanup)


async def _largest_fleet(deps: Deps, *, max_age: float) -> list[tuple[WorkerFacts, int]]:
    """Each template in each region with its limit, and workers that no template accounts for."""
    now = deps.clock.now()
    templates = [template async for template in every(deps.templates, TemplateView)]
    enabled = [template for template in templates if template.spec.enabled]
    fleet = [
        (template_facts(template, region, now, ""), template.spec.max_workers_per_region)
        for template in enabled
        for region in template.spec.regions
    ]
    launched = {(template.id, region) for template in enabled for region in template.spec.regions}
    for worker in await _workers(deps, max_age):
        if worker.status.phase in _GONE or (worker.spec.template_id, worker.spec.region) in launched:
            continue
        fleet.append((worker_facts(worker), 1))
    return fleet


async def _workers(deps: Deps, max_age: float) -> list[WorkerView]:
    """Every worker as of at most ``max_age`` real seconds ago; reservations that come together share one reading."""
    known = _read.get(deps.workers)
    if known is None or time.monotonic() - known[0] > max_age or (known[1].done() and known[1].exception()):
        known = (time.monotonic(), asyncio.create_task(_read_workers(deps)))
        _read[deps.workers] = known
    return await asyncio.shield(known[1])


async def _read_workers(deps: Deps) -> list[WorkerView]:
    return [worker async for worker in every(deps.workers, WorkerView)]
