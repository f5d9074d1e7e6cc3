"""Sessions through the API, from the reservation to the score, with every controller's typed client."""

from datetime import timedelta

import pytest
from flows import active_definition, place, place_wish, reserve, running_worker, unique
from plane_process import PlaneProcess

from lcm_core.clients.errors import Conflict
from lcm_core.contracts.sessions import (
    DeviceAccess,
    InboundEvent,
    InboundEventBatch,
    LabRef,
    PutGradingSession,
    PutScoreReport,
    PutUserSession,
    ReportSession,
    ScoreSection,
    TransitionSession,
    UnscheduleSession,
)
from lcm_core.domain.vocabulary import GradingPhase, SessionPhase, SignalType, UserSessionPhase

LAUNCH = "https://lds.example/launch/secret-token"


def move(to: SessionPhase, **more: object) -> TransitionSession:
    """A controller's move."""
    return TransitionSession.model_validate({"to": to, "reason": "Test", "message": f"now {to}", **more})


async def test_a_session_goes_from_reservation_to_score(plane: PlaneProcess) -> None:
    definition, worker = await active_definition(plane), await running_worker(plane)
    async with (
        plane.caller("user") as user,
        plane.controller("resource-scheduler") as scheduler,
        plane.controller("lablet-controller") as lablets,
    ):
        session = await reserve(user, definition)
        placed = await place(scheduler, place_wish(session, worker.id))
        assert placed.status == 200, placed
        key = session.id
        too_early = await user.get(f"/api/lablet-sessions/{key}/launch")
        assert (too_early.status_code, too_early.json()["code"]) == (409, "NotLaunchable")

        await lablets.transition(key, move(SessionPhase.INSTANTIATING, lab=LabRef(cml_lab_id="lab1")))
        await lablets.report_session(key, ReportSession(message="Booting."))
        devices = [DeviceAccess(label="r1", protocol="ssh", host="10.0.0.1", port=2000, password="device-secret")]
        child = await lablets.put_user_session(
            key,
            PutUserSession(
                phase=UserSessionPhase.PROVISIONED, lds_session_id=unique("lds"), launch_url=LAUNCH, devices=devices
            ),
        )
        await lablets.transition(key, move(SessionPhase.READY))
        assert (await user.get(f"/api/lablet-sessions/{key}/launch")).json()["url"] == LAUNCH
        assert (await lablets.session_secrets(key)).devices == devices

        event = InboundEvent(
            source="/lds/east",
            id=unique("e"),
            type="lds.session.started.v1",
            signal=SignalType.LDS_STARTED,
            external_id=child.lds_session_id,
        )
        first = await lablets.store_inbound(InboundEventBatch(items=[event]))
        again = await lablets.store_inbound(InboundEventBatch(items=[event]))
        assert [first.items[0].result, again.items[0].result] == ["stored", "duplicate"]
        waiting = [signal.event_id for signal in (await lablets.session(key)).status.signals]
        await lablets.transition(key, move(SessionPhase.RUNNING, consume_signals=waiting))

        for phase in (SessionPhase.COLLECTING, SessionPhase.GRADING):
            await lablets.transition(key, move(phase))
        await lablets.put_grading_session(key, PutGradingSession(phase=GradingPhase.GRADING, engine_id=unique("g")))
        section = ScoreSection(name="routing", score=8, max_score=10, passed=True)
        report = PutScoreReport(engine_id="g", score=8, max_score=10, cut_score=6, passed=True, sections=[section])
        await lablets.put_score_report(key, report)
        await lablets.put_score_report(key, report.model_copy(update={"score": 1.0}))
        for phase in (SessionPhase.STOPPING, SessionPhase.STOPPED, SessionPhase.ARCHIVED):
            await lablets.transition(key, move(phase))
        await lablets.transition(key, move(SessionPhase.TERMINATED, clear_lab=True, outcome="completed"))

        shown = await user.get(f"/api/lablet-sessions/{key}")
        status = shown.json()["status"]
        assert (status["phase"], status["outcome"], status["score"]["score"]) == ("terminated", "completed", 8)
        scored = (await user.get(f"/api/lablet-sessions/{key}/score-report")).json()
        assert scored["sections"][0]["name"] == "routing"
        claims = await user.get(
            f"/api/workers/{worker.id}/claims",
            params={"start": session.created_at.isoformat(), "end": session.spec.slot.end.isoformat()},
        )
        assert claims.json()["items"] == [], "the claim is released with the session"
        listed = (await user.get("/api/lablet-sessions", params={"phase": "terminated", "limit": "200"})).text
        assert key in listed
        assert "secret" not in listed
        assert "secret" not in shown.text


