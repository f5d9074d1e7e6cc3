"""Vocabulary and state tables shared by every service."""

from lcm_core.domain.definition_states import DEFINITION_STATES, LAB_STATES
from lcm_core.domain.session_states import (
    SESSION_PHASES_HOLDING_A_PLACE,
    SESSION_PHASES_LIVE,
    SESSION_STATES,
)
from lcm_core.domain.state_table import IllegalTransition, Mover, StateKind, StateRow, StateTable
from lcm_core.domain.worker_states import (
    WORKER_PHASES_PLACEABLE,
    WORKER_PHASES_WITH_INSTANCE_COST,
    WORKER_STATES,
)

__all__ = [
    "DEFINITION_STATES",
    "LAB_STATES",
    "SESSION_PHASES_HOLDING_A_PLACE",
    "SESSION_PHASES_LIVE",
    "SESSION_STATES",
    "WORKER_PHASES_PLACEABLE",
    "WORKER_PHASES_WITH_INSTANCE_COST",
    "WORKER_STATES",
    "IllegalTransition",
    "Mover",
    "StateKind",
    "StateRow",
    "StateTable",
]
