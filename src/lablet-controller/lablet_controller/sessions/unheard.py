"""A delivery session that was asked for without an answer: it may come to be after it was looked for.

Terms keep a controller that lost its lead from the control plane, but nothing keeps a call that it made before from the
delivery system: that call has its effect late, like one whose answer did not come in time. Looking once when the
session ends is then too early, and a delivery session nobody knows of would be left behind. A lab that comes late needs
no such care: whoever looks at the labs of its worker removes it.
"""

from datetime import datetime, timedelta

from lablet_controller.pipeline import settling as step_settling
from lablet_controller.steps.delivery import STEP
from lcm_core.contracts.sessions import PipelineState


def settles_at(pipeline: PipelineState | None, left_at: datetime, settling: timedelta) -> datetime | None:
    """When everything asked of the delivery system has had its effect; None when its answer was heard.

    Args:
        left_at: when the build was given up, for a step that was not ended.
        settling: how long a call may take to have its effect, in domain time.
    """
    for step in pipeline.steps if pipeline is not None else ():
        if step.name == STEP:
            return step_settling.settles_at(step, left_at, settling)
    return None