async def test_an_event_that_is_faster_than_the_answer_it_tells_of_is_not_lost(plane: PlaneProcess) -> None:
    definition, worker = await active_definition(plane), await running_worker(plane)
    async with (
        plane.caller("user") as user,
        plane.controller("resource-scheduler") as scheduler,
        plane.controller("lablet-controller") as lablets,
    ):
        key = (await reserve(user, definition)).id
        session = await lablets.session(key)
        assert (await place(scheduler, place_wish(session, worker.id))).status == 200
        await lablets.transition(key, move(SessionPhase.INSTANTIATING, lab=LabRef(cml_lab_id="lab1")))
        lds = unique("lds")
        events = [
            InboundEvent(source="/lds/east", id=unique("e"), type="t", signal=signal, external_id=lds)
            for signal in (SignalType.LDS_STARTED, SignalType.LDS_ENDED)
        ]
        other = events[0].model_copy(update={"id": unique("e"), "external_id": unique("lds")})
        early = await lablets.store_inbound(InboundEventBatch(items=[*events, other]))
        assert [item.result for item in early.items] == ["ignored"] * 3

        for _ in range(2):
            await lablets.put_user_session(
                key, PutUserSession(phase=UserSessionPhase.PROVISIONED, lds_session_id=lds, launch_url=LAUNCH)
            )
        seen = [signal.event_id for signal in (await lablets.session(key)).status.signals]
        assert seen == [f"/lds/east#{event.id}" for event in events]


async def test_a_full_hour_is_refused_and_half_an_hour_after_it_is_free(plane: PlaneProcess) -> None:
    definition, worker = await active_definition(plane), await running_worker(plane)
    async with plane.caller("user") as user, plane.controller("resource-scheduler") as scheduler:
        full = await reserve(user, definition, hours=30)
        assert (await place(scheduler, place_wish(full, worker.id, cores=48))).status == 200
        within = await reserve(user, definition, hours=30.5)
        refused = await place(scheduler, place_wish(within, worker.id))
        assert (refused.status, refused.code) == (409, "CapacityExceeded")
        after = await reserve(user, definition, hours=31.5)
        assert (await place(scheduler, place_wish(after, worker.id))).status == 200


async def test_a_repeated_placement_is_one_placement(plane: PlaneProcess) -> None:
    definition, worker = await active_definition(plane), await running_worker(plane)
    async with plane.caller("user") as user, plane.controller("resource-scheduler") as scheduler:
        session = await reserve(user, definition, hours=40)
        wish = place_wish(session, worker.id)
        first, second = await place(scheduler, wish), await place(scheduler, wish)
        assert (first.status, second.status) == (200, 200)
        assert first.version == second.version
        stale = await place(scheduler, place_wish(session, worker.id))
        assert stale.status in (409, 412)
        back = await scheduler.unschedule(session.id, UnscheduleSession(reason="WorkerLost", message="gone"))
        assert back.phase == "pending"
        days = (await scheduler.claim_changes("")).items
        assert all(claim.session_id != session.id for day in days for claim in day.claims)


async def test_a_claim_on_another_worker_is_not_taken_for_the_place_that_is_held(plane: PlaneProcess) -> None:
    definition = await active_definition(plane)
    here, there = await running_worker(plane), await running_worker(plane)
    async with plane.caller("user") as user, plane.controller("resource-scheduler") as scheduler:
        session = await reserve(user, definition, hours=50)
        wish = place_wish(session, here.id)
        assert (await place(scheduler, wish)).status == 200
        # A scheduler that was frozen, or repeats itself after a crash, decides for another worker under the same id.
        other = await place(scheduler, wish.model_copy(update={"worker_id": there.id}))
        assert (other.status, other.claim) == (409, None)
        days = (await scheduler.claim_changes("")).items
        holders = {claim.worker_id for day in days for claim in day.claims if claim.session_id == session.id}
        assert holders == {here.id}


