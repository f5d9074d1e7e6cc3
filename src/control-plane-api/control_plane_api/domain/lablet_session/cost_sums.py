"""What the sessions of many owners cost together, so far and until their slots end."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from control_plane_api.domain.lablet_session.cost import AMOUNTS, charged, hourly_share
from lcm_core.contracts.common import Resources, Slot
from lcm_core.domain.session_states import SESSION_PHASES_LIVE
from lcm_core.domain.vocabulary import SessionPhase

_NOTHING = timedelta(0)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SessionCost:
    """What is known about the cost of one session.

    ``slot`` is the effective one. ``hourly_usd`` is its share of its worker, None while it has no place.
    ``booked_usd`` is what its phases before the present one have cost; the present one lasts since ``since``.
    """

    owner: str
    department: str
    phase: SessionPhase
    since: datetime
    slot: Slot
    duration: timedelta
    wanted: Resources
    booked_usd: float
    hourly_usd: float | None


@dataclass(frozen=True, slots=True)
class Price:
    """What a worker of a template offers, and its US dollars an hour."""

    capacity: Resources
    hourly_usd: float


@dataclass(frozen=True, slots=True)
class Sum:
    """US dollars of some sessions, rounded to the hundredth of a cent."""

    name: str
    sessions: int
    cost_usd: float
    forecast_usd: float


class Estimator:
    """The cost of single sessions at one instant. ``prices`` are those of what may be launched."""

    def __init__(self, prices: Sequence[Price], now: datetime) -> None:
        self._prices = prices
        self._now = now
        self._expected: dict[tuple[int, ...], float] = {}

    def so_far(self, session: SessionCost) -> float:
        """US dollars until now."""
        return session.booked_usd + charged(session.phase, session.hourly_usd or 0.0, session.since, self._now)

    def to_come(self, session: SessionCost) -> float:
        """US dollars from now until the end of the slot; none for a session that is over."""
        if session.phase is SessionPhase.TERMINATED:
            return 0.0
        hourly = self._expected_share(session.wanted) if session.hourly_usd is None else session.hourly_usd
        return hourly * (self._left(session) / _HOUR)

    def _left(self, session: SessionCost) -> timedelta:
        """A lab that is built before its slot begins is paid for from now on."""
        begin = self._now if session.phase in SESSION_PHASES_LIVE else max(self._now, session.slot.start)
        left = max(_NOTHING, session.slot.end - begin)
        # Without a place the slot may be the time in which one is looked for, longer than the session will be.
        return min(left, session.duration) if session.hourly_usd is None else left

    def _expected_share(self, wanted: Resources) -> float:
        """The share of the cheapest worker that could take it; 0 when none could."""
        amounts = tuple(getattr(wanted, name) for name in AMOUNTS)
        if amounts not in self._expected:
            shares = (
                (price.hourly_usd, hourly_share(wanted, price.capacity, price.hourly_usd))
                for price in self._prices
                if all(getattr(wanted, name) <= getattr(price.capacity, name) for name in AMOUNTS)
            )
            self._expected[amounts] = min(shares, default=(0.0, 0.0))[1]
        return self._expected[amounts]


def sums(
    sessions: Iterable[SessionCost], name_of: Callable[[SessionCost], str], estimator: Estimator
) -> tuple[list[Sum], Sum]:
    """The sum of each name, the greatest forecast first, and that of all."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for session in sessions:
        found[name_of(session)].append((estimator.so_far(session), estimator.to_come(session)))
    each = [_sum(name, amounts) for name, amounts in found.items()]
    total = _sum("", [amount for amounts in found.values() for amount in amounts])
    return sorted(each, key=lambda one: (-one.forecast_usd, one.name)), total


def _sum(name: str, amounts: list[tuple[float, float]]) -> Sum:
    so_far = sum(spent for spent, _ in amounts)
    to_come = sum(expected for _, expected in amounts)
    return Sum(name, len(amounts), round(so_far, 4), round(so_far + to_come, 4))
