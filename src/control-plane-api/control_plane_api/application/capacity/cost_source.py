"""Where the costs of many sessions are read."""

from typing import Protocol

from control_plane_api.domain.lablet_session.cost_sums import SessionCost
from lcm_core.contracts.common import Slot


class CostSource(Protocol):
    """What sessions cost, by time."""

    async def sessions(self, window: Slot, owner: str | None, department: str, limit: int) -> list[SessionCost]:
        """Sessions whose slot touches a window, at most ``limit``.

        With an owner only that one's, and those of the department when it has a name.
        """
