"""Finding a place for one session: the first worker in order of preference that has room for the whole interval."""

from lcm_core.domain.vocabulary import WorkerPhase
from lcm_core.placement.amounts import UNITS, largest_share, shortages
from lcm_core.placement.fleet import Fleet, WorkerState
from lcm_core.placement.instants import clock_text
from lcm_core.placement.model import Demand, Placed, Refused, Unplaced, WorkerFacts

FOREVER = 1 << 62
REFUSALS_WITH_A_PLACE = 5
"""Better ranked workers whose refusal is told beside a place that was found."""


def find_place(fleet: Fleet, demand: Demand, now: int) -> Placed | Unplaced:
    """Where and when a session runs, given everything that is held. Nothing is changed."""
    found = _soonest(fleet, demand, now) if demand.soon else _booked(fleet, demand, now)
    return found or Unplaced(demand)


def _booked(fleet: Fleet, demand: Demand, now: int) -> Placed | None:
    """First fit among workers that are ready in time, else the one that is ready first."""
    start, until = _held(demand, now)
    wanted = demand.wanted
    late: list[tuple[int, WorkerState]] = []
    tried: list[WorkerState] = []
    candidates, refused = fleet.candidates(demand)
    for state in candidates:
        facts = state.facts
        ready = facts.ready(now)
        if ready > start or facts.worker_id == demand.avoid_worker:
            late.append((ready, state))
        elif state.timeline.blocked_at(start, until, facts.capacity, wanted) is None:
            place = _take(state, demand, demand.start, demand.end, start, until)
            if place is not None:
                return _explained(place, fleet, now, tried, len(refused))
            tried.append(state)
        else:
            tried.append(state)
    late.sort(key=lambda entry: (entry[1].facts.worker_id == demand.avoid_worker, entry[0]))
    for ready, state in late:
        if ready < demand.end and state.timeline.blocked_at(start, until, state.facts.capacity, wanted) is None:
            too_late = ready + demand.lead > demand.start
            place = _take(state, demand, demand.start, demand.end, start, until, late=too_late)
            if place is not None:
                return _explained(place, fleet, now, tried, len(refused))
        tried.append(state)
    return None


def _soonest(fleet: Fleet, demand: Demand, now: int) -> Placed | None:
    """The earliest start on any worker; with the full boot lead if the window allows, else with what is left of it."""
    for lead in (demand.lead, 0):
        length = lead + demand.duration + demand.cleanup
        latest = demand.end - demand.duration - lead
        best: tuple[int, WorkerState] | None = None
        candidates, refused = fleet.candidates(demand)
        tried: list[WorkerState] = []
        for state in sorted(candidates, key=lambda each: each.facts.worker_id == demand.avoid_worker):
            floor = max(state.facts.ready(now), demand.start)
            limit = latest if best is None else min(latest, best[0] - 1)
            begin = _earliest_on(state, demand, floor, limit, length)
            if begin is None:
                tried.append(state)
                continue
            best = (begin, state)
            if begin <= now:
                break
        if best is not None:
            begin, state = best
            start = begin + lead
            end = start + demand.duration
            place = _take(state, demand, start, end, begin, end + demand.cleanup)
            if place is not None:
                return _explained(place, fleet, now, tried, len(refused))
        if not demand.lead:
            break
    return None


def _earliest_on(state: WorkerState, demand: Demand, floor: int, limit: int, length: int) -> int | None:
    """The earliest start on one worker up to ``limit``, ports included. Remembered until the holdings change."""
    answers = state.answers()
    question = (demand.wanted, len(demand.rules.port_names), floor, length)
    if question not in answers:
        answers[question] = _search_on(state, demand, floor, length)
    begin = answers[question]
    return begin if begin is not None and begin <= limit else None


def _search_on(state: WorkerState, demand: Demand, floor: int, length: int) -> int | None:
    """Without an end, so that the answer serves every session that asks the same."""
    facts, timeline = state.facts, state.timeline
    ports = len(demand.rules.port_names)
    begin = timeline.earliest(floor, FOREVER, length, facts.capacity, demand.wanted)
    while begin is not None and ports:
        free = facts.port_mask & ~timeline.ports_held(begin, begin + length)
        if free.bit_count() >= ports:
            return begin
        later = timeline.next_change(begin)
        begin = None if later is None else timeline.earliest(later, FOREVER, length, facts.capacity, demand.wanted)
    return begin


