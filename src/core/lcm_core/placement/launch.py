"""Scale-up: the cheapest set of new workers that takes what found no place.

Workers of several templates and regions differ in size and price, so this is bin packing with unlike bins over time.
The set is built greedily by value for money from several starting points, then improved: a worker's sessions move to a
cheaper template where they fit, and a worker goes where its sessions fit beside the others. The cheapest result wins;
ties are decided by name, so the same demand always gives the same set.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lcm_core.placement.amounts import fits, largest_share
from lcm_core.placement.filters import refusal
from lcm_core.placement.instants import MINUTE
from lcm_core.placement.model import Demand, WorkerFacts
from lcm_core.placement.packing import balanced
from lcm_core.placement.timeline import Timeline

MERGES_TRIED = 3
LARGE_TASK = 40
"""Up to so many sessions the planner tries shuffled orders as well."""
SHUFFLES = 12


@dataclass(frozen=True, slots=True)
class LaunchOption:
    """A template in a region: the worker it would make now, and how many more of it the limits allow."""

    facts: WorkerFacts
    room: int

    @property
    def name(self) -> tuple[str, str]:
        """Template and region."""
        return (self.facts.template_id, self.facts.region)


@dataclass(slots=True, eq=False)
class Launch:
    """One new worker with the sessions it is meant for."""

    option: LaunchOption
    demands: list[Demand] = field(default_factory=list)
    timeline: Timeline = field(default_factory=Timeline)

    @property
    def cost(self) -> float:
        """US dollars an hour."""
        return self.option.facts.hourly_cost

    def take(self, demand: Demand) -> bool:
        """Add a session if it fits beside the others; answers whether it did."""
        facts = self.option.facts
        start, until = _held(demand, facts)
        if self.timeline.blocked_at(start, until, facts.capacity, demand.wanted) is not None:
            return False
        ports = len(demand.rules.port_names)
        bits = 0
        if ports:
            free = facts.port_mask & ~self.timeline.ports_held(start, until)
            if free.bit_count() < ports:
                return False
            for _ in range(ports):
                bits |= free & -free
                free &= free - 1
        self.timeline.hold(start, until, demand.wanted, bits)
        self.demands.append(demand)
        return True


@dataclass(frozen=True, slots=True)
class LaunchPlan:
    """The chosen workers and the sessions that no allowed launch could take."""

    launches: tuple[Launch, ...]
    left: tuple[Demand, ...]

    @property
    def cost(self) -> float:
        """US dollars an hour of all new workers."""
        return sum(launch.cost for launch in self.launches)


def plan_launches(demands: Sequence[Demand], options: Sequence[LaunchOption]) -> LaunchPlan:
    """The cheapest set found. Fewer sessions left over always beats a lower cost."""
    usable = sorted((option for option in options if option.room > 0), key=lambda option: option.name)
    if not usable or not demands:
        return LaunchPlan((), tuple(demands))
    task = _Task(usable, demands)
    plans = (task.greedy(order, preferred) for order, preferred in task.starting_points())
    return min(plans, key=lambda plan: (len(plan.left), round(plan.cost, 6), len(plan.launches)))


def usable_in_time(option: LaunchOption, demand: Demand) -> bool:
    """Whether a worker launched now would be ready while the session can still run."""
    begin = option.facts.ready_at
    return begin <= demand.end - demand.duration if demand.soon else begin < demand.end


def _held(demand: Demand, facts: WorkerFacts) -> tuple[int, int]:
    """What the session would hold on a worker that is launched now."""
    if demand.soon:
        return facts.ready_at, facts.ready_at + demand.lead + demand.duration + demand.cleanup
    until = demand.end + demand.cleanup
    return min(demand.start - demand.lead, until - MINUTE), until


def _copy(launch: Launch) -> Launch:
    copy = Launch(launch.option)
    for demand in launch.demands:
        copy.take(demand)
    return copy


class _Task:
    """One planning problem: which option takes which session, and what a session is worth."""

    def __init__(self, options: Sequence[LaunchOption], demands: Sequence[Demand]) -> None:
        self._options = options
        self._accepts: dict[tuple[str, str, tuple[str, int]], bool] = {}
        self._worth: dict[str, float] = {}
        possible: list[Demand] = []
        self._impossible: list[Demand] = []
        for demand in demands:
            worth = min((self._price(option, demand) for option in options if self.accepts(option, demand)), default=-1)
            if worth < 0:
                self._impossible.append(demand)
            else:
                self._worth[demand.session_id] = worth
                possible.append(demand)
        # Equal sizes keep the order of the queue.
        self._demands = sorted(possible, key=lambda demand: -self._worth[demand.session_id])

    def starting_points(self) -> Iterator[tuple[list[Demand], LaunchOption | None]]:
        """Orders of the sessions and the option to prefer; small tasks afford many of them."""
        options: list[LaunchOption | None] = [None, *self._options]
        orders = [self._demands]
        for option in self._options:
            orders.append(balanced(self._demands, option.facts.capacity))
            if len(self._demands) > LARGE_TASK:
                yield orders[-1], option
        if len(self._demands) > LARGE_TASK:
            # Over a long time, serving by start is what keeps few workers busy at once.
            yield sorted(self._demands, key=lambda demand: demand.start), None
            yield from ((self._demands, option) for option in options)
            return
        shuffling = random.Random(len(self._demands))
        for _ in range(SHUFFLES):
            orders.append(shuffling.sample(self._demands, len(self._demands)))
        yield from ((order, option) for order in orders for option in options)

    def accepts(self, option: LaunchOption, demand: Demand) -> bool:
        """Whether a worker of the option could run the session at all."""
        key = (*option.name, demand.kind)
        known = self._accepts.get(key)
        if known is None:
            known = self._accepts[key] = refusal(option.facts, demand) is None
        return known and usable_in_time(option, demand)

    @staticmethod
    def _price(option: LaunchOption, demand: Demand) -> float:
        """The part of the worker's cost that the session would use up."""
        return option.facts.hourly_cost * largest_share(demand.wanted, option.facts.capacity)

    def greedy(self, order: list[Demand], only: LaunchOption | None) -> LaunchPlan:
        """Open the worker with the best value for money again and again; ``only`` is preferred while it has room."""
        room = {option.name: option.room for option in self._options}
        left = list(order)
        launches: list[Launch] = []
        while left:
            launch = self._best(left, room, only)
            if launch is None:
                break
            room[launch.option.name] -= 1
            taken = {demand.session_id for demand in launch.demands}
            left = [demand for demand in left if demand.session_id not in taken]
            launches.append(launch)
        launches = self._merged([self._cheaper(launch, room) for launch in launches])
        launches.sort(key=lambda launch: (launch.option.name, launch.demands[0].session_id))
        return LaunchPlan(tuple(launches), (*left, *self._impossible))

    def _best(self, left: list[Demand], room: dict[tuple[str, str], int], only: LaunchOption | None) -> Launch | None:
        best: tuple[float, float, Launch] | None = None
        for option in self._options:
            if room[option.name] <= 0:
                continue
            launch = self._filled(option, left)
            if not launch.demands:
                continue
            value = sum(self._worth[demand.session_id] for demand in launch.demands)
            ratio = value / option.facts.hourly_cost if option.facts.hourly_cost else float("inf")
            preferred = 1.0 if option is only else 0.0
            if best is None or (preferred, ratio) > best[:2]:
                best = (preferred, ratio, launch)
        return best[2] if best else None

    def _filled(self, option: LaunchOption, left: list[Demand]) -> Launch:
        launch = Launch(option)
        full: set[tuple[object, ...]] = set()
        for demand in left:
            # What did not fit once does not fit later: a worker only gets fuller.
            shape = (demand.kind, demand.soon, demand.duration if demand.soon else (demand.start, demand.end))
            if shape in full:
                continue
            if not self.accepts(option, demand) or not launch.take(demand):
                full.add(shape)
        return launch

    def _cheaper(self, launch: Launch, room: dict[tuple[str, str], int]) -> Launch:
        """The cheapest option that takes all of a worker's sessions."""
        for option in sorted(self._options, key=lambda each: each.facts.hourly_cost):
            if option.facts.hourly_cost >= launch.cost:
                break
            if room[option.name] <= 0 or not all(self.accepts(option, demand) for demand in launch.demands):
                continue
            if any(not fits(option.facts.capacity, 0, demand.wanted) for demand in launch.demands):
                continue
            other = Launch(option)
            if all(other.take(demand) for demand in launch.demands):
                room[launch.option.name] += 1
                room[option.name] -= 1
                return other
        return launch

    def _merged(self, launches: list[Launch]) -> list[Launch]:
        """Without the workers whose sessions fit beside the others. The emptiest are tried, the rest cannot go."""
        worth = {id(each): sum(self._worth[demand.session_id] for demand in each.demands) for each in launches}
        emptiest = sorted(launches, key=lambda each: worth[id(each)] / (each.cost or 1.0))[:MERGES_TRIED]
        for launch in emptiest:
            others = [_copy(other) for other in launches if other is not launch]
            if others and all(self._moved(demand, others) for demand in launch.demands):
                return self._merged(others)
        return launches

    def _moved(self, demand: Demand, others: list[Launch]) -> bool:
        return any(self.accepts(other.option, demand) and other.take(demand) for other in others)
