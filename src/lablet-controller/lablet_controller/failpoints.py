"""The points at which tests kill the lablet controller: each lies between an effect outside and the next write."""

from lcm_core.failpoints import Failpoints

FAILPOINTS = (
    "lab.imported",
    "pool.prepared",
    "lab.started",
    "delivery.created",
    "retry.undone",
    "evidence.stored",
    "grading.submitted",
    "score.stored",
    "delivery.released",
    "lab.removed",
    "clone.imported",
    "lab.given",
)
"""Every point there is, in the order of a session's life."""

failpoint = Failpoints(FAILPOINTS)
