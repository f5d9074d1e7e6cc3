"""Inbound events over HTTP: who may send, in which form, and what each of them does."""

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Mapping

import httpx
import pytest
from lablet_rig import Rig, until
from lablet_samples import two_routers

from lablet_controller.adapters.lds import HttpDeliverySystem
from lcm_core.contracts.common import Page
from lcm_core.contracts.inbound import InboundEventResult, InboundEventView
from lcm_core.domain.vocabulary import SessionPhase
from lcm_core.spi.lds import LdsReservation

pytestmark = pytest.mark.asyncio(loop_scope="session")
P = SessionPhase
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"


def event(kind: str, session_id: str = "nobody", **more: object) -> dict[str, object]:
    """A CloudEvent of the delivery system."""
    return {
        "specversion": "1.0",
        "id": uuid.uuid4().hex,
        "source": "/lds/test",
        "type": kind,
        "subject": session_id,
        "data": {"auth_id": session_id},
        **more,
    }


class Sender:
    """Signs and sends."""

    def __init__(self, rig: Rig) -> None:
        self.url = f"{rig.world.url('lablet-controller')}/events"
        self.secret = rig.world.settings.secret("LCM_CLOUDEVENTS_SECRET")
        self.http = rig.http

    def signed(self, body: bytes, at: float | None = None, secret: str | None = None) -> dict[str, str]:
        stamp = str(int(time.time() if at is None else at))
        digest = hmac.new((secret or self.secret).encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        return {"X-LCM-Timestamp": stamp, "X-LCM-Signature": f"v1={digest}"}

    async def send(
        self, body: bytes, media: str = STRUCTURED, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        sent = {"Content-Type": media, **(self.signed(body) if headers is None else headers)}
        return await self.http.post(self.url, content=body, headers=sent)

    async def structured(self, one: Mapping[str, object]) -> int:
        return (await self.send(json.dumps(one).encode())).status_code


@pytest.fixture(scope="module")
def sender(rig: Rig) -> Sender:
    return Sender(rig)


async def test_the_three_modes_and_every_spelling_are_accepted(rig: Rig, sender: Sender) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    started = []
    for _ in range(3):
        started.append((await rig.start(definition, worker)).id)
    for session_id in started:
        await rig.reach(session_id, P.READY)

    assert await sender.structured(event("io.lablet.lds.session.started", started[0])) == 202
    binary = {
        "ce-specversion": "1.0",
        "ce-id": uuid.uuid4().hex,
        "ce-source": "/lds/test",
        "ce-type": "com.cisco.certs.lds.session.started.v1",
        **sender.signed(body := json.dumps({"auth_id": started[1]}).encode()),
    }
    assert (await sender.send(body, "application/json", binary)).status_code == 202
    batch = json.dumps([event("lds.session.started.v1", started[2]), event("lds.session.started.v1")]).encode()
    assert (await sender.send(batch, BATCH)).status_code == 202

    for session_id in started:
        await rig.reach(session_id, P.RUNNING)
        await rig.ask(session_id, "cancel")
    for session_id in started:
        await rig.reach(session_id, P.TERMINATED)


async def test_disorder_and_repetition_have_each_effect_once(rig: Rig, sender: Sender) -> None:
    definition, worker = await rig.define(two_routers(), graded=False), await rig.worker()
    session = await rig.reserve(definition)
    start, end = event("lds.session.started.v1", session.id), event("lds.session.ended.v1", session.id)
    # The end before the start, both before the lab exists, each three times.
    for one in (end, start, end, start, end, start):
        assert await sender.structured(one) == 202
    await rig.place(session, worker, definition)
    ended = await rig.reach(session.id, P.TERMINATED)
    phases = [change.phase for change in ended.status.history]
    assert phases.count(P.RUNNING) == 1
    assert phases.count(P.STOPPING) == 1
    assert len(ended.status.signals) == 2
    assert await sender.structured(event("lds.session.started.v1", session.id)) == 202
    assert (await rig.admin.session(session.id)).status.phase is P.TERMINATED


async def test_unknown_types_and_sessions_are_accepted_and_ignored(sender: Sender) -> None:
    assert await sender.structured(event("lds.session.started.v1", "no-such-session")) == 202
    assert await sender.structured(event("somebody.else.happened")) == 202


@pytest.mark.parametrize(
    ("body", "media", "status", "word"),
    [
        (b"{", STRUCTURED, 400, "JSON"),
        (b"[]", STRUCTURED, 400, "object"),
        (b'{"specversion": "1.0", "type": "x", "source": "s"}', STRUCTURED, 400, "id"),
        (b'{"specversion": "0.3", "type": "x", "source": "s", "id": "1"}', STRUCTURED, 400, "specversion"),
        (b"{}", BATCH, 400, "array"),
        (b"{}", "application/json", 415, "application/json"),
        (b"x" * 1_100_000, STRUCTURED, 413, "larger"),
    ],
)
async def test_what_is_no_event_is_refused_with_the_rule(
    sender: Sender, body: bytes, media: str, status: int, word: str
) -> None:
    answer = await sender.send(body, media)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert word in answer.json()["detail"]


async def test_forged_old_and_unsigned_requests_are_refused(rig: Rig, sender: Sender) -> None:
    body = json.dumps(event("lds.session.started.v1")).encode()
    assert (await sender.send(body, headers={})).status_code == 401
    assert (await sender.send(body, headers=sender.signed(body, secret="wrong"))).status_code == 401
    assert (await sender.send(body, headers=sender.signed(body, at=time.time() - 400))).status_code == 401
    assert (await sender.send(body + b" ", headers=sender.signed(body))).status_code == 401
    assert (await sender.send(body, headers={"Authorization": "Bearer nonsense"})).status_code == 401
    wrong_role = {"Authorization": f"Bearer {await rig.token('worker-controller')}"}
    assert (await sender.send(body, headers=wrong_role)).status_code == 403


async def test_a_service_account_of_the_delivery_system_may_send(rig: Rig, sender: Sender) -> None:
    body = json.dumps(event("lds.session.started.v1")).encode()
    headers = {"Authorization": f"Bearer {await rig.token('lds')}"}
    assert (await sender.send(body, headers=headers)).status_code == 202


async def test_a_source_that_floods_is_slowed_down_and_others_are_not(sender: Sender) -> None:
    flood = [event("lds.session.paused.v1", source="/lds/flood") for _ in range(900)]
    body = json.dumps(flood).encode()
    answers = [await sender.send(body, BATCH) for _ in range(5)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert refused[0].headers["Retry-After"] == "1"
    assert await sender.structured(event("lds.session.paused.v1", source="/lds/quiet")) == 202


async def test_what_came_too_early_to_be_known_is_handed_over_once_it_is(rig: Rig, sender: Sender) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    session = await rig.reserve(definition)
    lds = HttpDeliverySystem(rig.world.url("lds"), "lcm", rig.world.settings.secret("LCM_LDS_PASSWORD"))
    made = await lds.create(
        LdsReservation(session.id, "user", "A", "B", definition.spec.form_qualified_name, "2026-03-01T10:00:00Z", "x")
    )
    await lds.close()
    # It names the delivery session only, which nobody at LCM knows yet.
    one = event("lds.session.started.v1", data={"session_id": made.id}, subject="")
    assert await sender.structured(one) == 202

    async def listed() -> InboundEventView:
        path = "/api/inbound-events"
        page = await rig.api.call("GET", path, params={"limit": "50"}, response=Page[InboundEventView])
        return next(each for each in page.items if each.event.id == one["id"])

    known = await listed()
    assert not known.attached
    replay = f"/api/inbound-events/{known.id}/replay"
    assert (await rig.api.call("POST", replay, response=InboundEventResult)).result == "ignored"
    await rig.place(session, worker, definition)
    await rig.reach(session.id, P.RUNNING)
    assert (await listed()).attached
    assert (await rig.api.call("POST", replay, response=InboundEventResult)).result == "duplicate"
    await rig.ask(session.id, "cancel")
    await rig.reach(session.id, P.TERMINATED)


async def test_events_are_refused_while_they_cannot_be_stored_and_accepted_afterwards(rig: Rig, sender: Sender) -> None:
    rig.world.pause("database")
    try:
        one = json.dumps(event("lds.session.paused.v1")).encode()
        waiting = asyncio.create_task(
            sender.http.post(
                sender.url, content=one, headers={"Content-Type": STRUCTURED, **sender.signed(one)}, timeout=120
            )
        )
        done, _ = await asyncio.wait({waiting}, timeout=1.0)
        assert not done, "an event was acknowledged that nobody has stored"
    finally:
        rig.world.resume("database")
    assert (await waiting).status_code in (202, 503)

    async def accepted() -> bool | None:
        return True if await sender.structured(event("lds.session.paused.v1")) == 202 else None

    await until("events are accepted again", accepted)
