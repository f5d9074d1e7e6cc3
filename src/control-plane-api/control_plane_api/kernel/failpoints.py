"""Points at which a test may kill the control plane, to prove that nothing is lost there."""

from lcm_core.failpoints import Failpoints

FAILPOINTS = (
    "before-commit",
    "after-commit",
    "after-claim",
    "before-release",
    "before-projection",
    "after-projection",
    "after-events",
    "after-pull",
    "after-inbound",
)
"""Every point there is, in the order in which a write passes them."""

failpoint = Failpoints(FAILPOINTS)
