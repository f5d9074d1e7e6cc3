"""The pipeline that turns a placed session into a lab a learner can enter."""

from lablet_controller.pipeline.model import Pipeline, Step
from lablet_controller.steps.content import load_content
from lablet_controller.steps.delivery import hand_over_devices, no_delivery, reserve_delivery, undo_delivery
from lablet_controller.steps.lab import boot_lab, make_lab, undo_lab

INSTANTIATE = Pipeline(
    "instantiate",
    (
        Step("content", load_content, effects=False),
        Step("lab", make_lab, undo=undo_lab),
        Step("boot", boot_lab),
        Step("delivery", reserve_delivery, undo=undo_delivery, skip=no_delivery),
        Step("devices", hand_over_devices, skip=no_delivery),
    ),
)
