"""What the sessions of owners cost together: the calculation."""

from datetime import timedelta

import pytest
from domain_samples import NEED, NOW, slot
from hypothesis import given
from hypothesis import strategies as st

from control_plane_api.domain.lablet_session.cost_sums import Estimator, Price, SessionCost, Sum, sums
from lcm_core.contracts.common import Resources, Slot
from lcm_core.domain.session_states import SESSION_PHASES_LIVE
from lcm_core.domain.vocabulary import SessionPhase

LARGE = Price(Resources(cores=40, memory_mb=81_920, storage_gb=160, nodes=50), 4.0)
SMALL = Price(Resources(cores=8, memory_mb=16_384, storage_gb=32, nodes=10), 1.0)
TINY = Price(Resources(cores=2, memory_mb=16_384, storage_gb=32, nodes=10), 0.1)


def session(
    phase: SessionPhase = SessionPhase.RUNNING,
    *,
    owner: str = "anna",
    at: Slot | None = None,
    hourly: float | None = 2.0,
    booked: float = 0.0,
    duration: float = 60,
) -> SessionCost:
    return SessionCost(
        owner=owner,
        department="north",
        phase=phase,
        since=NOW - timedelta(minutes=30),
        slot=at or slot(-15, 60),
        duration=timedelta(minutes=duration),
        wanted=NEED,
        booked_usd=booked,
        hourly_usd=hourly,
    )


def one(found: SessionCost, *prices: Price) -> tuple[float, float]:
    """Cost and forecast of one session."""
    _, total = sums([found], lambda it: it.owner, Estimator(prices, NOW))
    return total.cost_usd, total.forecast_usd


def test_a_running_session_has_cost_its_earlier_phases_and_this_one_and_will_cost_the_rest_of_its_slot() -> None:
    assert one(session(booked=0.25)) == (0.25 + 1.0, 0.25 + 1.0 + 1.5)


def test_a_session_that_is_over_costs_no_more() -> None:
    assert one(session(SessionPhase.TERMINATED, booked=3.5)) == (3.5, 3.5)


def test_a_session_that_waits_in_its_place_costs_nothing_before_its_slot() -> None:
    assert one(session(SessionPhase.SCHEDULED, at=slot(60, 90))) == (0.0, 3.0)


def test_a_lab_that_is_built_before_its_slot_is_paid_for_from_now_on() -> None:
    assert one(session(SessionPhase.INSTANTIATING, at=slot(10, 50))) == (1.0, 1.0 + 2.0)


def test_a_session_that_overstays_its_slot_has_nothing_left_of_it() -> None:
    assert one(session(at=slot(-90, 60))) == (1.0, 1.0)


def test_without_a_place_the_cheapest_worker_that_is_large_enough_gives_the_share() -> None:
    waiting = session(SessionPhase.PENDING, at=slot(60, 60), hourly=None)
    assert one(waiting, LARGE, TINY, SMALL) == (0.0, 0.5)
    assert one(waiting, LARGE) == (0.0, 0.4)
    assert one(waiting, TINY) == (0.0, 0.0)
    assert one(waiting) == (0.0, 0.0)


def test_a_wide_window_costs_no_more_than_the_session_lasts() -> None:
    soon = session(SessionPhase.PENDING, at=slot(0, 600), hourly=None, duration=30)
    assert one(soon, SMALL) == (0.0, 0.25)


def test_a_session_that_lost_its_place_keeps_what_it_has_cost() -> None:
    again = session(SessionPhase.PENDING, at=slot(0, 60), hourly=None, booked=0.75)
    assert one(again, SMALL) == (0.75, 1.25)


def test_owners_come_with_the_greatest_forecast_first_and_all_of_them_make_the_total() -> None:
    found = [session(owner="anna"), session(owner="bert", booked=4), session(SessionPhase.TERMINATED, owner="anna")]
    each, total = sums(found, lambda it: it.owner, Estimator([], NOW))
    assert each == [Sum("bert", 1, 5.0, 6.5), Sum("anna", 2, 1.0, 2.5)]
    assert total == Sum("", 3, 6.0, 9.0)
    assert sums(found, lambda it: it.department, Estimator([], NOW))[0] == [Sum("north", 3, 6.0, 9.0)]


def test_no_sessions_cost_nothing() -> None:
    assert sums([], lambda it: it.owner, Estimator([SMALL], NOW)) == ([], Sum("", 0, 0.0, 0.0))


SESSIONS = st.builds(
    session,
    st.sampled_from(SessionPhase),
    owner=st.sampled_from(["anna", "bert", "cleo"]),
    at=st.builds(slot, st.integers(-500, 500), st.integers(1, 500)),
    hourly=st.none() | st.floats(0, 50),
    booked=st.floats(0, 500),
    duration=st.integers(1, 500),
)


@given(st.lists(SESSIONS, max_size=12))
def test_no_cent_is_lost_and_no_forecast_is_below_what_was_spent(found: list[SessionCost]) -> None:
    each, total = sums(found, lambda it: it.owner, Estimator([LARGE, SMALL], NOW))
    assert total.sessions == len(found) == sum(owner.sessions for owner in each)
    assert total.cost_usd == pytest.approx(sum(owner.cost_usd for owner in each), abs=0.001)
    assert total.forecast_usd == pytest.approx(sum(owner.forecast_usd for owner in each), abs=0.001)
    assert all(owner.forecast_usd >= owner.cost_usd for owner in [*each, total])
    assert [owner.forecast_usd for owner in each] == sorted((owner.forecast_usd for owner in each), reverse=True)


@given(SESSIONS, st.integers(1, 600))
def test_the_forecast_of_a_session_with_a_lab_stays_while_time_passes_inside_its_slot(
    found: SessionCost, minutes: int
) -> None:
    later = NOW + timedelta(minutes=minutes)
    if found.phase not in SESSION_PHASES_LIVE or found.hourly_usd is None or later > found.slot.end:
        return
    now, then = Estimator([], NOW), Estimator([], later)
    assert now.so_far(found) + now.to_come(found) == pytest.approx(then.so_far(found) + then.to_come(found))
