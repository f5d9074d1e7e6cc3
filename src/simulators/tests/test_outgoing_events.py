"""Outgoing events: signed, retried, in order, each with one effect, whatever happens to sender and receiver."""

import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from event_world import unique_id, wait_for
from lds_world import ENDED, PAUSED, STARTED, Lds, delivery_system

from lcm_simulators.common.cloudevents import Delivery, pause_before, signature
from lcm_simulators.common.database import Database, Documents
from lcm_simulators.common.outbox import EventState, Outbox
from lcm_simulators.lds.content import LabFolder


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lds]:
    """One delivery system for all tests here; S3 is not needed."""
    with delivery_system(tmp_path_factory.mktemp("lds"), "http://127.0.0.1:9") as running:
        yield running


@pytest.fixture
def lds(shared: Lds) -> Iterator[Lds]:
    """The delivery system with a receiver that is there and in a good mood."""
    yield shared
    shared.receiver.answers.clear()
    if shared.receiver.closed:
        shared.receiver.open()
    shared.server.admin("DELETE", "/event-faults")


def play(lds: Lds, *actions: str) -> str:
    """A new session whose learner does this; the platform's id of it."""
    session = lds.ready()
    for action in actions:
        lds.server.admin("POST", f"/sessions/{session['id']}/{action}")
    return str(session["auth_id"])


def stored(lds: Lds, subject: str) -> list[dict[str, Any]]:
    """The sender's own book about a subject."""
    events: list[dict[str, Any]] = lds.server.admin("GET", "/events")["events"]
    return [event for event in events if event["subject"] == subject]


def settled(lds: Lds, subject: str, *states: str) -> list[dict[str, Any]]:
    """Wait until the sender knows what became of its events."""
    wait_for(lambda: [event["state"] for event in stored(lds, subject)] == list(states), f"{states} of {subject}")
    return stored(lds, subject)


@pytest.mark.parametrize("status", [429, 500, 503, 401, 404])
def test_an_event_is_tried_until_it_is_accepted(lds: Lds, status: int) -> None:
    lds.receiver.answers = [status, status, status]
    subject = play(lds, "start")
    lds.receiver.wait(subject, STARTED)
    tried = [event["id"] for event in lds.receiver.genuine if event["subject"] == subject]
    assert len(tried) == 4
    assert len(set(tried)) == 1
    (event,) = settled(lds, subject, "delivered")
    assert (event["attempts"], event["answer"]) == (4, "202")


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_an_event_that_will_never_be_accepted_is_given_up_and_the_next_follows(lds: Lds, status: int) -> None:
    lds.receiver.answers = [status]
    subject = play(lds, "start", "pause")
    lds.receiver.wait(subject, PAUSED)
    given_up, _ = settled(lds, subject, "refused", "delivered")
    assert (given_up["attempts"], given_up["answer"]) == (1, str(status))


def test_events_of_a_session_keep_their_order_while_the_receiver_is_away(lds: Lds) -> None:
    lds.receiver.close()
    subject = play(lds, "start", "pause", "start", "finish")
    first = wait_for(lambda: next((e for e in stored(lds, subject) if e["attempts"] >= 2), None), "two attempts")
    assert first["type"] == STARTED
    assert [event["attempts"] for event in stored(lds, subject)[1:]] == [0, 0, 0]
    lds.receiver.open()
    lds.receiver.wait(subject, STARTED, PAUSED, STARTED, ENDED)


def test_a_session_whose_events_wait_does_not_hold_up_the_others(lds: Lds) -> None:
    lds.server.admin("PUT", "/event-faults", [{"kind": "delay", "count": 1, "seconds": 3600}])
    stuck = play(lds, "start")
    wait_for(lambda: stored(lds, stuck)[0]["overtakable"], "the event to be held back")
    other = play(lds, "start", "finish")
    lds.receiver.wait(other, STARTED, ENDED)
    assert lds.receiver.of(stuck) == []


def test_waiting_events_survive_the_death_of_the_sender(tmp_path: Path) -> None:
    with delivery_system(tmp_path, "http://127.0.0.1:9") as lds:
        lds.receiver.close()
        subject = play(lds, "start", "finish")
        lds.server.kill()
        lds.receiver.open()
        lds.server.begin()
        lds.receiver.wait(subject, STARTED, ENDED)
        settled(lds, subject, "delivered", "delivered")
        lds.server.kill()
        lds.server.begin()
        other = play(lds, "start")
        lds.receiver.wait(other, STARTED)
        assert len([event for event in lds.receiver.genuine if event["subject"] == subject]) == 2


