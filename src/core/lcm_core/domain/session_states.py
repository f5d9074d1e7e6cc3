"""The state table of a LabletSession."""

from lcm_core.domain.state_table import Mover, StateKind, StateRow, StateTable
from lcm_core.domain.vocabulary import SessionPhase as S

_LABLET = (Mover.LABLET_CONTROLLER,)

SESSION_STATES: StateTable[S] = StateTable(
    "session",
    [S.PENDING],
    [
        StateRow(
            S.PENDING,
            StateKind.STABLE,
            "Waits for a place on a worker.",
            (S.SCHEDULED, S.TERMINATED),
            deadline="pending_grace",
            on_deadline="terminated, outcome expired",
            moved_by=(Mover.SCHEDULER, Mover.OWNER),
        ),
        StateRow(
            S.SCHEDULED,
            StateKind.STABLE,
            "Has a place; waits for the slot start minus the boot lead.",
            (S.INSTANTIATING, S.PENDING, S.STOPPING, S.TERMINATED),
            moved_by=(Mover.LABLET_CONTROLLER, Mover.SCHEDULER, Mover.OWNER),
        ),
        StateRow(
            S.INSTANTIATING,
            StateKind.TRANSIENT,
            "The lab is being built and handed to the delivery system.",
            (S.READY, S.STOPPING, S.PENDING),
            target=S.READY,
            deadline="instantiating",
            on_deadline="stopping, outcome failed; one automatic re-placement while the slot allows",
            moved_by=_LABLET,
        ),
        StateRow(
            S.READY,
            StateKind.STABLE,
            "Waits for the learner.",
            (S.RUNNING, S.STOPPING),
            deadline="no_show",
            on_deadline="stopping, outcome no_show at the limit, expired at slot end",
            moved_by=(Mover.LABLET_CONTROLLER, Mover.OPERATOR),
        ),
        StateRow(
            S.RUNNING,
            StateKind.STABLE,
            "The learner works.",
            (S.COLLECTING, S.STOPPING, S.STOPPED),
            deadline="slot_end",
            on_deadline="collecting when graded, else stopping",
            moved_by=(Mover.LABLET_CONTROLLER, Mover.OPERATOR, Mover.OWNER),
        ),
        StateRow(
            S.COLLECTING,
            StateKind.TRANSIENT,
            "Evidence is read from the devices and stored.",
            (S.GRADING, S.STOPPING),
            target=S.GRADING,
            deadline="collecting",
            on_deadline="stopping, outcome failed, evidence kept",
            moved_by=_LABLET,
        ),
        StateRow(
            S.GRADING,
            StateKind.TRANSIENT,
            "The grading engine evaluates the evidence.",
            (S.STOPPING,),
            target=S.STOPPING,
            deadline="grading",
            on_deadline="stopping with an operator task",
            moved_by=_LABLET,
        ),
        StateRow(
            S.STOPPING,
            StateKind.TRANSIENT,
            "The lab is being stopped.",
            (S.STOPPED,),
            target=S.STOPPED,
            deadline="stopping",
            on_deadline="retry with back-off, operator task",
            moved_by=_LABLET,
        ),
        StateRow(
            S.STOPPED,
            StateKind.STABLE,
            "Paused by the owner with everything held, or on its way out.",
            (S.RUNNING, S.COLLECTING, S.ARCHIVED),
            deadline="slot_end",
            on_deadline="collecting when graded, else archived",
            moved_by=(Mover.OWNER, Mover.LABLET_CONTROLLER),
        ),
        StateRow(
            S.ARCHIVED,
            StateKind.TRANSIENT,
            "Results are kept, the LDS session is released and the lab removed.",
            (S.TERMINATED,),
            target=S.TERMINATED,
            deadline="archived",
            on_deadline="retry with back-off, operator task",
            moved_by=_LABLET,
        ),
        StateRow(S.TERMINATED, StateKind.FINAL, "Nothing is held any more."),
    ],
)

SESSION_PHASES_HOLDING_A_PLACE = frozenset(set(S) - {S.PENDING, S.TERMINATED})
"""Phases in which a session owns a claim on a worker."""

SESSION_PHASES_LIVE = frozenset({S.INSTANTIATING, S.READY, S.RUNNING, S.COLLECTING, S.GRADING, S.STOPPING, S.STOPPED})
"""Phases in which stopping the worker would harm the session."""
