"""The Lab Delivery System: it gives a learner a desktop from which the devices of a lab are reached."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class LdsState(StrEnum):
    """State of a delivery session."""

    EMPTY = "EMPTY"
    PENDING = "PENDING"
    PRELAUNCH = "PRELAUNCH"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    USER_FINISHED = "USER_FINISHED"
    ARCHIVED = "ARCHIVED"


@dataclass(frozen=True, slots=True)
class LdsReservation:
    """What a delivery session is made from; ``auth_id`` is the LCM session id and correlates everything."""

    auth_id: str
    candidate_id: str
    first_name: str
    last_name: str
    form_qualified_name: str
    scheduled_date: str
    region: str


@dataclass(frozen=True, slots=True)
class LdsSession:
    """A delivery session; ``part_id`` is the id of its first part."""

    id: str
    auth_id: str
    state: LdsState
    part_id: str


@dataclass(frozen=True, slots=True)
class LdsDevice:
    """How the desktop reaches one device."""

    label: str
    protocol: str
    host: str
    port: int
    uri: str
    username: str = ""
    password: str = field(default="", repr=False)


class DeliverySystem(Protocol):
    """One LDS deployment. Methods raise ``OutsideError`` subclasses."""

    async def find(self, auth_id: str) -> Sequence[LdsSession]:
        """Every delivery session of an LCM session, archived ones included."""

    async def create(self, reservation: LdsReservation) -> LdsSession:
        """Make one. Not idempotent: look for an earlier one first."""

    async def set_devices(self, session_id: str, part: int, devices: Sequence[LdsDevice]) -> None:
        """Replace the devices of a part (counted from 1)."""

    async def launch_url(self, session_id: str) -> str:
        """The learner's signed link; a secret."""

    async def release(self, session_id: str) -> None:
        """Archive; one that is archived or gone is released."""

    async def refresh_content(self, form_qualified_name: str) -> str:
        """Have the content read again from its bucket; the version LDS gave it."""
