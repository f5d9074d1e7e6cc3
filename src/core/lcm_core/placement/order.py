"""The order in which waiting sessions are served.

Booked sessions come before those that run as soon as possible, so that filling a gap never delays a booking. Among
equals owners take turns: an owner's next session counts behind what the owner already has, so nobody fills the fleet by
asking first and most.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from lcm_core.placement.model import Demand


def queue_order(waiting: Iterable[Demand], places_held: Mapping[str, int]) -> list[Demand]:
    """Waiting sessions, the next to be served first. ``places_held`` counts the live sessions of each owner.

    Booked: slot start, priority (higher first), turn of the owner, age. As soon as possible: priority, turn, age.
    """
    booked: dict[tuple[int, int], list[Demand]] = defaultdict(list)
    soon: dict[int, list[Demand]] = defaultdict(list)
    for demand in waiting:
        if demand.soon:
            soon[-demand.priority].append(demand)
        else:
            booked[(demand.start, -demand.priority)].append(demand)
    ordered: list[Demand] = []
    for place in sorted(booked):
        ordered.extend(_in_turns(booked[place], places_held))
    for priority in sorted(soon):
        ordered.extend(_in_turns(soon[priority], places_held))
    return ordered


def _in_turns(equals: list[Demand], places_held: Mapping[str, int]) -> list[Demand]:
    equals.sort(key=lambda demand: (demand.created, demand.session_id))
    turns: dict[str, int] = {}
    keyed: list[tuple[int, int, str, Demand]] = []
    for demand in equals:
        turn = turns.get(demand.owner, places_held.get(demand.owner, 0))
        turns[demand.owner] = turn + 1
        keyed.append((turn, demand.created, demand.session_id, demand))
    return [entry[3] for entry in sorted(keyed, key=lambda entry: entry[:3])]
