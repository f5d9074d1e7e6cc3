"""Faults of the way that events take: what a network and a careless sender do to them."""

import random
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class EventFaultKind(StrEnum):
    """What happens to a matching event at its first attempt."""

    LOSE = "lose"
    DUPLICATE = "duplicate"
    DELAY = "delay"
    FORGE = "forge"


class EventFault(BaseModel):
    """One instruction; fields of the match that are None fit every event, ``count`` None means for ever.

    ``lose``: never sent. ``duplicate``: sent twice in a row. ``delay``: held back for ``seconds`` (real ones) while
    later events of the subject pass it. ``forge``: a copy with a wrong signature is sent first.
    """

    model_config = ConfigDict(extra="forbid")

    kind: EventFaultKind
    type: str | None = None
    subject: str | None = None
    count: int | None = Field(default=None, ge=0)
    probability: float = Field(default=1.0, ge=0, le=1)
    seconds: float = Field(default=1.0, ge=0, le=3600)

    def fits(self, kind: str, subject: str) -> bool:
        """Whether an event is meant."""
        return self.type in (None, kind) and self.subject in (None, subject)


class EventFaultBook:
    """The faults in force. The seed makes ``probability`` replayable."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)  # nosec B311 - a replayable simulation, not a secret
        self._faults: list[EventFault] = []

    @property
    def faults(self) -> list[EventFault]:
        """Faults that can still strike, with the strikes left in ``count``."""
        return list(self._faults)

    def replace(self, faults: list[EventFault]) -> None:
        """Put a new list in force."""
        self._faults = [fault.model_copy() for fault in faults if fault.count != 0]

    def strike(self, kind: str, subject: str) -> EventFault | None:
        """The first fault that hits this event, used up by one; None when all goes well."""
        for fault in self._faults:
            if not fault.fits(kind, subject):
                continue
            if fault.probability < 1.0 and self._random.random() >= fault.probability:
                continue
            if fault.count is not None:
                fault.count -= 1
                if fault.count == 0:
                    self._faults.remove(fault)
            return fault
        return None
