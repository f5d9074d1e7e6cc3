"""The state tables of a LabletDefinition version and of a lab record."""

from lcm_core.domain.state_table import Mover, StateKind, StateRow, StateTable
from lcm_core.domain.vocabulary import DefinitionPhase as D
from lcm_core.domain.vocabulary import LabPhase as L

DEFINITION_STATES: StateTable[D] = StateTable(
    "definition",
    [D.PENDING_SYNC],
    [
        StateRow(
            D.PENDING_SYNC,
            StateKind.STABLE,
            "Its content has not been validated and stored yet.",
            (D.ACTIVE, D.ARCHIVED),
            moved_by=(Mover.LABLET_CONTROLLER, Mover.OPERATOR),
        ),
        StateRow(
            D.ACTIVE,
            StateKind.STABLE,
            "May be reserved; its content never changes.",
            (D.DEPRECATED, D.ARCHIVED),
            moved_by=(Mover.OPERATOR, Mover.CONTROL_PLANE),
        ),
        StateRow(
            D.DEPRECATED,
            StateKind.STABLE,
            "Serves the sessions pinned to it, takes no new ones.",
            (D.ACTIVE, D.ARCHIVED),
            moved_by=(Mover.OPERATOR,),
        ),
        StateRow(D.ARCHIVED, StateKind.FINAL, "Kept as a record."),
    ],
)

_LABLET = (Mover.LABLET_CONTROLLER,)
_ANY_LIVE = (L.STARTING, L.BOOTED, L.STOPPING, L.STOPPED, L.WIPED, L.DELETING, L.DELETED, L.ORPHANED, L.ERROR)

LAB_STATES: StateTable[L] = StateTable(
    "lab record",
    [L.DISCOVERED, L.DEFINED],
    [
        StateRow(L.DISCOVERED, StateKind.STABLE, "Found on a worker.", (L.DEFINED, *_ANY_LIVE), moved_by=_LABLET),
        StateRow(L.DEFINED, StateKind.STABLE, "Imported, never started.", _ANY_LIVE, moved_by=_LABLET),
        StateRow(
            L.STARTING,
            StateKind.TRANSIENT,
            "Nodes are booting.",
            _ANY_LIVE,
            target=L.BOOTED,
            deadline="lab_starting",
            on_deadline="error",
            moved_by=_LABLET,
        ),
        StateRow(L.BOOTED, StateKind.STABLE, "Every node has booted.", _ANY_LIVE, moved_by=_LABLET),
        StateRow(
            L.STOPPING,
            StateKind.TRANSIENT,
            "Nodes are being stopped.",
            _ANY_LIVE,
            target=L.STOPPED,
            deadline="lab_stopping",
            on_deadline="error",
            moved_by=_LABLET,
        ),
        StateRow(L.STOPPED, StateKind.STABLE, "No node runs; disks are kept.", _ANY_LIVE, moved_by=_LABLET),
        StateRow(L.WIPED, StateKind.STABLE, "No node runs; disks are fresh.", _ANY_LIVE, moved_by=_LABLET),
        StateRow(
            L.DELETING,
            StateKind.TRANSIENT,
            "Being removed from the worker.",
            (L.DELETED, L.ERROR, L.ORPHANED),
            target=L.DELETED,
            deadline="lab_deleting",
            on_deadline="error",
            moved_by=_LABLET,
        ),
        StateRow(L.ORPHANED, StateKind.STABLE, "Exists, but nobody owns it.", _ANY_LIVE, moved_by=_LABLET),
        StateRow(
            L.ERROR, StateKind.STABLE, "CML refused or lost it; the reason says why.", _ANY_LIVE, moved_by=_LABLET
        ),
        StateRow(L.DELETED, StateKind.FINAL, "Gone from the worker."),
    ],
)
