"""Packing quality: workers used against the lower bound, by placing on a ready fleet and by launching."""

import argparse
import random
from datetime import UTC, datetime

from loads import LOADS, least_workers, machine
from rows import Row, publish

from lcm_core.domain.vocabulary import WorkerPhase
from lcm_core.placement import Demand, Fleet
from lcm_core.placement.launch import LaunchOption, plan_launches
from resource_scheduler.decide import World, decide
from resource_scheduler.settings import SchedulerSettings

BEGIN = datetime(1970, 1, 1, tzinfo=UTC)


def placed_on(demands: list[Demand]) -> int:
    """Workers of a large ready fleet that the scheduler uses; every session must find a place."""
    fleet = Fleet([machine(f"w{number:03}") for number in range(400)])
    plan = decide(World(now=BEGIN, fleet=fleet, waiting=demands), SchedulerSettings())
    assert len(plan.placements) == len(demands), "a session found no place on an empty fleet"
    return len({placement.placed.facts.worker_id for placement in plan.placements})


def launched_for(demands: list[Demand]) -> int:
    """Workers that scale-up would launch for all of it."""
    option = LaunchOption(machine("metal", phase=WorkerPhase.PENDING), 400)
    plan = plan_launches(demands, [option])
    assert not plan.left, "a session was left out although launches were allowed"
    return len(plan.launches)


def main() -> None:
    """Measure every load with several seeds; the row holds the worst of all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    worst = {"placing": 0.0, "launching": 0.0}
    for name, make in LOADS.items():
        for seed in range(arguments.seeds):
            demands = make(random.Random(seed))
            bound = least_workers(demands)
            used = {"placing": placed_on(demands), "launching": launched_for(demands)}
            print(f"{name:<26} seed {seed}: bound {bound}, " + ", ".join(f"{how} {n}" for how, n in used.items()))
            for how, count in used.items():
                worst[how] = max(worst[how], count / bound)
    publish(
        [
            Row("packing, placing on ready workers (worst load)", worst["placing"], "x bound", 1.15, 1.05),
            Row("packing, launching workers (worst load)", worst["launching"], "x bound", 1.15, 1.05),
        ]
    )


if __name__ == "__main__":
    main()
