"""Whose lab runs on the ports of a session, and starting a lab only when no other does.

A claim ends with the slot and its clean-up, and whoever comes next may have the same ports from then on. The lab of a
session that takes longer than planned (evidence that is hard to read, a CML that does not stop it) may still run then,
or be started again to be read. CML would let both nodes run and leave the port with the first: the next learner would
sit at somebody else's device.

Whoever starts a lab therefore announces it first (its record says starting) and looks for others afterwards. Of two
that see each other the one whose claim is over takes its announcement back, and the other waits until it did.
"""

from collections.abc import Collection

from lablet_controller.labs.reports import report_lab
from lablet_controller.outside import Deps
from lablet_controller.pipeline.model import StepContext
from lcm_core.domain.vocabulary import LabPhase
from lcm_core.spi.cml_labs import LabState
from lcm_core.spi.cml_system import CmlTarget
from lcm_core.spi.errors import OutsideNotFound

_NEVER_RUNS = frozenset({LabPhase.DELETED, LabPhase.DEFINED, LabPhase.WIPED})
MAY_RUN = ",".join(phase for phase in LabPhase if phase not in _NEVER_RUNS)
"""Phases of records whose labs CML is asked about: it may run one that was stopped when somebody looked last."""
HELD_PAUSE = 2.0
"""Real seconds between looks at a lab that keeps another from starting."""


async def start_lab(context: StepContext, lab_id: str) -> str:
    """Start the session's lab; or the title of the lab that has its ports, and nothing was started.

    Raises ``OutsideError``.
    """
    in_force = context.deps.clock.now() < context.placement.booked.end
    if not in_force:
        holder = await _holder(context)
        if holder:
            return holder
    await report_lab(context, lab_id, LabPhase.STARTING)
    holder = await _holder(context)
    if holder:
        if not in_force:
            await report_lab(context, lab_id, LabPhase.STOPPED)
        return holder
    await context.deps.outside.cml.start(context.cml, lab_id)
    return ""


async def _holder(context: StepContext) -> str:
    placement = context.placement
    ports = placement.ports.values()
    return await port_holder(context.deps, context.cml, placement.worker_id, ports, session_id=context.session.id)


async def port_holder(
    deps: Deps, target: CmlTarget, worker_id: str, ports: Collection[int], *, session_id: str = "", record_id: str = ""
) -> str:
    """Title of another lab that runs on some of the ports, or is about to; empty when there is none.

    Raises ``OutsideError``.
    """
    wanted = set(ports)
    async for record in deps.control_plane.lab_records(worker_id=worker_id, phase=MAY_RUN):
        ours = record.id == record_id or (session_id and record.spec.session_id == session_id)
        if ours or not wanted.intersection(record.status.ports):
            continue
        try:
            lab = await deps.outside.cml.lab(target, record.spec.cml_lab_id)
        except OutsideNotFound:
            continue
        if lab.state is LabState.STARTED or record.status.phase is LabPhase.STARTING:
            return lab.title
    return ""


def held_message(title: str) -> str:
    """What a session that waits says."""
    return f"Waits until {title!r} has given its ports back."
