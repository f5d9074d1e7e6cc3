"""The controller runtime: the engine under the scheduler, the worker controller and the lablet controller.

An ``Informer`` mirrors an etcd prefix; a ``Controller`` queues the keys its changes concern and has its ``Reconciler``
make each of them so; ``LeaderElection`` and ``ShardAssignment`` decide which process may; ``ControllerService`` puts it
all together for a service's ``main``.
"""

from lcm_core.controller.controller import Controller, ControllerSpec, KeyReport, Reconciler, Source, own_key
from lcm_core.controller.election import ElectionTimes, ElectionWon, LeaderElection, ObtainTerm
from lcm_core.controller.informer import Change, ChangeKind, Informer, facet_id, parse_state, state_informer
from lcm_core.controller.leadership import (
    Leadership,
    LeadershipLost,
    current_context,
    fencing_headers,
    reconcile_context,
    record_write,
)
from lcm_core.controller.outcome import Outcome, OutcomeKind, ReconcileError, RetryableError, TerminalError
from lcm_core.controller.queue import Backoff, KeyPhase, KeyState, Priority, QueueStopped, WorkQueue
from lcm_core.controller.shards import LeasedKey, ShardAssignment, preferred_member, shard_of

__all__ = [
    "Backoff",
    "Change",
    "ChangeKind",
    "Controller",
    "ControllerSpec",
    "ElectionTimes",
    "ElectionWon",
    "Informer",
    "KeyPhase",
    "KeyReport",
    "KeyState",
    "LeaderElection",
    "Leadership",
    "LeadershipLost",
    "LeasedKey",
    "ObtainTerm",
    "Outcome",
    "OutcomeKind",
    "Priority",
    "QueueStopped",
    "ReconcileError",
    "Reconciler",
    "RetryableError",
    "ShardAssignment",
    "Source",
    "TerminalError",
    "WorkQueue",
    "current_context",
    "facet_id",
    "fencing_headers",
    "own_key",
    "parse_state",
    "preferred_member",
    "reconcile_context",
    "record_write",
    "shard_of",
    "state_informer",
]
