"""The claims as the control plane tells them, kept as holdings of the fleet.

The control plane answers whole days of a worker; a claim that crosses midnight stands in each day it touches. The book
applies a day only when it is newer than the one it knows, and changes only what differs.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from lcm_core.contracts.claims import ClaimDay, ClaimView
from lcm_core.placement.amounts import pack
from lcm_core.placement.fleet import Fleet, Holding
from lcm_core.placement.instants import micros

Day = tuple[str, str]
"""Worker and ISO date."""


def days_touched(start: datetime, end: datetime) -> Iterator[str]:
    """UTC days of ``[start, end)`` as ISO dates, ascending."""
    day = start.astimezone(UTC).date()
    last = (end.astimezone(UTC) - timedelta(microseconds=1)).date()
    while day <= last:
        yield day.isoformat()
        day += timedelta(days=1)


def holding_of(claim: ClaimView) -> Holding:
    """What a claim holds."""
    ports = 0
    for number in claim.ports.values():
        ports |= 1 << number
    return Holding(
        claim.claim_id, claim.session_id, micros(claim.start), micros(claim.end), pack(claim.resources), ports
    )


@dataclass(slots=True)
class _KnownClaim:
    holding: Holding
    days: set[str] = field(default_factory=set)


class ClaimBook:
    """Every known claim by worker; ``apply_to`` brings a fleet in line with it."""

    def __init__(self) -> None:
        self._days: dict[Day, tuple[int, frozenset[str]]] = {}
        self._claims: dict[str, dict[str, _KnownClaim]] = {}

    def apply(self, day: ClaimDay, fleet: Fleet) -> bool:
        """Take over one day. Answers whether it was news."""
        key = (day.worker_id, day.day)
        version, before = self._days.get(key, (0, frozenset()))
        if day.version <= version:
            return False
        known = self._claims.setdefault(day.worker_id, {})
        for claim in day.claims:
            self._take(known, claim, {day.day}, fleet)
        now = frozenset(claim.claim_id for claim in day.claims)
        optimistic = {claim_id for claim_id, each in known.items() if day.day in each.days}
        for claim_id in (before | optimistic) - now:
            self._leave(known, day.worker_id, claim_id, day.day, fleet)
        self._days[key] = (day.version, now)
        return True

    def accept(self, claim: ClaimView, fleet: Fleet) -> None:
        """A claim that was just granted, before its days are read again."""
        known = self._claims.setdefault(claim.worker_id, {})
        self._take(known, claim, set(days_touched(claim.start, claim.end)), fleet)

    def put_on(self, worker_id: str, fleet: Fleet) -> None:
        """Put everything known of a worker onto a fleet that has just learned of the worker."""
        for known in self._claims.get(worker_id, {}).values():
            fleet.hold(worker_id, known.holding)

    def forget_before(self, moment: datetime) -> None:
        """Drop days of the past, so that the book stays as large as the present."""
        last = moment.astimezone(UTC).date().isoformat()
        for key in [key for key in self._days if key[1] < last]:
            del self._days[key]
        for worker_id, known in list(self._claims.items()):
            for claim_id in [claim_id for claim_id, each in known.items() if each.holding.end < micros(moment)]:
                del known[claim_id]
            if not known:
                del self._claims[worker_id]

    def of_worker(self, worker_id: str) -> Iterator[Holding]:
        """Known holdings of a worker."""
        return (known.holding for known in self._claims.get(worker_id, {}).values())

    @staticmethod
    def _take(known: dict[str, _KnownClaim], claim: ClaimView, days: set[str], fleet: Fleet) -> None:
        holding = holding_of(claim)
        entry = known.setdefault(claim.claim_id, _KnownClaim(holding))
        entry.days |= days
        entry.holding = holding
        if fleet.get(claim.worker_id) is not None:
            fleet.hold(claim.worker_id, holding)

    @staticmethod
    def _leave(known: dict[str, _KnownClaim], worker_id: str, claim_id: str, day: str, fleet: Fleet) -> None:
        entry = known.get(claim_id)
        if entry is None:
            return
        entry.days.discard(day)
        if not entry.days:
            del known[claim_id]
            fleet.release(worker_id, claim_id)
