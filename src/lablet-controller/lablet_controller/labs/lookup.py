"""Whose lab is it? Title and notes of every lab that LCM makes carry the id of its session."""

from collections.abc import Sequence

from lcm_core.spi.cml_labs import CmlLabs, LabInfo
from lcm_core.spi.cml_system import CmlTarget
from lcm_core.topology import owner_of


async def labs_of(cml: CmlLabs, target: CmlTarget, session_id: str) -> Sequence[LabInfo]:
    """The labs of one session on one worker. Raises ``OutsideError``."""
    return [lab for lab in await cml.labs(target) if owner_of(lab.title, lab.notes) == session_id]
