"""Benchmarks of placement: decision rate, packing and cost of scale-up against bounds. Run as a script."""

import argparse
import random
import statistics
import time
from dataclasses import dataclass

from rows import Row, publish

from lcm_core.contracts.common import Resources
from lcm_core.domain.vocabulary import WorkerPhase
from lcm_core.placement import Demand, Fleet, Holding, Placed, Rules, WorkerFacts, find_place
from lcm_core.placement.amounts import pack
from lcm_core.placement.instants import HOUR, MINUTE

METAL = Resources(cores=48, memory_mb=192 * 1024, storage_gb=256, nodes=200)
PORTS = 8


@dataclass(frozen=True, slots=True)
class Shape:
    """What sessions of one definition need."""

    rules: Rules
    needs: Resources


def shapes() -> list[Shape]:
    """Labs of different character: small, memory-heavy, processor-heavy, many nodes."""
    amounts = [(2, 4, 4, 4), (4, 8, 8, 6), (4, 24, 10, 5), (10, 12, 10, 8), (3, 6, 6, 20), (6, 16, 12, 10)]
    names = tuple(f"PORT{number}" for number in range(PORTS))
    return [
        Shape(
            Rules(f"lab-{index}", node_definitions=frozenset({"iosv"}), port_names=names),
            Resources(cores=cores, memory_mb=memory * 1024, storage_gb=storage, nodes=nodes),
        )
        for index, (cores, memory, storage, nodes) in enumerate(amounts)
    ]


def facts(name: str, capacity: Resources = METAL, cost: float = 4.0, *, ready_at: int = 0) -> WorkerFacts:
    """A running worker."""
    return WorkerFacts(
        worker_id=name,
        name=name,
        region="us-east-1",
        phase=WorkerPhase.RUNNING,
        capacity=pack(capacity),
        declared=capacity,
        port_low=2000,
        port_high=7999,
        ready_at=ready_at,
        boot=10 * MINUTE,
        template_id="metal",
        node_definitions=frozenset({"iosv", "csr1000v"}),
        hourly_cost=cost,
    )


def booked(rng: random.Random, shape: Shape, number: int, day: int) -> Demand:
    """A booking at a random time of the day."""
    start = rng.randrange(30, day // MINUTE - 240, 5) * MINUTE
    length = rng.choice((45, 60, 90, 120, 180, 240)) * MINUTE
    wanted = pack(shape.needs)
    return Demand(
        f"s{number}", shape.rules, wanted, start, start + length, 15 * MINUTE, 5 * MINUTE, owner=f"o{number % 50}"
    )


def full_fleet(rng: random.Random, workers: int = 100) -> Fleet:
    """Workers with a day of bookings each, packed until a booking finds no place two hundred times."""
    fleet = Fleet([facts(f"w{number:03}") for number in range(workers)])
    kinds, refused, number = shapes(), 0, 0
    while refused < 200:
        demand = booked(rng, rng.choice(kinds), number, 24 * HOUR)
        place = find_place(fleet, demand, 0)
        if isinstance(place, Placed):
            fleet.hold_place(place, f"c{number}")
        else:
            refused += 1
        number += 1
    return fleet


def decision_rate(seed: int, decisions: int) -> tuple[float, float]:
    """Decisions a second on full workers, and the share that found a place. Each place found is held, as in life."""
    rng = random.Random(seed)
    fleet = full_fleet(rng)
    held = [(state.facts.worker_id, claim_id) for state in fleet for claim_id in state.holdings]
    rng.shuffle(held)
    for worker_id, claim_id in held[: len(held) // 5]:
        fleet.release(worker_id, claim_id)
    kinds = shapes()
    demands = [booked(rng, rng.choice(kinds), 100_000 + number, 24 * HOUR) for number in range(decisions)]
    placed = 0
    begin = time.perf_counter()
    for demand in demands:
        place = find_place(fleet, demand, 0)
        if isinstance(place, Placed):
            placed += 1
            fleet.hold_place(place, demand.session_id)
    return decisions / (time.perf_counter() - begin), placed / decisions


def claim_rate(seed: int) -> float:
    """Incremental updates a second: a claim taken and given back on a full worker."""
    rng = random.Random(seed)
    fleet = full_fleet(rng, 5)
    wanted = pack(shapes()[0].needs)
    holdings = [
        Holding(f"x{number}", f"x{number}", start := rng.randrange(0, 20 * HOUR), start + 2 * HOUR, wanted, 1 << 7000)
        for number in range(2000)
    ]
    begin = time.perf_counter()
    for number, holding in enumerate(holdings):
        fleet.hold(f"w{number % 5:03}", holding)
        fleet.release(f"w{number % 5:03}", holding.claim_id)
    return 2 * len(holdings) / (time.perf_counter() - begin)


def main() -> None:
    """Measure and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    rates = [decision_rate(seed, 2000) for seed in range(arguments.seeds)]
    print("share placed:", [round(share, 3) for _, share in rates])
    publish(
        [
            Row("placement decision, pure", statistics.median(rate for rate, _ in rates), "1/s", 1000, 5000, "higher"),
            Row(
                "claim update, pure",
                statistics.median(claim_rate(seed) for seed in range(3)),
                "1/s",
                None,
                None,
                "higher",
            ),
        ]
    )


if __name__ == "__main__":
    main()
