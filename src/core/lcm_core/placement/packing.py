"""The order in which sessions of unlike shape pack best when each takes the first worker with room.

Largest first is the classic rule, but it puts all memory-heavy labs together and leaves their workers' cores idle. The
balanced order instead fills an imaginary worker after the other, each time with the session whose shape matches best
what that worker has left, weighted by how scarce each amount is overall.
"""

from collections import deque
from collections.abc import Sequence

from lcm_core.placement.amounts import largest_share, unpack
from lcm_core.placement.model import Demand

_Shape = tuple[float, ...]


def largest_first(demands: Sequence[Demand], capacity: int) -> list[Demand]:
    """By the greatest share of a worker's capacity; equals keep their order."""
    shares = {wanted: largest_share(wanted, capacity) for wanted in {demand.wanted for demand in demands}}
    return sorted(demands, key=lambda demand: -shares[demand.wanted])


def balanced(demands: Sequence[Demand], capacity: int) -> list[Demand]:
    """Worker by worker, the best match for what is left of it; equals keep their order.

    Slots are left out of account: the order is for sessions that run at about the same time.
    """
    offered = unpack(capacity)
    waiting: dict[int, deque[Demand]] = {}
    for demand in demands:
        waiting.setdefault(demand.wanted, deque()).append(demand)
    shapes = {wanted: _shape(wanted, offered) for wanted in waiting}
    scarcity = _scarcity(waiting, shapes)
    ordered: list[Demand] = []
    left: _Shape = (1.0,) * len(offered)
    while waiting:
        best = _best_match(waiting, shapes, scarcity, left)
        if best is None:
            if min(left) >= 1.0:
                # Larger than the imaginary worker: no order helps these.
                ordered.extend(demand for queue in waiting.values() for demand in queue)
                break
            left = (1.0,) * len(offered)
            continue
        queue = waiting[best]
        ordered.append(queue.popleft())
        if not queue:
            del waiting[best]
        left = tuple(rest - part for rest, part in zip(left, shapes[best], strict=True))
    return ordered


def _shape(wanted: int, offered: Sequence[int]) -> _Shape:
    return tuple(
        amount / whole if whole else (2.0 if amount else 0.0)
        for amount, whole in zip(unpack(wanted), offered, strict=True)
    )


def _scarcity(waiting: dict[int, deque[Demand]], shapes: dict[int, _Shape]) -> _Shape:
    """How much of each amount is asked for in all, in workers."""
    columns = zip(*(tuple(part * len(waiting[wanted]) for part in shapes[wanted]) for wanted in waiting), strict=True)
    return tuple(sum(column) for column in columns)


def _best_match(
    waiting: dict[int, deque[Demand]], shapes: dict[int, _Shape], scarcity: _Shape, left: _Shape
) -> int | None:
    best: tuple[float, int] | None = None
    for wanted in waiting:
        shape = shapes[wanted]
        if any(part > rest + 1e-9 for part, rest in zip(shape, left, strict=True)):
            continue
        match = sum(weight * part * rest for weight, part, rest in zip(scarcity, shape, left, strict=True))
        if best is None or match > best[0]:
            best = (match, wanted)
    return None if best is None else best[1]