def test_an_answer_that_got_lost_means_a_second_copy_and_one_effect(lds: Lds) -> None:
    lds.receiver.drop_next = True
    subject = play(lds, "start")
    lds.receiver.wait(subject, STARTED)
    settled(lds, subject, "delivered")
    assert len([event for event in lds.receiver.genuine if event["subject"] == subject]) == 2


def test_a_duplicated_event_is_the_same_event(lds: Lds) -> None:
    lds.server.admin("PUT", "/event-faults", [{"kind": "duplicate", "type": STARTED, "count": 1}])
    subject = play(lds, "start")
    settled(lds, subject, "delivered")
    copies = [event for event in lds.receiver.genuine if event["subject"] == subject]
    assert len(copies) == 2
    assert copies[0] == copies[1]
    lds.receiver.wait(subject, STARTED)


def test_a_lost_event_never_arrives_until_it_is_sent_again(lds: Lds) -> None:
    lds.server.admin("PUT", "/event-faults", [{"kind": "lose", "type": STARTED, "count": 1}])
    subject = play(lds, "start", "pause")
    lds.receiver.wait(subject, PAUSED)
    lost, _ = settled(lds, subject, "lost", "delivered")
    lds.server.admin("POST", f"/events/{lost['id']}/resend")
    lds.receiver.wait(subject, PAUSED, STARTED)


def test_a_delayed_event_is_overtaken(lds: Lds) -> None:
    lds.server.admin("PUT", "/event-faults", [{"kind": "delay", "type": STARTED, "count": 1, "seconds": 0.5}])
    subject = play(lds, "start", "pause")
    lds.receiver.wait(subject, PAUSED, STARTED)


def test_a_forged_copy_is_sent_before_the_genuine_event(lds: Lds) -> None:
    before = lds.receiver.forged
    lds.server.admin("PUT", "/event-faults", [{"kind": "forge", "count": 1}])
    subject = play(lds, "start")
    lds.receiver.wait(subject, STARTED)
    assert lds.receiver.forged == before + 1


@pytest.mark.parametrize("faults", [[{"kind": "explode"}], [{"kind": "lose", "probability": 2}], {"kind": "lose"}])
def test_wrong_event_faults_are_refused(lds: Lds, faults: object) -> None:
    assert httpx.put(f"{lds.server.url}/admin/event-faults", json=faults).status_code == 422


def test_what_is_not_known_cannot_be_sent_again(lds: Lds) -> None:
    assert httpx.post(f"{lds.server.url}/admin/events/{unique_id()}/resend").status_code == 404
    assert httpx.get(f"{lds.server.url}/admin/events", params={"state": "eaten"}).status_code == 422


def test_the_signature_covers_time_stamp_and_body() -> None:
    good = signature("secret", "1700000000", b'{"a": 1}')
    assert good == "v1=" + hmac.new(b"secret", b'1700000000.{"a": 1}', "sha256").hexdigest()
    assert len({good, signature("secret", "1700000001", b'{"a": 1}'), signature("secret", "1700000000", b"{}")}) == 3
    assert good != signature("other", "1700000000", b'{"a": 1}')


def test_pauses_double_up_to_a_limit_and_are_spread() -> None:
    delivery = Delivery("http://receiver", "", first_pause=0.5, longest_pause=4)
    assert [pause_before(attempt, delivery, 0) for attempt in range(5)] == [0.5, 1, 2, 4, 4]
    assert pause_before(10_000, delivery, 0) == 4
    assert pause_before(0, delivery, 1) == pytest.approx(0.4)


def test_a_change_and_its_event_are_stored_together_or_not_at_all(tmp_path: Path) -> None:
    database = Database(tmp_path / "x.db")
    outbox, documents = Outbox(database, "/x"), Documents(database, "folder", LabFolder)
    folder = LabFolder(form_qualified_name="f", version="1", size=1)

    def change() -> None:
        with database.transaction():
            documents.put("f", folder)
            outbox.add("x.v1", "s", {"a": 1})
            raise RuntimeError("killed here")

    with pytest.raises(RuntimeError):
        change()
    assert (documents.get("f"), outbox.heads(10)) == (None, [])
    with database.transaction():
        documents.put("f", folder)
        outbox.add("x.v1", "s", {"a": 1})
    again = Outbox(Database(tmp_path / "x.db"), "/x")
    (event,) = again.heads(10)
    assert (json.loads(event.body)["data"], event.state) == ({"a": 1}, EventState.WAITING)
