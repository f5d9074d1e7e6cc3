"""A delivery session that was asked for without an answer: it may come to be after it was looked for.

Terms keep a controller that lost its lead from the control plane, but nothing keeps a call that it made before from the
delivery system: that call has its effect late, like one whose answer did not come in time. Looking once when the
session ends is then too early, and a delivery session nobody knows of would be left behind.
"""

from datetime import datetime, timedelta

from lablet_controller.pipeline.runner import REASON
from lablet_controller.steps.delivery import LDS_SESSION_ID, MADE_AGAIN, STEP
from lcm_core.contracts.sessions import PipelineState, PipelineStep
from lcm_core.domain.vocabulary import StepState

UNHEARD = "The delivery system was asked for a session and its answer was not heard: it is looked for once more."


def settles_at(pipeline: PipelineState | None, left_at: datetime, settling: timedelta) -> datetime | None:
    """When everything asked of the delivery system has had its effect; None when its answer was heard.

    Args:
        left_at: when the build was given up, for a step that was not ended.
        settling: how long a call may take to have its effect, in domain time.
    """
    for step in pipeline.steps if pipeline is not None else ():
        if step.name == STEP and step.attempts and not _heard(step):
            ended = step.ended_at if step.state is not StepState.RUNNING else None
            return (ended or left_at) + settling
    return None


def _heard(step: PipelineStep) -> bool:
    """Whether every call was answered: the first with an id or a refusal, or the one that was found made before."""
    answered = LDS_SESSION_ID in step.outputs or step.outputs.get(REASON, "").endswith("Refused")
    return step.attempts == 1 and answered and MADE_AGAIN not in step.outputs
