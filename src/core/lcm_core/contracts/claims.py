"""Wire models of capacity claims."""

from pydantic import Field

from lcm_core.contracts.common import Resources, UtcTime, View


class ClaimView(View):
    """Capacity and ports held on a worker for ``[start, end)``, boot lead and clean-up included."""

    claim_id: str
    worker_id: str
    session_id: str
    resources: Resources
    ports: dict[str, int] = Field(default_factory=dict)
    start: UtcTime
    end: UtcTime


class ClaimDay(View):
    """All claims that touch one UTC day of one worker; replace whatever was known of that day if newer."""

    worker_id: str
    day: str
    version: int
    claims: list[ClaimView]


class ClaimChanges(View):
    """Claim days that changed since a cursor; deliveries may repeat."""

    items: list[ClaimDay]
    cursor: str
