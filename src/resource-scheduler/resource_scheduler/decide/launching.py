"""Scale-up: when a launch is due and what is launched."""

import re
from collections.abc import Iterator, Sequence

from lcm_core.domain.vocabulary import WorkerPhase
from lcm_core.placement import Demand
from lcm_core.placement.instants import MINUTE, clock_text
from lcm_core.placement.launch import Launch
from lcm_core.placement.options import LaunchOptions
from resource_scheduler.decide.plan import LaunchOrder
from resource_scheduler.decide.world import World
from resource_scheduler.settings import SchedulerSettings

_ORDINAL = re.compile(r":(\d+)$")
SESSIONS_NAMED = 500


def launch_due(demand: Demand, options: LaunchOptions, settings: SchedulerSettings) -> int:
    """The instant at which a worker must be launched for a booked session to be in time."""
    slack = round(settings.launch_slack_minutes * MINUTE)
    return demand.start - demand.lead - options.longest_boot - slack


def launch_orders(launches: Sequence[Launch], world: World) -> list[LaunchOrder]:
    """The needs, numbered after the highest number known of the template and region.

    Two decisions from the same picture thus ask for the same needs, and the control plane makes each need once.
    """
    numbers: dict[tuple[str, str], int] = {}
    orders: list[LaunchOrder] = []
    for launch in launches:
        facts = launch.option.facts
        number = numbers.get(launch.option.name)
        if number is None:
            number = _highest(facts.template_id, facts.region, world)
        numbers[launch.option.name] = number = number + 1
        orders.append(
            LaunchOrder(
                need_id=need_id(facts.template_id, facts.region, number),
                template_id=facts.template_id,
                region=facts.region,
                reason="ScaledUpForSessions",
                message=_message(launch),
                session_ids=tuple(demand.session_id for demand in launch.demands)[:SESSIONS_NAMED],
            )
        )
    return orders


def need_id(template_id: str, region: str, number: int) -> str:
    """The name of the n-th worker that a template needs in a region."""
    return f"need:{template_id[:40]}:{region[:20]}:{number}"


def _highest(template_id: str, region: str, world: World) -> int:
    prefix = need_id(template_id, region, 0)[:-1]
    highest = 0
    for worker in world.workers.values():
        if worker.spec.need_id.startswith(prefix):
            match = _ORDINAL.search(worker.spec.need_id)
            highest = max(highest, int(match.group(1)) if match else 0)
    return highest


def _message(launch: Launch) -> str:
    facts, count = launch.option.facts, len(launch.demands)
    first = min(facts.ready_at if demand.soon else demand.start for demand in launch.demands)
    what = "1 session" if count == 1 else f"{count} sessions, the first"
    return (
        f"No worker has room for {what} at {clock_text(first)}; {facts.name} takes "
        f"{'it' if count == 1 else 'them'} at {facts.hourly_cost:.2f} USD an hour."
    )


def warm_orders(world: World, settings: SchedulerSettings, options: LaunchOptions) -> Iterator[LaunchOrder]:
    """Launches that keep the warm minimum of each template; stopped workers are woken before (see ``waking``)."""
    for template in world.templates:
        if not template.spec.enabled:
            continue
        wanted = settings.warm_workers(template.spec.name, template.spec.min_warm_workers, world.now)
        present = [
            worker
            for worker in world.workers.values()
            if worker.spec.template_id == template.id and worker.status.phase in _PRESENT and not worker.spec.drain
        ]
        missing = wanted - len(present)
        for option in options.options:
            if option.facts.template_id != template.id:
                continue
            start = _highest(template.id, option.facts.region, world)
            for step in range(min(max(0, missing), option.room)):
                yield LaunchOrder(
                    need_id=need_id(template.id, option.facts.region, start + step + 1),
                    template_id=template.id,
                    region=option.facts.region,
                    reason="WarmMinimum",
                    message=f"{wanted} {template.spec.name} workers are kept ready and {len(present)} exist; "
                    f"one more costs {option.facts.hourly_cost:.2f} USD an hour.",
                )
            missing -= option.room


_PRESENT = frozenset(
    {
        WorkerPhase.PENDING,
        WorkerPhase.PROVISIONING,
        WorkerPhase.STARTING,
        WorkerPhase.RUNNING,
        WorkerPhase.STOPPED,
        WorkerPhase.STOPPING,
    }
)
"""Phases that count toward the warm minimum; stopped ones do because they are woken for it."""
