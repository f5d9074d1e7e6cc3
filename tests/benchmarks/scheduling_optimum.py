"""Cost of scale-up against the exact optimum, found by OR-tools' CP-SAT on small cases."""

import argparse
import math
import random
import statistics
from itertools import pairwise

from loads import KINDS, booking, machine
from ortools.sat.python import cp_model
from rows import Row, publish

from lcm_core.contracts.common import Resources
from lcm_core.domain.vocabulary import WorkerPhase
from lcm_core.placement import Demand
from lcm_core.placement.amounts import fits, unpack
from lcm_core.placement.instants import HOUR, MINUTE
from lcm_core.placement.launch import LaunchOption, plan_launches

TEMPLATES = (
    ("large", Resources(cores=48, memory_mb=192 * 1024, storage_gb=256, nodes=200), 3.96),
    ("medium", Resources(cores=24, memory_mb=64 * 1024, storage_gb=128, nodes=100), 1.95),
    ("memory", Resources(cores=16, memory_mb=128 * 1024, storage_gb=128, nodes=60), 1.31),
    ("small", Resources(cores=16, memory_mb=32 * 1024, storage_gb=128, nodes=40), 0.75),
    ("tiny", Resources(cores=8, memory_mb=16 * 1024, storage_gb=64, nodes=20), 0.41),
)


def case(rng: random.Random) -> tuple[list[Demand], list[LaunchOption]]:
    """A few sessions around the same time, and some of the templates."""
    count = rng.randint(3, 12)
    starts = (2 * HOUR, 2 * HOUR + 60 * MINUTE, 5 * HOUR)
    demands = [booking(number, rng.choice(KINDS), rng.choice(starts), rng.choice((60, 120))) for number in range(count)]
    chosen = rng.sample(TEMPLATES, rng.randint(2, 4))
    if not any(name in ("large", "medium") for name, _, _ in chosen):
        chosen.append(TEMPLATES[0])
    options = [
        LaunchOption(machine(name, capacity, cost, phase=WorkerPhase.PENDING), 12) for name, capacity, cost in chosen
    ]
    return demands, options


def optimum(demands: list[Demand], options: list[LaunchOption], seconds: float) -> float | None:
    """The least cost of any set of workers that takes all sessions; None when it was not proven in time."""
    model = cp_model.CpModel()
    bins = []
    for option in options:
        copies = [model.new_bool_var("") for _ in range(min(option.room, len(demands)))]
        for first, second in pairwise(copies):
            model.add_implication(second, first)
        bins.extend((option, used) for used in copies)
    chosen = [[model.new_bool_var("") for _ in bins] for _ in demands]
    for row, demand in zip(chosen, demands, strict=True):
        model.add_exactly_one(row)
        for cell, (option, _) in zip(row, bins, strict=True):
            if not fits(option.facts.capacity, 0, demand.wanted):
                model.add(cell == 0)
    for moment in {demand.start - demand.lead for demand in demands}:
        present = [n for n, each in enumerate(demands) if each.start - each.lead <= moment < each.end + each.cleanup]
        for index, (option, used) in enumerate(bins):
            for column, offered in enumerate(unpack(option.facts.capacity)):
                taken = sum(unpack(demands[n].wanted)[column] * chosen[n][index] for n in present)
                model.add(taken <= offered * used)
    for index, (_, used) in enumerate(bins):
        for row in chosen:
            model.add_implication(row[index], used)
    model.minimize(sum(round(option.facts.hourly_cost * 100) * used for option, used in bins))
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = 2
    return solver.objective_value / 100 if solver.solve(model) == cp_model.OPTIMAL else None


def main() -> None:
    """Compare many small cases; the row holds the mean and the worst ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=5.0)
    arguments = parser.parse_args()
    ratios: list[float] = []
    for seed in range(arguments.cases):
        demands, options = case(random.Random(seed))
        best = optimum(demands, options, arguments.seconds)
        if best is None:
            print(f"case {seed}: {len(demands)} sessions, no proof within {arguments.seconds:g} s, left out")
            continue
        plan = plan_launches(demands, options)
        assert not plan.left
        ratios.append(plan.cost / best)
        if not math.isclose(plan.cost, best, abs_tol=0.005):
            print(f"case {seed}: {len(demands)} sessions, {plan.cost:.2f} USD against {best:.2f} USD")
    publish(
        [
            Row("scale-up cost against the exact optimum, mean", statistics.mean(ratios), "x optimum", 1.10, 1.03),
            Row("scale-up cost against the exact optimum, worst case", max(ratios), "x optimum"),
        ]
    )
    print(f"{len(ratios)} cases proven, {sum(ratio < 1.0001 for ratio in ratios)} of them met exactly")


if __name__ == "__main__":
    main()
