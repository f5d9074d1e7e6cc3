"""The points at which tests kill the worker controller."""

from lcm_core.failpoints import Failpoints

FAILPOINTS = (
    "launch.before-intent",
    "launch.intended",
    "launch.called",
    "launch.reported",
    "license.before-call",
    "license.called",
    "license.before-return",
    "license.returned",
    "terminate.before-call",
    "terminate.called",
    "worker.ended",
)
"""Every point there is, in the order of a worker's life."""

failpoint = Failpoints(FAILPOINTS)
