"""Calls that nobody hears of: how long a process waits for them."""

from lcm_core.clock import ManualClock
from lcm_core.controller.leadership import Leadership, reconcile_context
from lcm_core.controller.settling import Settling


def test_it_is_counted_from_the_first_question_on_and_for_each_call_of_its_own() -> None:
    clock = ManualClock()
    settling = Settling(30.0, clock)
    assert settling.remaining("s1", "delivery") == 30.0
    clock.advance(12)
    assert settling.remaining("s1", "delivery") == 18.0
    assert settling.remaining("s1", "lab") == 30.0
    assert settling.remaining("s2", "delivery") == 30.0
    clock.advance(100)
    assert settling.remaining("s1", "delivery") == 0.0


def test_what_is_over_is_waited_for_anew_and_leaves_nothing_behind() -> None:
    clock = ManualClock()
    settling = Settling(30.0, clock)
    for what in ("delivery", "lab"):
        settling.remaining("s1", what)
    clock.advance(20)
    settling.over("s1", "delivery")
    assert (settling.remaining("s1", "delivery"), settling.remaining("s1", "lab")) == (30.0, 10.0)
    settling.over("s1", "delivery")
    settling.over("s1", "lab")
    settling.over("s1")
    settling.over("never asked")
    assert settling.remaining("s1", "lab") == 30.0
    settling.over("s1")
    assert not settling._since


def test_a_process_counts_only_while_it_leads() -> None:
    clock = ManualClock()
    settling = Settling(30.0, clock)
    assert settling.since_leadership() == 0.0
    settling.remaining("s1", "delivery")
    clock.advance(25)
    with reconcile_context("s1", Leadership("test", 0, "me", clock, clock.monotonic() + 60)):
        assert settling.remaining("s1", "delivery") == 30.0
        clock.advance(10)
        assert settling.remaining("s1", "delivery") == 20.0
        assert settling.since_leadership() == 20.0
