"""Stopping and removing labs, and waiting for CML to come to rest."""

import asyncio

from lablet_controller.outside import Deps
from lcm_core.controller import RetryableError
from lcm_core.spi.cml_labs import LabState
from lcm_core.spi.cml_system import CmlTarget
from lcm_core.spi.errors import OutsideNotFound, OutsideRefused

FIRST_PAUSE = 0.01
PATIENCE_SECONDS = 1.5
"""How long one reconcile waits in place before it lets others work."""
SHORTEST_POLL = 0.2


async def wait_converged(deps: Deps, target: CmlTarget, lab_id: str) -> float | None:
    """Wait a moment for a lab to come to rest; None when it has, else the real seconds after which to look again.

    The pause grows quickly, so a simulated lab is seen booted within milliseconds and a real one is not asked often.
    """
    poll = max(SHORTEST_POLL, deps.settings.boot_poll_seconds / deps.clock.factor)
    pause, waited = FIRST_PAUSE, 0.0
    while not await deps.outside.cml.converged(target, lab_id):
        if waited >= PATIENCE_SECONDS:
            return poll
        pause = min(pause, poll)
        await asyncio.sleep(pause)
        waited += pause
        pause *= 2
    return None


async def stop_lab(deps: Deps, target: CmlTarget, lab_id: str) -> None:
    """Stop every node. Raises ``RetryableError`` while nodes go down, ``OutsideError`` when CML does not answer."""
    try:
        lab = await deps.outside.cml.lab(target, lab_id)
        if lab.state is not LabState.STARTED:
            return
        await deps.outside.cml.stop(target, lab_id)
        pause = await wait_converged(deps, target, lab_id)
    except OutsideNotFound:
        return
    if pause is not None:
        raise RetryableError("LabStops", "Nodes are being stopped.", after=pause)


async def remove_lab(deps: Deps, target: CmlTarget, lab_id: str) -> None:
    """Stop, wipe and delete a lab; one that is gone is fine. Raises like ``stop_lab``."""
    await stop_lab(deps, target, lab_id)
    try:
        await deps.outside.cml.wipe(target, lab_id)
        await deps.outside.cml.delete(target, lab_id)
    except OutsideRefused as error:
        # A node that still goes down makes CML refuse; the next look stops what is left.
        raise RetryableError("LabNotRemoved", str(error), after=SHORTEST_POLL) from error
