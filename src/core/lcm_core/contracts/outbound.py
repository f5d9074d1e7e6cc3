"""Wire models of outgoing CloudEvents that could not be delivered."""

from lcm_core.contracts.common import UtcTime, View


class DeadLetterView(View):
    """An event that its receiver refused for good, or did not take for a day."""

    id: str
    type: str
    subject: str
    version: int
    at: UtcTime
    attempts: int
    reason: str
    died_at: UtcTime
