"""The checks find what they are there for, and nothing in a picture that is in order."""

from dataclasses import replace

import pytest

from lcm_core.etcd.values import encode_value
from tests.chaos.history import Answer, History
from tests.chaos.invariants import always, at_rest, lost_events, past, secrets_in
from tests.chaos.picture import Bookings, Document, Picture
from tests.chaos.samples import KEY, NOW, a_claim, a_move, a_session, a_worker, an_event, an_instance, in_order


def history_of(kind: str, key: str, answer: Answer, detail: str = "") -> History:
    history = History()
    history.add(0.0, kind, key, answer, detail)
    return history


def test_nothing_is_found_where_everything_is_in_order() -> None:
    picture = in_order()
    assert always(picture.bookings) == []
    assert at_rest(picture, NOW) == []
    assert past(picture, history_of("reserve", "n1", Answer.OK)) == []


def test_claims_may_follow_each_other_but_not_exceed_the_capacity_together() -> None:
    first, after = a_claim("c1", cores=6), a_claim("c2", start=60, cores=6)
    assert always(Bookings([[first, after]], [a_worker()])) == []
    (found,) = always(Bookings([[first, a_claim("c3", start=30, cores=6, port=2001)]], [a_worker()]))
    assert "12 cores of 8" in found
    longer = first.model_copy(update={"end": after.end})
    assert always(Bookings([[first], [longer]], [a_worker()])) == [], "one claim, half extended across midnight"


def test_a_port_that_is_claimed_twice_is_found() -> None:
    (found,) = always(Bookings([[a_claim("c1"), a_claim("c2", start=30)]], [a_worker()]))
    assert "port 2000 of worker w1 is claimed 2 times" in found


def test_two_live_machines_of_one_worker_are_found() -> None:
    dead, first, second = an_instance("i-0", "terminated"), an_instance("i-1", "stopped"), an_instance("i-2", "pending")
    assert always(Bookings([], [a_worker()], [dead, first])) == []
    assert always(Bookings([], [a_worker()], [dead, first, second])) == ["2 live instances belong to worker w1"]


SPOILED: dict[str, tuple[Picture, str]] = {
    "a session that goes on": (replace(in_order(), sessions=[a_session("running", None)]), "still running"),
    "a session without an outcome": (replace(in_order(), sessions=[a_session(outcome=None)]), "without an outcome"),
    "a worker that stays": (replace(in_order(), bookings=Bookings([], [a_worker()])), "still running"),
    "a claim of an ended session": (
        replace(in_order(), bookings=Bookings([[a_claim("c1")]], [a_worker("terminated")])),
        "which has ended",
    ),
    "a machine without a worker": (
        replace(in_order(), bookings=Bookings([], [], [an_instance()])),
        "its worker w1 is None",
    ),
    "a lab": (replace(in_order(), labs={"i-1": ["LCM s1"]}), "is left on i-1"),
    "a delivery": (
        replace(in_order(), deliveries=[{"id": "d1", "auth_id": "s1", "state": "RUNNING"}]),
        "is left RUNNING",
    ),
    "a grading job": (
        replace(in_order(), jobs=[{"id": "g1", "lablet_session_id": "s1", "state": "grading"}]),
        "is left grading",
    ),
    "a license": (replace(in_order(), licenses=[{"instance_id": "i-1", "leaked": True}]), "is still leaked"),
    "an event on its way": (
        replace(in_order(), sent=[{"id": "e1", "type": "t", "state": "waiting", "answer": "503", "body": {}}]),
        "still waits at its sender",
    ),
    "an acknowledged event that is lost": (
        replace(
            in_order(),
            sent=[{"id": "e1", "type": "t", "state": "delivered", "body": {"source": "/lds", "id": "e1"}}],
        ),
        "acknowledged but is not stored",
    ),
    "an event that was never applied": (
        replace(in_order(), inbound=[{"event": {"source": "/lds", "id": "e1", "type": "t"}, "waiting": True}]),
        "never applied",
    ),
    "a key that etcd lacks": (replace(in_order(), shown={}), "etcd has no"),
    "a key of nothing": (
        replace(in_order(), shown={**in_order().shown, "/lcm/sessions/s2/state": encode_value(1, {})}),
        "the database knows nothing",
    ),
    "an old value": (replace(in_order(), shown={KEY: encode_value(1, {"phase": "pending"})}), "the database says"),
    "a full outbox": (replace(in_order(), pending=["session s1"]), "wait in its outbox"),
}