def _held(demand: Demand, now: int) -> tuple[int, int]:
    """What a booked session holds: from its boot lead, or from now if that has begun, until it is cleaned up."""
    until = demand.end + demand.cleanup
    return min(max(now, demand.start - demand.lead), until - 1), until


def _take(
    state: WorkerState, demand: Demand, start: int, end: int, held_from: int, held_until: int, *, late: bool = False
) -> Placed | None:
    """The place with its ports; None when the ports do not suffice."""
    names = demand.rules.port_names
    ports: dict[str, int] = {}
    bits = 0
    if names:
        free = state.facts.port_mask & ~state.timeline.ports_held(held_from, held_until)
        if free.bit_count() < len(names):
            return None
        for name in names:
            lowest = free & -free
            ports[name] = lowest.bit_length() - 1
            bits |= lowest
            free ^= lowest
    return Placed(demand, state.facts, start, end, held_from, held_until, ports, bits, late)


def _explained(place: Placed, fleet: Fleet, now: int, tried: list[WorkerState], never: int) -> Placed:
    state = fleet.get(place.facts.worker_id)
    assert state is not None  # the place was found on it a moment ago
    used = state.timeline.used_at(place.start)
    facts = place.facts
    scores = {
        "ready_in_time": 0.0 if place.late else 1.0,
        "awake": 1.0 if facts.phase is WorkerPhase.RUNNING else 0.0,
        "load_after": round(largest_share(used + place.demand.wanted, facts.capacity), 3),
        "warm_lab": 1.0 if place.demand.rules.key in state.warm else 0.0,
    }
    refused = tuple(why_not(each, place.demand, now) for each in tried[:REFUSALS_WITH_A_PLACE])
    return Placed(
        place.demand,
        facts,
        place.start,
        place.end,
        place.held_from,
        place.held_until,
        place.ports,
        place.port_bits,
        place.late,
        scores,
        refused,
        len(tried) + never,
    )


def why_not(state: WorkerState, demand: Demand, now: int) -> Refused:
    """Why a worker that takes the kind has no room for this session, with the numbers."""
    facts = state.facts
    if demand.soon:
        length = demand.duration + demand.cleanup
        begin = max(facts.ready(now), demand.start)
        if begin > demand.end - demand.duration:
            return _refused(facts, "boot-time", f"is usable from {clock_text(begin)} on, too late for the session")
        start, until = begin, begin + length
    else:
        start, until = _held(demand, now)
        if facts.ready(now) >= demand.end:
            return _refused(facts, "boot-time", f"is usable from {clock_text(facts.ready(now))} on, after the slot")
    moment = state.timeline.blocked_at(start, until, facts.capacity, demand.wanted)
    if moment is not None:
        used = state.timeline.used_at(moment)
        name, wanted, free, offered = next(shortages(facts.capacity, used, demand.wanted))
        text = f"has {free} of {offered} {UNITS[name]} free at {clock_text(moment)}; {wanted} are needed"
        return _refused(facts, "capacity", text)
    free_ports = (facts.port_mask & ~state.timeline.ports_held(start, until)).bit_count()
    wanted_ports = len(demand.rules.port_names)
    if free_ports < wanted_ports:
        return _refused(facts, "ports", f"has {free_ports} ports free in that time; {wanted_ports} are needed")
    return _refused(facts, "rank", "starts later than the chosen worker")


def refusals(fleet: Fleet, demand: Demand, now: int, limit: int) -> tuple[list[Refused], int]:
    """Every worker's reason against a session that found no place, up to ``limit``, and how many there are."""
    candidates, never = fleet.candidates(demand)
    told = [why_not(state, demand, now) for state in candidates[:limit]]
    return [*told, *never[: max(0, limit - len(told))]], len(candidates) + len(never)


def _refused(facts: WorkerFacts, name: str, message: str) -> Refused:
    return Refused(facts.worker_id, facts.name, name, f"{facts.name} {message}.")
