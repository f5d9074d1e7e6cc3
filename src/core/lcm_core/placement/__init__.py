"""Placement: where and when a session runs, decided from facts alone.

A *demand* is a session that wants a place; its *rules* are what its definition asks of any worker. The *fleet* holds
the *facts* and the *holdings* of each worker: what claims keep reserved, as a *timeline* of amounts and ports.
``find_place`` answers a *place* or that there is none; ``refusals`` says why, worker by worker. Nothing here reads a
clock, a network or a database, so the scheduler and the preview decide the same.
"""

from lcm_core.placement.claims import ClaimBook, days_touched, holding_of
from lcm_core.placement.fleet import Fleet, Holding, Strategy, WorkerState
from lcm_core.placement.model import ANYWHERE, Demand, Placed, Refused, Rules, Unplaced, WorkerFacts
from lcm_core.placement.order import queue_order
from lcm_core.placement.search import find_place, refusals
from lcm_core.placement.timeline import Timeline
from lcm_core.placement.views import demand_of, rules_of, template_facts, worker_facts

__all__ = [
    "ANYWHERE",
    "ClaimBook",
    "Demand",
    "Fleet",
    "Holding",
    "Placed",
    "Refused",
    "Rules",
    "Strategy",
    "Timeline",
    "Unplaced",
    "WorkerFacts",
    "WorkerState",
    "days_touched",
    "demand_of",
    "find_place",
    "holding_of",
    "queue_order",
    "refusals",
    "rules_of",
    "template_facts",
    "worker_facts",
]
