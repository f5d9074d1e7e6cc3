"""What an exam morning consists of, and when things are due. All durations are domain minutes."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from lcm_core.contracts.common import Resources, Slot
from lcm_core.contracts.definitions import Requirements
from lcm_core.contracts.workers import TemplateSpec

SESSIONS_PER_WORKER = 8
METAL = Resources(cores=48, memory_mb=192 * 1024, storage_gb=256, nodes=200)
NEEDS = Requirements(cores=METAL.cores // SESSIONS_PER_WORKER)
CLEANUP = 5
WRAP_UP = 60
"""How long after the last slot everything must be over: grading, clean-up, and machines that were idle are off."""


@dataclass(frozen=True, slots=True)
class Morning:
    """The size of a morning; ``workers`` is the limit of the template, ``factor`` the domain seconds in a real one.

    Bookings are made ``first`` minutes before the first slot; machines are launched only when it is time. A slot of
    ``length`` minutes begins when the machines have been cleaned after the one before and had ``lead`` minutes to boot
    the next labs. Candidates begin within the first eighth of their slot and hand in between 0.4 and 0.75 of it.
    """

    sessions: int = 600
    slots: int = 3
    workers: int = 25
    factor: float = 12.0
    first: int = 45
    lead: int = 15
    length: int = 30
    idle: int = 10

    def slot(self, number: int, booked_at: datetime) -> Slot:
        """The slot of the n-th session; sessions are dealt out to the slots in turn."""
        spacing = self.lead + self.length + CLEANUP
        start = booked_at + timedelta(minutes=self.first + (number % self.slots) * spacing)
        return Slot(start=start, end=start + timedelta(minutes=self.length))

    def opens(self, slot: Slot, dice: float) -> datetime:
        """When a candidate begins; ``dice`` is in [0, 1)."""
        return slot.start + dice * (slot.end - slot.start) / 8

    def hands_in(self, slot: Slot, dice: float) -> datetime:
        """When a candidate is done."""
        return slot.start + (0.4 + 0.35 * dice) * (slot.end - slot.start)

    def must_be_over(self, booked_at: datetime) -> datetime:
        """When nothing may be left."""
        return self.slot(self.slots - 1, booked_at).end + timedelta(minutes=WRAP_UP)

    def template(self) -> TemplateSpec:
        """The only kind of machine there is."""
        return TemplateSpec(
            name="exam-room",
            description="Machines of the exam.",
            instance_type="m5zn.metal",
            capacity=METAL,
            hourly_cost_usd=3.9641,
            max_workers_per_region=self.workers,
            idle_timeout_minutes=self.idle,
        )