@pytest.mark.parametrize(("picture", "words"), SPOILED.values(), ids=SPOILED)
def test_what_is_left_at_rest_is_found(picture: Picture, words: str) -> None:
    found = at_rest(picture, NOW)
    assert len(found) == 1
    assert words in found[0]


def test_the_license_of_a_machine_that_died_is_nobodys_fault() -> None:
    licenses: list[Document] = [{"instance_id": "i-1", "leaked": True}]
    assert at_rest(replace(in_order(), licenses=licenses), NOW, {"i-1"}) == []


def test_a_version_without_an_event_and_a_gap_in_its_numbers_are_found() -> None:
    events = [an_event(1, "SessionReserved"), an_event(3, "SessionProgressed", number=1)]
    found = lost_events(replace(in_order(), events=events, versions={("session", "s1"): 3}))
    assert found == ["session s1 has no event of version 2 (1 missing)", "session s1 version 3 has the events [1]"]


def test_a_move_that_the_table_forbids_or_that_starts_elsewhere_is_found() -> None:
    events = [a_move(2, "pending", "scheduled"), a_move(3, "ready", "pending")]
    found = past(replace(in_order(), events=events), History())
    assert len(found) == 2
    assert "was scheduled" in found[0]
    assert "its table forbids" in found[1]


def test_an_inbound_event_that_counted_twice_is_found() -> None:
    events = [an_event(version, "SessionSignaled", inbound_id="/lds#1") for version in (2, 3)]
    (found,) = past(replace(in_order(), events=events), History())
    assert "applied 2 times" in found


def test_accepted_reservations_exist_once_and_refused_ones_do_not() -> None:
    twice = replace(in_order(), sessions=[a_session(), a_session()])
    for picture, key, answer, number in (
        (in_order(), "n2", Answer.OK, 0),
        (twice, "n1", Answer.OK, 2),
        (twice, "n1", Answer.UNKNOWN, 2),
        (in_order(), "n1", Answer.REFUSED, 1),
    ):
        (found,) = past(picture, history_of("reserve", key, answer))
        assert f"exists {number} times" in found
    for key in ("n1", "n2"):
        assert past(in_order(), history_of("reserve", key, Answer.UNKNOWN)) == [], "it may have had its effect or not"


def test_an_extension_that_was_accepted_and_lost_is_found() -> None:
    assert past(in_order(), history_of("extend", "s1", Answer.OK, "2031-05-06T10:00:00+00:00")) == []
    (found,) = past(in_order(), history_of("extend", "s1", Answer.OK, "2031-05-06T10:03:00+00:00"))
    assert "was extended to" in found


def test_a_second_delivery_for_one_place_and_a_second_verdict_are_found() -> None:
    delivery, job = {"auth_id": "s1"}, {"lablet_session_id": "s1", "state": "completed"}
    failed = {"lablet_session_id": "s1", "state": "failed"}
    assert past(replace(in_order(), deliveries=[delivery], jobs=[failed, job]), History()) == []
    assert past(replace(in_order(), deliveries=[delivery] * 2, jobs=[job] * 2), History()) == [
        "session s1 had 1 places, but 2 deliveries",
        "session s1 was graded 2 times",
    ]


def test_a_forged_event_that_was_stored_is_found() -> None:
    (found,) = past(replace(in_order(), inbound=[{"event": {"id": "forged-1"}}]), History())
    assert "forged-1 was accepted" in found


def test_a_secret_in_a_log_is_named_but_not_shown() -> None:
    assert secrets_in({"the log of lds": "token=abc123"}, {"TOKEN": "abc123", "OTHER": "xyz"}) == [
        "the log of lds contains TOKEN"
    ]
