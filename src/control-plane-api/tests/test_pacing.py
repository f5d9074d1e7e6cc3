"""How often an object is shown, and what that means for the position that clients resume from."""

from hypothesis import given
from hypothesis import strategies as st

from control_plane_api.infrastructure.sse.pacing import APART_SECONDS, Item, Pacer

A: Item = ("workers", "a", "")
B: Item = ("workers", "b", "")


class Timer:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def test_a_quiet_object_is_shown_at_once_and_a_busy_one_four_times_a_second() -> None:
    timer = Timer()
    pacer = Pacer(timer)
    shown = 0
    for revision in range(1280):
        pacer.note(A, revision)
        shown += len(pacer.take())
        timer.now += 1 / 128
    assert shown == 10 / APART_SECONDS
    pacer.note(B, 1281)
    assert B in pacer.take()


def test_what_waits_holds_the_position_back_and_is_due_in_time() -> None:
    timer = Timer()
    pacer = Pacer(timer)
    pacer.note(A, 5)
    assert pacer.take() == {A: 5}
    assert pacer.shown_up_to(5) == 5
    pacer.note(A, 6)
    pacer.note(B, 7)
    pacer.note(A, 8)
    assert pacer.take() == {B: 7}
    assert pacer.shown_up_to(8) == 5
    assert pacer.next_due() == APART_SECONDS
    timer.now += APART_SECONDS
    assert pacer.next_due() == 0
    assert pacer.take() == {A: 6}
    assert pacer.shown_up_to(8) == 8
    assert pacer.next_due() is None


def test_what_could_not_be_shown_is_taken_again() -> None:
    pacer = Pacer(Timer())
    pacer.note(A, 5)
    taken = pacer.take()
    pacer.note(A, 6)
    pacer.give_back(taken)
    assert pacer.shown_up_to(6) == 4
    assert pacer.take() == {A: 5}


@given(st.lists(st.tuples(st.sampled_from([A, B, ("labs", "c", "")]), st.integers(0, 30), st.booleans())))
def test_no_position_is_ahead_of_a_change_that_was_not_shown(steps: list[tuple[Item, int, bool]]) -> None:
    timer = Timer()
    pacer = Pacer(timer)
    unseen: dict[Item, int] = {}
    last = 0
    for revision, (item, hundredths, fails) in enumerate(steps, start=1):
        timer.now += hundredths / 100
        pacer.note(item, revision)
        unseen.setdefault(item, revision)
        taken = pacer.take()
        if fails:
            pacer.give_back(taken)
        else:
            for each in taken:
                del unseen[each]
        position = pacer.shown_up_to(revision)
        assert all(position < waiting for waiting in unseen.values())
        assert position >= last or fails
        last = max(last, position)
    timer.now += 1
    assert pacer.take().keys() == unseen.keys()
