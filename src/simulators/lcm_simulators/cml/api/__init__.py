"""The CML REST API: one module per subject; importing this package registers every operation on ``ROUTER``."""

from lcm_simulators.cml.api import (
    annotations,
    definitions,
    labs,
    licensing,
    nodes,
    people,
    pools,
    session,
    system,
    wiring,
)
from lcm_simulators.cml.api.router import ROUTER

OPERATION_MODULES = (annotations, definitions, labs, licensing, nodes, people, pools, session, system, wiring)

__all__ = ["OPERATION_MODULES", "ROUTER"]
