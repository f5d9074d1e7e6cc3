"""Bookings against supply over the coming hours: use, workers that must be on, and their cost."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lcm_core.domain.vocabulary import WorkerPhase
from lcm_core.placement.amounts import unpack
from lcm_core.placement.fleet import Fleet, WorkerState

Amounts = tuple[int, int, int, int]
_GONE = frozenset({WorkerPhase.TERMINATING, WorkerPhase.TERMINATED, WorkerPhase.FAILED})


@dataclass(frozen=True, slots=True)
class ForecastStep:
    """One step ``[start, end)``: the greatest use at any instant of it against what all workers offer.

    ``needed_workers`` hold a session in it; ``cost`` is theirs for the step, in US dollars.
    """

    start: int
    end: int
    used: Amounts
    offered: Amounts
    sessions: int
    needed_workers: int
    cost: float


def forecast(fleet: Fleet, start: int, end: int, step: int) -> Iterator[ForecastStep]:
    """Steps from ``start`` to ``end``; the last one may be shorter. ``step`` must be positive."""
    if step <= 0:
        raise ValueError("the forecast's step must be positive")
    states = [state for state in fleet if state.facts.phase not in _GONE]
    offered = _sum(unpack(state.facts.capacity) for state in states)
    for begin in range(start, end, step):
        until = min(end, begin + step)
        needed = [state for state in states if state.timeline.busy(begin, until)]
        sessions = {
            holding.session_id
            for state in needed
            for holding in state.holdings.values()
            if holding.start < until and holding.end > begin
        }
        hours = (until - begin) / 3_600_000_000
        yield ForecastStep(
            begin,
            until,
            _peak(needed, begin, until),
            offered,
            len(sessions),
            len(needed),
            round(hours * sum(state.facts.hourly_cost for state in needed), 4),
        )


def _peak(states: list[WorkerState], begin: int, until: int) -> Amounts:
    """The greatest sum over all workers at any instant, amount by amount."""
    moments = {begin} | {since for state in states for since, _, _ in state.timeline.steps(begin, until)}
    totals = [_sum(unpack(state.timeline.used_at(moment)) for state in states) for moment in moments]
    most = [max(column) for column in zip(*totals, strict=True)]
    return (most[0], most[1], most[2], most[3])


def _sum(rows: Iterable[Amounts]) -> Amounts:
    totals = [0, 0, 0, 0]
    for row in rows:
        for column, amount in enumerate(row):
            totals[column] += amount
    return (totals[0], totals[1], totals[2], totals[3])
