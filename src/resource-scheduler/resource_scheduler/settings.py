"""Settings of the scheduler: how far it looks ahead, when it launches and when it stops workers."""

import re
from datetime import datetime, timedelta
from typing import Self

from pydantic import BaseModel, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from lcm_core.placement import Strategy

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)$|24:00$")


class WarmHours(BaseModel):
    """One line of the weekly calendar: how many workers of a template are kept running on which days, in UTC."""

    template: str = Field(description="Name of the worker template.")
    workers: int = Field(ge=0, le=100, description="Workers kept running, whatever is booked.")
    days: list[str] = Field(
        default_factory=lambda: list(DAYS), description="Days as mon, tue, …; every day by default."
    )
    start: str = Field(default="00:00", description="First minute, as HH:MM in UTC.")
    end: str = Field(default="24:00", description="End, as HH:MM in UTC; 24:00 is midnight.")

    @model_validator(mode="after")
    def _readable(self) -> Self:
        unknown = sorted(set(self.days) - set(DAYS))
        if unknown:
            raise ValueError(f"days: {unknown[0]!r} is not one of {', '.join(DAYS)}")
        for name, text in (("start", self.start), ("end", self.end)):
            if not _TIME.match(text):
                raise ValueError(f"{name}: {text!r} is not a time such as 07:30")
        if self.start >= self.end:
            raise ValueError(f"start {self.start} must be before end {self.end}")
        return self

    def covers(self, moment: datetime) -> bool:
        """Whether the line holds at an instant."""
        return DAYS[moment.weekday()] in self.days and self.start <= moment.strftime("%H:%M") < self.end


class SchedulerSettings(BaseSettings):
    """How the scheduler decides. All times are domain time."""

    model_config = SettingsConfigDict(env_prefix="LCM_SCHEDULER_", extra="ignore", env_ignore_empty=True)

    strategy: Strategy = Field(
        Strategy.PACK, description="pack fills few workers and lets the others stop; spread shares the load."
    )
    horizon_hours: float = Field(
        24,
        gt=0,
        le=168,
        description="Bookings that start later stay reservations; they are placed when they come near.",
    )
    launch_slack_minutes: float = Field(
        3, ge=0, le=60, description="Reserve on top of boot lead and boot time when a worker is launched or woken."
    )
    batch_minutes: float = Field(
        10, ge=0, le=120, description="Bookings that need a launch within this time of one that is due are counted in."
    )
    soon_patience_minutes: float = Field(
        10, ge=0, description="How much later than a new worker's boot an as-soon-as-possible session may start."
    )
    template_backoff_minutes: float = Field(
        10, gt=0, description="How long a template is left alone in a region after a launch failed there."
    )
    idle_grace_minutes: float = Field(
        5, ge=0, description="Least idle time before a worker is stopped, whatever its template says."
    )
    cooldown_minutes: float = Field(
        10, ge=0, description="No worker is stopped for so long after workers were launched or woken."
    )
    stops_at_once: int = Field(
        10, ge=1, le=100, description="Disruption budget: workers that may be stopped within one cool-down."
    )
    retention_hours: float = Field(
        168, ge=0, description="A stopped worker that nothing needs is terminated after so long; 0 keeps it."
    )
    warm_hours: list[WarmHours] = Field(
        default_factory=list, description="Weekly calendar of workers kept running, as a JSON list."
    )

    @property
    def horizon(self) -> timedelta:
        """How far ahead sessions are placed."""
        return timedelta(hours=self.horizon_hours)

    def warm_workers(self, template_name: str, least: int, moment: datetime) -> int:
        """Workers of a template that are kept running at an instant: its own minimum or the calendar's, the greater."""
        wanted = [
            hours.workers for hours in self.warm_hours if hours.template == template_name and hours.covers(moment)
        ]
        return max([least, *wanted])
