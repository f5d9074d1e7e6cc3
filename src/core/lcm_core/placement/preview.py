"""What would happen to a session: the scheduler's own decision, without writing anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from lcm_core.placement.amounts import FIELDS, UNITS, unpack
from lcm_core.placement.filters import refusal
from lcm_core.placement.fleet import Fleet
from lcm_core.placement.instants import MINUTE, clock_text
from lcm_core.placement.launch import LaunchOption, plan_launches
from lcm_core.placement.model import Demand, Placed, Refused, WorkerFacts
from lcm_core.placement.search import find_place, refusals

REFUSALS_TOLD = 50


class Outlook(StrEnum):
    """How it would go."""

    PLACED = "placed"
    LAUNCHED = "launched"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Preview:
    """The forecast: on which worker or with which new one, from when to when, and why not on the others.

    ``hourly_cost`` is that of the worker in US dollars; ``launch_at`` is when a new worker would be created.
    """

    outlook: Outlook
    message: str
    worker: WorkerFacts | None = None
    start: int | None = None
    end: int | None = None
    launch_at: int | None = None
    hourly_cost: float = 0.0
    refused: tuple[Refused, ...] = ()
    refused_total: int = 0


def preview(
    fleet: Fleet, demand: Demand, options: Sequence[LaunchOption], now: int, slack: int = 3 * MINUTE
) -> Preview:
    """Decide about one session as if it were alone in the queue. ``slack`` is the scheduler's launch reserve."""
    place = find_place(fleet, demand, now)
    told, total = refusals(fleet, demand, now, REFUSALS_TOLD)
    if isinstance(place, Placed):
        others = tuple(each for each in told if each.worker_id != place.facts.worker_id and each.filter != "rank")
        late = "; the worker is not ready in time" if place.late else ""
        message = f"It would run on {place.facts.name} from {clock_text(place.start)} to {clock_text(place.end)}{late}."
        return Preview(
            Outlook.PLACED,
            message,
            place.facts,
            place.start,
            place.end,
            hourly_cost=place.facts.hourly_cost,
            refused=others,
            refused_total=len(others),
        )
    plan = plan_launches([demand], options)
    if not plan.launches:
        reasons = [refused.message for option in options if (refused := refusal(option.facts, demand)) is not None]
        example = f" For example, {reasons[0]}" if reasons else ""
        message = f"No worker has room in that time and none that could take it may be launched.{example}"
        return Preview(Outlook.REFUSED, message, refused=tuple(told), refused_total=total)
    facts = plan.launches[0].option.facts
    start = facts.ready_at + demand.lead if demand.soon else demand.start
    end = start + demand.duration if demand.soon else demand.end
    launch_at = now if demand.soon else max(now, demand.start - demand.lead - facts.boot - slack)
    message = (
        f"No worker has room; {facts.name} would be launched at {clock_text(launch_at)} for "
        f"{facts.hourly_cost:.2f} USD an hour."
    )
    return Preview(Outlook.LAUNCHED, message, facts, start, end, launch_at, facts.hourly_cost, tuple(told), total)


def beyond_fleet_limit(demand: Demand, held: Sequence[Demand], largest_fleet: Sequence[tuple[WorkerFacts, int]]) -> str:
    """Why a reservation exceeds what the platform could ever offer in its slot; empty when it may fit.

    ``held`` are all other sessions that are reserved or placed, ``largest_fleet`` each kind of worker with the number
    that limits allow (and existing workers of no template). Only certain excess is refused: a sum of amounts that
    suffices does not promise that everything packs.
    """
    suitable = [(facts, count) for facts, count in largest_fleet if count > 0]
    if not any(refusal(facts, demand) is None for facts, _ in suitable):
        return "No worker that the platform may run can take this session."
    offered = [
        sum(unpack(facts.capacity)[column] * count for facts, count in suitable) for column in range(len(FIELDS))
    ]
    start, until = demand.start - demand.lead, demand.end + demand.cleanup
    rivals = [other for other in held if other.start - other.lead < until and other.end + other.cleanup > start]
    moments = {start, *(other.start - other.lead for other in rivals if other.start - other.lead > start)}
    for moment in sorted(moments):
        present = [other for other in rivals if other.start - other.lead <= moment < other.end + other.cleanup]
        for column, name in enumerate(FIELDS):
            wanted = sum(unpack(other.wanted)[column] for other in (*present, demand))
            if wanted > offered[column]:
                return (
                    f"At {clock_text(moment)} all reservations together would need {wanted} {UNITS[name]}; "
                    f"the largest fleet that limits allow has {offered[column]}."
                )
    return ""
