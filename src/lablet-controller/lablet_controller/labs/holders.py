"""Whose lab still runs on the ports of a session?

A claim ends with the slot and its clean-up, and whoever comes next may have the same ports from then on. The lab of a
session that takes longer than planned (evidence that is hard to read, a CML that does not stop it) may still run then.
CML would let both nodes run and leave the port with the first: the next learner would sit at somebody else's device.
"""

from lablet_controller.pipeline.model import StepContext
from lcm_core.domain.vocabulary import LabPhase
from lcm_core.spi.cml_labs import LabState
from lcm_core.spi.errors import OutsideNotFound

RUNNING = f"{LabPhase.STARTING},{LabPhase.BOOTED}"
HELD_PAUSE = 2.0
"""Real seconds between looks at a lab that keeps another from starting."""


async def port_holder(context: StepContext) -> str:
    """Title of another lab that runs on the session's ports, empty when there is none. Raises ``OutsideError``."""
    ports = set(context.placement.ports.values())
    records = context.deps.control_plane.lab_records(worker_id=context.placement.worker_id, phase=RUNNING)
    async for record in records:
        if record.spec.session_id == context.session.id or not ports.intersection(record.status.ports):
            continue
        try:
            lab = await context.deps.outside.cml.lab(context.cml, record.spec.cml_lab_id)
        except OutsideNotFound:
            continue
        if lab.state is LabState.STARTED:
            return lab.title
    return ""


def held_message(title: str) -> str:
    """What a session that waits says."""
    return f"Waits until {title!r} has given its ports back."
