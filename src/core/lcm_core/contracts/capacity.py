"""Wire models of capacity over time: the preview of a placement and the calendar of bookings."""

from pydantic import Field, model_validator

from lcm_core.contracts.common import RequestModel, Resources, Slot, UtcTime, View
from lcm_core.contracts.sessions import Rejection


class PreviewPlacement(RequestModel):
    """What would happen to a session of a definition: in a slot, or as soon as possible for a duration."""

    definition_id: str = Field(min_length=1)
    slot: Slot | None = None
    as_soon_as_possible: bool = False
    duration_minutes: int | None = Field(default=None, ge=5, le=7 * 24 * 60)

    @model_validator(mode="after")
    def _slot_or_soon(self) -> "PreviewPlacement":
        if self.as_soon_as_possible == (self.slot is not None):
            raise ValueError("give either a slot or as_soon_as_possible")
        return self


class PreviewView(View):
    """``outlook`` is placed, launched (a new worker would be made at ``launch_at``) or refused, with the reasons."""

    outlook: str
    message: str
    worker_id: str = ""
    worker_name: str = ""
    start: UtcTime | None = None
    end: UtcTime | None = None
    launch_at: UtcTime | None = None
    hourly_cost_usd: float = 0.0
    rejections: list[Rejection] = Field(default_factory=list)
    rejected_total: int = 0


class CalendarStep(View):
    """The greatest use at any instant of ``[start, end)`` against what all workers offer."""

    start: UtcTime
    end: UtcTime
    used: Resources
    offered: Resources
    sessions: int
    needed_workers: int
    cost_usd: float


class CalendarView(View):
    """Bookings against supply, step by step."""

    steps: list[CalendarStep]
    workers: int
    cost_usd: float
