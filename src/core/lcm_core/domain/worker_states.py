"""The state table of a worker."""

from lcm_core.domain.state_table import Mover, StateKind, StateRow, StateTable
from lcm_core.domain.vocabulary import WorkerPhase as W

_CONTROLLER = (Mover.WORKER_CONTROLLER,)

WORKER_STATES: StateTable[W] = StateTable(
    "worker",
    [W.PENDING],
    [
        StateRow(
            W.PENDING,
            StateKind.TRANSIENT,
            "Wanted; no instance has been asked for yet.",
            (W.PROVISIONING, W.STOPPED, W.STARTING, W.FAILED, W.TERMINATING),
            target=W.PROVISIONING,
            deadline="worker_pending",
            on_deadline="failed",
            moved_by=_CONTROLLER,
        ),
        StateRow(
            W.PROVISIONING,
            StateKind.TRANSIENT,
            "EC2 was asked for the instance; it does not run yet.",
            (W.STARTING, W.FAILED, W.TERMINATING),
            target=W.STARTING,
            deadline="worker_provisioning",
            on_deadline="failed",
            moved_by=_CONTROLLER,
        ),
        StateRow(
            W.STARTING,
            StateKind.TRANSIENT,
            "The instance runs; CML is not usable yet.",
            (W.RUNNING, W.FAILED, W.STOPPING, W.TERMINATING),
            target=W.RUNNING,
            deadline="worker_starting",
            on_deadline="failed, naming the layer that does not answer",
            moved_by=_CONTROLLER,
        ),
        StateRow(
            W.RUNNING,
            StateKind.STABLE,
            "CML answers, the licence is valid and the resources are known.",
            (W.DRAINING, W.STOPPING, W.STARTING, W.FAILED, W.TERMINATING),
            moved_by=(Mover.WORKER_CONTROLLER, Mover.OPERATOR),
        ),
        StateRow(
            W.DRAINING,
            StateKind.TRANSIENT,
            "Takes no new session and waits for the last one.",
            (W.RUNNING, W.STOPPING, W.TERMINATING, W.FAILED, W.STARTING),
            target=W.STOPPING,
            deadline="worker_draining",
            on_deadline="stays draining with an operator task; only force ends sessions",
            moved_by=(Mover.WORKER_CONTROLLER, Mover.OPERATOR),
        ),
        StateRow(
            W.STOPPING,
            StateKind.TRANSIENT,
            "The instance is being stopped.",
            (W.STOPPED, W.FAILED),
            target=W.STOPPED,
            deadline="worker_stopping",
            on_deadline="failed",
            moved_by=_CONTROLLER,
        ),
        StateRow(
            W.STOPPED,
            StateKind.STABLE,
            "The instance exists and is switched off.",
            (W.STARTING, W.TERMINATING, W.FAILED),
            moved_by=_CONTROLLER,
        ),
        StateRow(
            W.TERMINATING,
            StateKind.TRANSIENT,
            "Labs are stopped, the licence is returned, then the instance goes.",
            (W.TERMINATED, W.FAILED),
            target=W.TERMINATED,
            deadline="worker_terminating",
            on_deadline="failed",
            moved_by=_CONTROLLER,
        ),
        StateRow(
            W.FAILED,
            StateKind.STABLE,
            "Needs a person, or another try; the reason says which layer failed.",
            (W.STARTING, W.TERMINATING),
            moved_by=(Mover.WORKER_CONTROLLER, Mover.OPERATOR),
        ),
        StateRow(W.TERMINATED, StateKind.FINAL, "Gone; kept as a record."),
    ],
)

WORKER_PHASES_PLACEABLE = frozenset({W.PENDING, W.PROVISIONING, W.STARTING, W.RUNNING, W.STOPPED})
"""Phases in which a session may be placed on a worker whose capacity is known from its template."""

WORKER_PHASES_WITH_INSTANCE_COST = frozenset({W.PROVISIONING, W.STARTING, W.RUNNING, W.DRAINING, W.STOPPING})
"""Phases in which EC2 charges for the instance."""
