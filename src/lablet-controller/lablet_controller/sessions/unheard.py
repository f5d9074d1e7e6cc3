"""A delivery session that was asked for without an answer: it may come to be after it was looked for.

Terms keep a controller that lost its lead from the control plane, but nothing keeps a call that it made before from the
delivery system: that call has its effect late, like one whose answer did not come in time. Looking once when the
session ends is then too early, and a delivery session nobody knows of would be left behind. A lab that comes late needs
no such care: whoever looks at the labs of its worker removes it.
"""

from lablet_controller.pipeline.settling import unsettled
from lablet_controller.steps.delivery import STEP
from lcm_core.contracts.sessions import PipelineState


def delivery_unsettled(pipeline: PipelineState | None) -> bool:
    """Whether a delivery session that was asked for may yet come to be."""
    return pipeline is not None and any(step.name == STEP and unsettled(step) for step in pipeline.steps)
