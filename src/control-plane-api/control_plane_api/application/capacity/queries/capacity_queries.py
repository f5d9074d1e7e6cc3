"""The preview of a placement, and the calendar of bookings against supply."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.authorization.require import require
from control_plane_api.application.base import BaseQuery, Reader
from control_plane_api.application.capacity.picture import take_picture
from control_plane_api.application.errors import InvalidError
from control_plane_api.domain.definition.definition import LabletDefinition
from lcm_core.contracts.capacity import CalendarStep, CalendarView, PreviewPlacement, PreviewView
from lcm_core.contracts.common import Resources
from lcm_core.contracts.definitions import DefinitionView
from lcm_core.contracts.sessions import Rejection
from lcm_core.placement import Demand, rules_of
from lcm_core.placement.amounts import pack
from lcm_core.placement.forecast import forecast
from lcm_core.placement.instants import MINUTE, instant, micros
from lcm_core.placement.preview import Preview, preview

STEPS_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class PreviewPlacementQuery(BaseQuery[PreviewView]):
    """What would happen?"""

    body: PreviewPlacement


class PreviewPlacementReader(Reader[PreviewPlacementQuery, PreviewView]):
    """The scheduler's own rules, on the present claims, for one session alone."""

    async def handle_async(self, request: PreviewPlacementQuery) -> PreviewView:
        """The forecast. Raises ``InvalidError`` for an unknown definition."""
        require(request.principal, Action.CAPACITY_READ)
        body, now = request.body, self._deps.clock.now()
        definition = await self._deps.definitions.find(body.definition_id)
        if definition is None:
            raise InvalidError.field(
                "UnknownDefinition", "definition_id", f"there is no definition {body.definition_id}"
            )
        picture = await take_picture(self._deps, now)
        demand = _demand(body, definition, now, self._deps.limits.queue_minutes)
        return _shown(preview(picture.fleet, demand, picture.options.options, micros(now)))


def _demand(body: PreviewPlacement, definition: LabletDefinition, now: datetime, queue_minutes: float) -> Demand:
    minutes = body.duration_minutes or definition.spec.max_duration_minutes
    start = body.slot.start if body.slot else now
    end = body.slot.end if body.slot else now + timedelta(minutes=queue_minutes + minutes)
    return Demand(
        session_id="preview",
        rules=rules_of(definition.view(DefinitionView)),
        wanted=pack(definition.status.requirements),
        start=micros(start),
        end=micros(end),
        lead=definition.spec.boot_lead_minutes * MINUTE,
        cleanup=definition.spec.cleanup_minutes * MINUTE,
        soon=body.as_soon_as_possible,
        duration=minutes * MINUTE,
    )


def _shown(found: Preview) -> PreviewView:
    return PreviewView(
        outlook=found.outlook,
        message=found.message,
        worker_id=found.worker.worker_id if found.worker and found.outlook == "placed" else "",
        worker_name=found.worker.name if found.worker else "",
        start=_instant(found.start),
        end=_instant(found.end),
        launch_at=_instant(found.launch_at),
        hourly_cost_usd=found.hourly_cost,
        rejections=[
            Rejection(worker_id=each.worker_id, worker_name=each.worker_name, filter=each.filter, message=each.message)
            for each in found.refused
        ],
        rejected_total=found.refused_total,
    )


def _instant(value: int | None) -> datetime | None:
    return None if value is None else instant(value)


@dataclass(frozen=True, slots=True)
class CalendarQuery(BaseQuery[CalendarView]):
    """Bookings against supply from ``start`` to ``end``."""

    start: datetime
    end: datetime
    step_minutes: int


class CalendarReader(Reader[CalendarQuery, CalendarView]):
    """The greatest use of each step, and what it will cost."""

    async def handle_async(self, request: CalendarQuery) -> CalendarView:
        """The steps. Raises ``InvalidError`` for a window that is none or has too many steps."""
        require(request.principal, Action.CAPACITY_READ)
        minutes = (request.end - request.start).total_seconds() / 60
        if not 0 < minutes <= STEPS_LIMIT * request.step_minutes:
            raise InvalidError.field("BadWindow", "query.end", f"the window must have 1 to {STEPS_LIMIT} steps")
        picture = await take_picture(self._deps, request.start)
        steps = [
            CalendarStep(
                start=instant(step.start),
                end=instant(step.end),
                used=_resources(step.used),
                offered=_resources(step.offered),
                sessions=step.sessions,
                needed_workers=step.needed_workers,
                cost_usd=step.cost,
            )
            for step in forecast(
                picture.fleet, micros(request.start), micros(request.end), request.step_minutes * MINUTE
            )
        ]
        cost = round(sum(step.cost_usd for step in steps), 2)
        return CalendarView(steps=steps, workers=len(picture.workers), cost_usd=cost)


def _resources(amounts: tuple[int, int, int, int]) -> Resources:
    cores, memory, storage, nodes = (max(0, amount) for amount in amounts)
    return Resources(cores=cores, memory_mb=memory, storage_gb=storage, nodes=nodes)
