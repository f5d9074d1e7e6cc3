"""The queue: every waiting session gets a place, a launch is planned for it, or it learns why it waits."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby

from lcm_core.contracts.common import Resources
from lcm_core.placement import Demand, Placed, find_place, queue_order, refusals
from lcm_core.placement.amounts import pack
from lcm_core.placement.filters import refusal
from lcm_core.placement.instants import MINUTE, clock_text, instant, micros
from lcm_core.placement.launch import Launch, plan_launches, usable_in_time
from lcm_core.placement.options import LaunchOptions
from lcm_core.placement.packing import balanced, largest_first
from resource_scheduler.decide.launching import launch_due, launch_orders
from resource_scheduler.decide.plan import ExpireOrder, Placement, Plan, Waiting
from resource_scheduler.decide.world import World
from resource_scheduler.settings import SchedulerSettings

REFUSALS_TOLD = 20


class Placing:
    """One pass over the queue; results go into the plan, places that are found are held in the world's fleet."""

    def __init__(self, world: World, settings: SchedulerSettings, plan: Plan) -> None:
        self._world = world
        self._settings = settings
        self._plan = plan
        self._now = micros(world.now)
        backoff = timedelta(minutes=settings.template_backoff_minutes)
        self._options = LaunchOptions(world.templates, world.workers.values(), world.now, backoff)
        self._dead_ends: set[tuple[object, ...]] = set()
        self._yardstick = max((state.facts.capacity for state in world.fleet), default=pack(Resources(cores=1)))

    @property
    def options(self) -> LaunchOptions:
        """What could be launched."""
        return self._options

    def run(self) -> None:
        """Serve the queue."""
        unplaced: list[Demand] = []
        postponed: list[Demand] = []
        ordered = queue_order(self._within_reach(), self._world.places_held)
        for _, equals in groupby(ordered, lambda demand: (demand.soon, demand.soon or demand.start, demand.priority)):
            group = list(equals)
            if self._place_all(group):
                continue
            for demand in group:
                place = self._find(demand)
                if place is None:
                    unplaced.append(demand)
                elif demand.soon and self._launch_would_be_sooner(demand, place):
                    postponed.append(demand)
                else:
                    self._place(place)
        self._scale_up(unplaced, postponed)

    def _place_all(self, group: list[Demand]) -> bool:
        """Place equals in the order that packs tightest; only if that serves all of them, else turns decide."""
        if len({demand.wanted for demand in group}) < 2:
            return False
        before = len(self._plan.placements)
        results: list[tuple[int, list[Demand]]] = []
        for arrange in (balanced, largest_first):
            order = arrange(group, self._yardstick)
            if self._place_each(order):
                used = {placement.placed.facts.worker_id for placement in self._plan.placements[before:]}
                results.append((len(used), order))
            self._take_back(before)
        if not results:
            return False
        return self._place_each(min(results, key=lambda result: result[0])[1])

    def _place_each(self, order: list[Demand]) -> bool:
        """Place all, bookings in their slots and the others at once; stops at the first that cannot."""
        for demand in order:
            place = self._find(demand)
            if place is None or (demand.soon and place.held_from > self._now):
                return False
            self._place(place)
        return True

    def _take_back(self, first: int) -> None:
        for placement in self._plan.placements[first:]:
            self._world.fleet.release(placement.placed.facts.worker_id, placement.claim_id)
        del self._plan.placements[first:]
        self._dead_ends.clear()

    def _within_reach(self) -> list[Demand]:
        """Waiting sessions that are decided now; the others are told why not."""
        horizon = micros(self._world.now + self._settings.horizon)
        chosen: list[Demand] = []
        for demand in self._world.waiting:
            if demand.deadline is not None and demand.deadline <= self._now:
                message = f"No place was found until {clock_text(demand.deadline)}, the last moment for this session."
                self._plan.expired.append(ExpireOrder(demand.session_id, "NoPlaceInTime", message))
            elif not demand.soon and demand.start - demand.lead > horizon:
                opens = demand.start - demand.lead - (horizon - self._now)
                self._plan.look_again(instant(opens))
                message = f"The reservation is kept; a worker is chosen for it from {clock_text(opens)} on."
                self._plan.waiting.append(Waiting(demand, "BeyondHorizon", message, demand.start))
            else:
                chosen.append(demand)
                if demand.deadline is not None:
                    self._plan.look_again(instant(demand.deadline))
        return chosen

    def _find(self, demand: Demand) -> Placed | None:
        """A place; what has no room for one session has none for its like until something is freed."""
        question = (demand.kind, demand.soon, demand.start, demand.end, demand.duration, demand.lead, demand.cleanup)
        if question in self._dead_ends:
            return None
        place = find_place(self._world.fleet, demand, self._now)
        if isinstance(place, Placed):
            return place
        self._dead_ends.add(question)
        return None

    def _launch_would_be_sooner(self, demand: Demand, place: Placed) -> bool:
        patience = round(self._settings.soon_patience_minutes * MINUTE)
        return any(
            place.held_from > option.facts.ready_at + patience and refusal(option.facts, demand) is None
            for option in self._options.options
        )

    def _place(self, place: Placed) -> None:
        demand = place.demand
        attempt = self._world.attempts.get(demand.session_id, 0)
        claim_id = f"c-{demand.session_id}-{attempt}"
        self._world.fleet.hold_place(place, claim_id)
        reason = "PlacedLate" if place.late else "Placed"
        self._plan.placements.append(Placement(place, claim_id, reason, _placed_message(place)))

    def _scale_up(self, unplaced: Sequence[Demand], postponed: Sequence[Demand]) -> None:
        batch = round(self._settings.batch_minutes * MINUTE)
        times = {demand.session_id: launch_due(demand, self._options, self._settings) for demand in unplaced}
        urgent = any(demand.soon or times[demand.session_id] <= self._now for demand in unplaced) or bool(postponed)
        limit = self._now + batch if urgent else self._now
        due = [demand for demand in unplaced if demand.soon or times[demand.session_id] <= limit]
        later = [demand for demand in unplaced if not demand.soon and times[demand.session_id] > limit]
        plan = plan_launches([*due, *postponed], self._options.options)
        self._plan.launches.extend(launch_orders(plan.launches, self._world))
        for launch in plan.launches:
            self._wait_for(launch)
        outside = {demand.session_id for demand in plan.left}
        self._place_after_all([demand for demand in postponed if demand.session_id in outside])
        for demand in due:
            if demand.session_id in outside:
                self._refuse(demand)
        self._plan_ahead(later, plan.launches, times)

    def _wait_for(self, launch: Launch) -> None:
        facts = launch.option.facts
        for demand in launch.demands:
            expected = facts.ready_at + demand.lead if demand.soon else max(demand.start, facts.ready_at)
            message = (
                f"Waits for {facts.name}, which is being launched and usable from {clock_text(facts.ready_at)} on."
            )
            self._plan.waiting.append(Waiting(demand, "LaunchingWorker", message, expected))

    def _place_after_all(self, postponed: Sequence[Demand]) -> None:
        """No launch helps these: they take the later place on a worker that exists."""
        for demand in postponed:
            place = self._find(demand)
            if place is None:
                self._refuse(demand)
            else:
                self._place(place)

    def _plan_ahead(self, later: Sequence[Demand], taken: Sequence[Launch], times: dict[str, int]) -> None:
        """Bookings whose launch is not due yet: the launch is planned, the money is not spent."""
        ahead = plan_launches(later, self._options.less(taken))
        for launch in ahead.launches:
            for demand in launch.demands:
                due = times[demand.session_id]
                self._plan.look_again(instant(due))
                template = launch.option.facts.name
                message = f"No worker has room; {template} will be launched for it at {clock_text(due)}."
                self._plan.waiting.append(Waiting(demand, "LaunchPlanned", message, demand.start))
        for demand in ahead.left:
            self._refuse(demand)

    def _refuse(self, demand: Demand) -> None:
        told, total = refusals(self._world.fleet, demand, self._now, REFUSALS_TOLD)
        if self._options.retry_at is not None:
            self._plan.look_again(self._options.retry_at)
        reason, message = self._why(demand, total)
        self._plan.waiting.append(Waiting(demand, reason, message, None, tuple(told), total))

    def _why(self, demand: Demand, workers: int) -> tuple[str, str]:
        candidates, _ = self._world.fleet.candidates(demand)
        launchable = [option for option in self._options.options if refusal(option.facts, demand) is None]
        on_workers = (
            f"None of the {workers} workers has room for it in its time"
            if candidates
            else f"None of the {workers} workers can ever take it" if workers else "There is no worker"
        )
        if launchable and not any(usable_in_time(option, demand) for option in launchable):
            ready = clock_text(min(option.facts.ready_at for option in launchable))
            return (
                "TooLateToLaunch",
                f"{on_workers}, and one launched now is usable from {ready} on, which is too late.",
            )
        if launchable:
            return "LaunchLimit", f"{on_workers}, and the workers that may be launched are all needed by others."
        if self._options.obstacles:
            return "NoLaunchPossible", f"{on_workers}. {' '.join(self._options.obstacles[:5])}"
        if self._options.options:
            refused = refusal(self._options.options[0].facts, demand)
            why = f" For example, {refused.message}" if refused else ""
            return "NothingSuitable", f"{on_workers}, and no template can launch one that could.{why}"
        return "NoTemplate", f"{on_workers}, and no enabled template can launch one."


def _placed_message(place: Placed) -> str:
    facts, start = place.facts, clock_text(place.start)
    if place.late:
        return f"Placed on {facts.name} for {start}; the worker is not ready in time, so the start is late."
    awake = "" if not facts.asleep else ", which is woken in time"
    return f"Placed on {facts.name}{awake} for {start} until {clock_text(place.end)}."
