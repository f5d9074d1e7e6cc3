"""Loads for the packing benchmarks: sessions of different character on one kind of machine, and the least they need."""

import math
import random
from collections.abc import Callable, Sequence

from lcm_core.contracts.common import Resources
from lcm_core.domain.vocabulary import WorkerPhase
from lcm_core.placement import Demand, Rules, WorkerFacts
from lcm_core.placement.amounts import pack, unpack
from lcm_core.placement.instants import HOUR, MINUTE

METAL = Resources(cores=48, memory_mb=192 * 1024, storage_gb=256, nodes=200)
PORTS = 8
NAMES = tuple(f"PORT{number}" for number in range(PORTS))
Amounts = tuple[int, int, int, int]


def machine(
    name: str,
    capacity: Resources = METAL,
    cost: float = 4.0,
    *,
    phase: WorkerPhase = WorkerPhase.RUNNING,
    ready_at: int = 0,
) -> WorkerFacts:
    """A worker."""
    return WorkerFacts(
        worker_id=name,
        name=name,
        region="us-east-1",
        phase=phase,
        capacity=pack(capacity),
        declared=capacity,
        port_low=2000,
        port_high=7999,
        ready_at=ready_at,
        boot=10 * MINUTE,
        template_id=name if phase is WorkerPhase.PENDING else "metal",
        node_definitions=frozenset({"iosv", "csr1000v"}),
        hourly_cost=cost,
    )


def rules(key: str) -> Rules:
    """Rules of one definition."""
    return Rules(key, node_definitions=frozenset({"iosv"}), port_names=NAMES)


def booking(number: int, amounts: Amounts, start: int, minutes: int) -> Demand:
    """A booked session; amounts are cores, GB of memory, GB of storage and nodes."""
    cores, memory, storage, nodes = amounts
    wanted = pack(Resources(cores=cores, memory_mb=memory * 1024, storage_gb=storage, nodes=nodes))
    key = f"lab-{cores}-{memory}-{storage}-{nodes}"
    end = start + minutes * MINUTE
    return Demand(
        f"s{number:05}",
        rules(key),
        wanted,
        start,
        end,
        15 * MINUTE,
        5 * MINUTE,
        owner=f"o{number % 50}",
        created=number,
    )


KINDS: tuple[Amounts, ...] = (
    (2, 4, 4, 4),
    (4, 8, 8, 6),
    (4, 24, 10, 5),
    (10, 12, 10, 8),
    (3, 6, 6, 20),
    (6, 16, 12, 10),
)
"""Small, memory-heavy, processor-heavy and many-node labs."""


def random_day(rng: random.Random) -> list[Demand]:
    """Bookings at any time of a day, any length."""
    return [
        booking(number, rng.choice(KINDS), rng.randrange(30, 20 * 60, 5) * MINUTE, rng.choice((45, 60, 90, 120, 180)))
        for number in range(1500)
    ]


def same_slot(rng: random.Random) -> list[Demand]:
    """A mix of labs, all at the same time."""
    return [booking(number, rng.choice(KINDS), 2 * HOUR, 120) for number in range(600)]


def exam_morning(rng: random.Random) -> list[Demand]:
    """Six hundred sessions of one exam with two variants, in three slots one after the other."""
    variants: tuple[Amounts, ...] = ((6, 20, 16, 12), (5, 16, 12, 9))
    return [booking(number, rng.choice(variants), 2 * HOUR + (number % 3) * 140 * MINUTE, 120) for number in range(600)]


def thirds(rng: random.Random) -> list[Demand]:
    """Just over a half, a third and the exact rest, small ones asked for first: the worst case of first fit."""
    parts: list[Amounts] = [(6, 8, 8, 5)] * 40 + [(17, 8, 8, 5)] * 40 + [(25, 8, 8, 5)] * 40
    del rng
    return [booking(number, amounts, 2 * HOUR, 60) for number, amounts in enumerate(parts)]


def opposites(rng: random.Random) -> list[Demand]:
    """Labs that want cores and labs that want memory, first all of one sort, then all of the other."""
    parts: list[Amounts] = [(9, 6, 8, 5)] * 150 + [(3, 42, 8, 5)] * 150
    del rng
    return [booking(number, amounts, 2 * HOUR, 60) for number, amounts in enumerate(parts)]


LOADS: dict[str, Callable[[random.Random], list[Demand]]] = {
    "random day": random_day,
    "one slot, mixed labs": same_slot,
    "exam morning": exam_morning,
    "adversarial: thirds": thirds,
    "adversarial: opposites": opposites,
}


def least_workers(demands: Sequence[Demand], capacity: Resources = METAL) -> int:
    """No set of workers can be smaller: the greatest demand at any instant over the capacity of one worker."""
    offered = unpack(pack(capacity))
    most = 0.0
    for moment in {demand.start - demand.lead for demand in demands}:
        present = [
            unpack(demand.wanted)
            for demand in demands
            if demand.start - demand.lead <= moment < demand.end + demand.cleanup
        ]
        for column in range(4):
            most = max(most, sum(amounts[column] for amounts in present) / offered[column])
    return math.ceil(most - 1e-9)
