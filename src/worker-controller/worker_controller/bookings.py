"""The claims on each worker, followed from the control plane."""

import asyncio
import time
from datetime import datetime, timedelta

from lcm_core.clients.control_plane import ControlPlaneClient
from lcm_core.clients.errors import ApiError
from lcm_core.contracts.claims import ClaimDay, ClaimView
from worker_controller.lifecycle.facts import Bookings

Day = tuple[str, str]


class BookingBook:
    """Claim days as the control plane tells them; one reader serves every worker that asks.

    Days of the past are dropped; a worker without claims is free.
    """

    def __init__(self, control_plane: ControlPlaneClient, imminent: timedelta) -> None:
        self._control_plane = control_plane
        self._imminent = imminent
        self._days: dict[str, dict[str, ClaimDay]] = {}
        self._cursor = ""
        self._read_at: float | None = None
        self._reading = asyncio.Lock()

    async def of_worker(self, worker_id: str, now: datetime, *, max_age: float) -> Bookings | None:
        """Live and imminent claims; None while the control plane does not tell."""
        try:
            await self._follow(now, max_age)
        except ApiError:
            return None
        claims: dict[str, ClaimView] = {
            claim.claim_id: claim for day in self._days.get(worker_id, {}).values() for claim in day.claims
        }
        live = sum(1 for claim in claims.values() if claim.start <= now < claim.end)
        soon = now + self._imminent
        return Bookings(live, sum(1 for claim in claims.values() if now < claim.start <= soon))

    def start_over(self) -> None:
        """Read everything again: a new leader must not trust what it followed before."""
        self._days.clear()
        self._cursor = ""
        self._read_at = None

    async def _follow(self, now: datetime, max_age: float) -> None:
        asked = time.monotonic()
        async with self._reading:
            if self._read_at is not None and self._read_at >= asked - max_age:
                return
            started = time.monotonic()
            while True:
                changes = await self._control_plane.claim_changes(self._cursor)
                news = [self._take(day) for day in changes.items]
                self._cursor = changes.cursor
                if not any(news):
                    break
            self._read_at = started
            self._forget(now)

    def _take(self, day: ClaimDay) -> bool:
        days = self._days.setdefault(day.worker_id, {})
        known = days.get(day.day)
        if known is not None and known.version >= day.version:
            return False
        days[day.day] = day
        return True

    def _forget(self, now: datetime) -> None:
        last = (now - timedelta(days=1)).date().isoformat()
        for worker_id, days in list(self._days.items()):
            for name in [name for name in days if name < last]:
                del days[name]
            if not days:
                del self._days[worker_id]
