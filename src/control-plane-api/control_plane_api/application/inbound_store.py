"""What the handlers need of the store of inbound events."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from lcm_core.contracts.common import Page
from lcm_core.contracts.inbound import InboundEvent, InboundEventView


class InboundStore(Protocol):
    """Accepted CloudEvents, by (source, id)."""

    async def insert(self, events: Sequence[InboundEvent], now: datetime) -> list[bool]:
        """Store events in one write; False for those that were known."""

    async def session_of_external(self, external_id: str) -> str:
        """The LCM session that owns an LDS or engine id, or an empty string."""

    async def mark_applied(self, event: InboundEvent, attached: bool) -> None:
        """It was looked at; ``attached`` when its session has the signal."""

    async def unapplied(self, limit: int) -> list[InboundEvent]:
        """Events stored but not yet attached to their session."""

    async def early(self, external_id: str) -> list[InboundEvent]:
        """Events of an LDS or engine id that were looked at and belonged to no session then, oldest first."""

    async def page(self, session_id: str, cursor: str, limit: int) -> Page[InboundEventView]:
        """Stored events, of one session or all, newest first. Raises ``ValueError`` for a cursor that is none."""

    async def find(self, key: str) -> InboundEventView | None:
        """One stored event."""

    async def forget_before(self, instant: datetime) -> int:
        """Delete what was stored before; answers how many."""
