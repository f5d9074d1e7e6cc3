"""The scheduler's decisions, pure: from one picture of the world to everything that is to be written."""

from datetime import timedelta

from resource_scheduler.decide.consolidating import consolidate
from resource_scheduler.decide.launching import warm_orders
from resource_scheduler.decide.placing import Placing
from resource_scheduler.decide.plan import Plan
from resource_scheduler.decide.replacing import leave_draining, return_lost, start_earlier
from resource_scheduler.decide.stopping import stop_idle
from resource_scheduler.decide.waking import wake
from resource_scheduler.decide.world import World
from resource_scheduler.settings import SchedulerSettings

__all__ = ["Plan", "World", "decide"]

LOOK_AGAIN = timedelta(minutes=5)
"""Longest time without a pass, whatever happens: what nobody foresaw is found then."""


def decide(world: World, settings: SchedulerSettings) -> Plan:
    """One pass over queue and fleet."""
    plan = Plan()
    return_lost(world, plan)
    placing = Placing(world, settings, plan)
    placing.run()
    leave_draining(world, plan, placing.options)
    start_earlier(world, plan)
    wake(world, settings, plan)
    if not plan.launches:
        plan.launches.extend(warm_orders(world, settings, placing.options))
    consolidate(world, plan)
    stop_idle(world, settings, plan)
    plan.look_again(world.now + LOOK_AGAIN)
    return plan
