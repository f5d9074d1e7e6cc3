"""Wire models of what sessions cost: the sums of owners or departments, so far and as forecast."""

from enum import StrEnum

from lcm_core.contracts.common import UtcTime, View


class CostGrouping(StrEnum):
    """Whose sums are wanted."""

    OWNER = "owner"
    DEPARTMENT = "department"


class CostSum(View):
    """US dollars of the sessions of one owner or department; a department may have no name.

    ``cost_usd`` is what they have cost until now, ``forecast_usd`` what they will have cost at the ends of their slots.
    """

    name: str
    sessions: int
    cost_usd: float
    forecast_usd: float


class CostsView(View):
    """Sums of the sessions whose slots touch ``[start, end)``, the greatest forecast first, as of ``at``.

    A session counts with all it costs, also for the part of its slot outside the window.
    """

    start: UtcTime
    end: UtcTime
    at: UtcTime
    by: CostGrouping
    items: list[CostSum]
    sessions: int
    cost_usd: float
    forecast_usd: float
