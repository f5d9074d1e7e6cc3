"""The pipeline that turns a placed session into a lab a learner can enter, with what its definition adds to it."""

from collections.abc import Sequence

from lablet_controller.pipeline.model import Pipeline, Step
from lablet_controller.steps.added import added_step
from lablet_controller.steps.content import load_content
from lablet_controller.steps.delivery import hand_over_devices, no_delivery, reserve_delivery, undo_delivery
from lablet_controller.steps.lab import boot_lab, make_lab, undo_lab
from lcm_core.content.pipeline import step_order
from lcm_core.contracts.pipelines import AddedStep

INSTANTIATE = "instantiate"


def standard_steps(*, delivery_required: bool) -> tuple[Step, ...]:
    """The steps of every build."""
    degrades = not delivery_required
    return (
        Step("content", load_content, effects=False),
        Step("lab", make_lab, undo=undo_lab, needs=("content",), once=True),
        Step("boot", boot_lab, needs=("lab",)),
        Step(
            "delivery",
            reserve_delivery,
            undo=undo_delivery,
            skip=no_delivery,
            needs=("boot",),
            degrades=degrades,
            once=True,
        ),
        Step("devices", hand_over_devices, skip=no_delivery, needs=("delivery",), degrades=degrades),
    )


def instantiate(added: Sequence[AddedStep] = (), *, delivery_required: bool = False) -> Pipeline:
    """The pipeline of a definition that adds these steps."""
    steps = {step.name: step for step in standard_steps(delivery_required=delivery_required)}
    steps |= {step.name: added_step(step) for step in added}
    return Pipeline(INSTANTIATE, tuple(steps[name] for name in step_order(added)))