async def test_an_illegal_move_says_what_would_be_legal(plane: PlaneProcess) -> None:
    definition = await active_definition(plane)
    async with plane.caller("user") as user, plane.controller("lablet-controller") as lablets:
        session = await reserve(user, definition)
        with pytest.raises(Conflict) as refused:
            await lablets.transition(session.id, move(SessionPhase.RUNNING))
        problem = refused.value.problem
        assert problem is not None
        assert problem.code == "IllegalTransition"
        assert problem.model_extra is not None
        assert set(problem.model_extra["legal"]) == {"scheduled", "terminated"}


async def test_owners_extend_cancel_and_act_on_many_at_once(plane: PlaneProcess) -> None:
    definition, worker = await active_definition(plane), await running_worker(plane)
    async with plane.caller("user") as user, plane.controller("resource-scheduler") as scheduler:
        session = await reserve(user, definition, hours=50)
        await place(scheduler, place_wish(session, worker.id))
        later = session.spec.slot.end + timedelta(minutes=30)
        longer = await user.post(f"/api/lablet-sessions/{session.id}/extend", json={"end": later.isoformat()})
        assert longer.status_code == 200, longer.text
        assert longer.json()["status"]["placement"]["booked"]["end"].startswith(later.strftime("%Y-%m-%dT%H:%M"))
        others = [await reserve(user, definition, hours=60 + number) for number in range(2)]
        ids = [session.id, others[0].id, "no-such-session", others[1].id]
        bulk = await user.post("/api/lablet-sessions:bulk", json={"action": "cancel", "ids": ids})
        assert [item["status"] for item in bulk.json()["items"]] == [200, 200, 404, 200]
        ended = (await user.get(f"/api/lablet-sessions/{session.id}")).json()
        assert (ended["status"]["phase"], ended["status"]["outcome"]) == ("terminated", "cancelled")


async def test_a_reservation_that_cannot_be_kept_is_refused_with_the_field(plane: PlaneProcess) -> None:
    definition = await active_definition(plane)
    async with plane.caller("user") as user:
        unknown = await user.post(
            "/api/lablet-sessions", json={"definition_id": "nothing", "as_soon_as_possible": True}
        )
        assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "definition_id")
        past = {"start": "2020-01-01T10:00:00Z", "end": "2020-01-01T11:00:00Z"}
        late = await user.post("/api/lablet-sessions", json={"definition_id": definition, "slot": past})
        assert late.json()["errors"][0]["field"] == "slot.start"
        naive = {"start": "2040-01-01T10:00:00", "end": "2040-01-01T11:00:00Z"}
        zoneless = await user.post("/api/lablet-sessions", json={"definition_id": definition, "slot": naive})
        assert zoneless.json()["errors"][0]["field"] == "slot.start"
        soon = await user.post(
            "/api/lablet-sessions",
            json={"definition_id": definition, "as_soon_as_possible": True, "duration_minutes": 30},
        )
        assert soon.status_code == 201, soon.text


async def test_a_new_version_takes_over_and_the_old_one_keeps_its_sessions(plane: PlaneProcess) -> None:
    name = unique("bgp")
    old = await active_definition(plane, name, "1.9.0")
    async with plane.caller("user") as user:
        session = await reserve(user, old)
        new = await active_definition(plane, name, "1.10.0")
        shown = (await user.get(f"/api/lablet-definitions/{old}")).json()
        assert (shown["status"]["phase"], shown["status"]["replaced_by"]) == ("deprecated", new)
        assert (await user.get(f"/api/lablet-definitions/{new}")).json()["status"]["phase"] == "active"
        refused = await user.post("/api/lablet-sessions", json={"definition_id": old, "as_soon_as_possible": True})
        assert (refused.status_code, refused.json()["code"]) == (409, "DefinitionNotActive")
        assert (await user.get(f"/api/lablet-sessions/{session.id}")).json()["spec"]["definition_id"] == old
