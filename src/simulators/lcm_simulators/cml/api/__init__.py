"""The CML REST API: one module per subject; importing this package registers every operation on ``ROUTER``."""

from lcm_simulators.cml.api import (
    annotations,
    captures,
    consoles,
    definitions,
    hosts,
    labs,
    library,
    licensing,
    nodes,
    outside,
    people,
    pools,
    session,
    sharing,
    system,
    wiring,
)
from lcm_simulators.cml.api.router import ROUTER

OPERATION_MODULES = (
    annotations, captures, consoles, definitions, hosts, labs, library, licensing, nodes, outside, people, pools,
    session, sharing, system, wiring,
)  # fmt: skip

__all__ = ["OPERATION_MODULES", "ROUTER"]
