"""Cancel, pause, restart, lost workers, failures that stay: every session ends in one outcome and leaves nothing."""

from datetime import timedelta

import pytest
from lablet_rig import Rig, until
from lablet_samples import TWO_ROUTERS, two_routers

from lcm_core.clients.errors import Conflict
from lcm_core.domain.vocabulary import SessionOutcome, SessionPhase, StepState, WorkerPhase

pytestmark = pytest.mark.asyncio(loop_scope="session")
P = SessionPhase


async def test_a_cancelled_session_leaves_nothing(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    session = await rig.start(definition, worker)
    await rig.reach(session.id, P.READY)
    await rig.ask(session.id, "cancel")
    ended = await rig.reach(session.id, P.TERMINATED)
    assert ended.status.outcome is SessionOutcome.CANCELLED
    assert await rig.labs(worker) == []
    assert await rig.lds_states(session.id) == ["ARCHIVED"]


async def test_a_session_cancelled_while_its_lab_is_imported_leaves_nothing(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    await rig.misbehave("cml", {"match": {"path_regex": "/import$"}, "kind": "latency", "seconds": 1.0, "count": 1})
    session = await rig.start(definition, worker)
    await rig.reach(session.id, P.INSTANTIATING)
    await rig.ask(session.id, "cancel")
    ended = await rig.reach(session.id, P.TERMINATED)
    assert ended.status.outcome is SessionOutcome.CANCELLED
    assert await rig.labs(worker) == []


async def test_a_session_queues_again_only_before_its_build_may_have_made_something(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    await rig.misbehave("cml", {"match": {"path_regex": "/import$"}, "kind": "latency", "seconds": 1.0, "count": 1})
    session = await rig.start(definition, worker)

    async def importing() -> bool | None:
        pipeline = (await rig.admin.session(session.id)).status.pipeline
        return (
            True if pipeline and any(s.name == "lab" and s.state is StepState.RUNNING for s in pipeline.steps) else None
        )

    await until("the lab is imported", importing)
    with pytest.raises(Conflict) as refused:
        await rig.ask(session.id, "requeue")
    assert refused.value.code == "BuildUnderWay"
    assert "step lab" in refused.value.sentence
    await rig.reach(session.id, P.READY)
    assert len(await rig.labs(worker)) == 1
    await rig.ask(session.id, "cancel")
    await rig.reach(session.id, P.TERMINATED)
    assert await rig.labs(worker) == []


async def test_a_paused_session_keeps_its_lab_and_goes_on(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    session = await rig.start(definition, worker)
    await rig.reach(session.id, P.READY)
    learner = await rig.learner(session.id)
    await learner.start()
    await rig.reach(session.id, P.RUNNING)
    await rig.ask(session.id, "stop")
    paused = await rig.reach(session.id, P.STOPPED)
    assert paused.status.outcome is None
    assert len(await rig.labs(worker)) == 1
    await rig.ask(session.id, "resume")
    await rig.reach(session.id, P.RUNNING)
    await rig.ask(session.id, "collect-and-grade")
    ended = await rig.reach(session.id, P.TERMINATED)
    assert ended.status.outcome is SessionOutcome.COMPLETED
    assert (await rig.score(session.id)).passed


async def test_a_restart_boots_the_same_lab_once_more(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    session = await rig.start(definition, worker)
    ready = await rig.reach(session.id, P.READY)
    await rig.ask(session.id, "restart")

    async def restarted() -> bool | None:
        seen = await rig.admin.session(session.id)
        pipeline = seen.status.pipeline
        return True if pipeline and pipeline.name == "restart" and pipeline.steps[0].state == "done" else None

    await until("the lab was restarted", restarted)
    seen = await rig.admin.session(session.id)
    assert seen.status.phase is P.READY
    assert seen.status.lab is not None
    assert ready.status.lab is not None
    assert seen.status.lab.cml_lab_id == ready.status.lab.cml_lab_id
    await rig.ask(session.id, "cancel")
    await rig.reach(session.id, P.TERMINATED)


async def test_a_lab_waits_while_another_that_takes_longer_than_its_claim_runs_on_its_ports(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    first, second = await rig.reserve(definition), await rig.reserve(definition)
    await rig.place(first, worker, definition, first_port=2100)
    await rig.reach(first.id, P.READY)
    await rig.place(second, worker, definition, first_port=2100, claimed_later=timedelta(hours=2))

    async def waits() -> bool | None:
        seen = await rig.admin.session(second.id)
        steps = seen.status.pipeline.steps if seen.status.pipeline else []
        return True if any(step.message.startswith("Waits until") for step in steps) else None

    await until("the second lab waits", waits)
    await rig.ask(first.id, "cancel")
    await rig.reach(second.id, P.READY)
    await rig.ask(second.id, "cancel")
    await rig.reach(second.id, P.TERMINATED)


async def test_a_lab_that_stopped_is_started_again(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    session = await rig.start(definition, worker)
    ready = await rig.reach(session.id, P.READY)
    assert ready.status.lab is not None
    lab_id = ready.status.lab.cml_lab_id
    async with rig.cml(worker) as http:
        (await http.put(f"/labs/{lab_id}/stop")).raise_for_status()

        async def runs() -> bool | None:
            return True if (await http.get(f"/labs/{lab_id}/state")).json() == "STARTED" else None

        await until("the lab runs again", runs)
    await rig.ask(session.id, "cancel")
    await rig.reach(session.id, P.TERMINATED)


async def test_a_build_that_cannot_succeed_is_undone_and_queued_again_once(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    refused = {"match": {"path_regex": "/start$"}, "kind": "status", "status": 400, "body": {"description": "no room"}}
    await rig.misbehave("cml", refused)
    session = await rig.start(definition, worker)
    waiting = await rig.reach(session.id, P.PENDING, P.TERMINATED)
    assert waiting.status.phase is P.PENDING
    assert waiting.status.reason == "StartRefused"
    assert "no room" in waiting.status.message
    assert waiting.status.placement is None
    assert await rig.labs(worker) == []

    await rig.place(waiting, worker, definition)
    ended = await rig.reach(session.id, P.TERMINATED)
    await rig.misbehave("cml")
    assert ended.status.outcome is SessionOutcome.FAILED
    assert await rig.labs(worker) == []


@pytest.mark.parametrize(
    ("simulator", "method", "path"),
    [
        ("ec2", "GET", r"/packages/[0-9a-f]{64}\.zip$"),
        ("cml", "POST", "/import$"),
        ("cml", "PUT", "/labs/[^/]+/start$"),
        ("lds", "POST", "/lab_session$"),
        ("lds", "GET", "/lablet_launch_url$"),
    ],
    ids=["content", "lab", "boot", "delivery", "devices"],
)
async def test_a_refusal_at_any_step_of_the_build_leaves_nothing(
    rig: Rig, simulator: str, method: str, path: str
) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    await rig.misbehave(simulator, {"match": {"method": method, "path_regex": path}, "kind": "status", "status": 403})
    session = await rig.start(definition, worker)
    try:
        waiting = await rig.reach(session.id, P.PENDING, P.TERMINATED)
    finally:
        await rig.misbehave(simulator)
    assert "Refused" in waiting.status.reason
    assert await rig.labs(worker) == []
    assert set(await rig.lds_states(session.id)) <= {"ARCHIVED"}
    await rig.ask(session.id, "cancel")
    await rig.reach(session.id, P.TERMINATED)


async def test_a_failure_after_delivery_gives_the_delivery_session_back(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    await rig.misbehave("lds", {"match": {"path_regex": "/devices$"}, "kind": "status", "status": 400})
    session = await rig.start(definition, worker)
    waiting = await rig.reach(session.id, P.PENDING)
    await rig.misbehave("lds")
    assert await rig.lds_states(session.id) == ["ARCHIVED"]
    await rig.place(waiting, worker, definition)
    await rig.reach(session.id, P.READY)
    assert sorted(await rig.lds_states(session.id))[0] == "ARCHIVED"
    await rig.ask(session.id, "cancel")
    await rig.reach(session.id, P.TERMINATED)
    assert set(await rig.lds_states(session.id)) == {"ARCHIVED"}


async def test_a_session_of_a_lost_worker_fails_with_that_reason(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    session = await rig.start(definition, worker)
    await rig.reach(session.id, P.READY)
    await rig.worker_phase(worker.id, WorkerPhase.FAILED)
    ended = await rig.reach(session.id, P.TERMINATED)
    assert ended.status.outcome is SessionOutcome.FAILED
    assert "WorkerLost" in {change.reason for change in ended.status.history}
    assert await rig.lds_states(session.id) == ["ARCHIVED"]


async def test_a_slot_that_ends_expires_a_session_nobody_entered(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    session = await rig.start(definition, worker, minutes=0.05)
    ended = await rig.reach(session.id, P.TERMINATED)
    assert ended.status.outcome is SessionOutcome.EXPIRED
    assert await rig.labs(worker) == []


async def test_grading_that_keeps_failing_ends_with_a_reason_and_keeps_the_evidence(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    session = await rig.start(definition, worker)
    await rig.reach(session.id, P.READY)
    await rig.misbehave("grading", {"match": {"method": "POST"}, "kind": "status", "status": 422})
    learner = await rig.learner(session.id)
    await learner.start()
    await rig.reach(session.id, P.RUNNING)
    await learner.finish()
    ended = await rig.reach(session.id, P.TERMINATED)
    await rig.misbehave("grading")
    assert ended.status.outcome is SessionOutcome.FAILED
    assert "GradingRefused" in {change.reason for change in ended.status.history}


async def test_an_untouched_device_loses_its_points(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers(topology=TWO_ROUTERS)), await rig.worker()
    session = await rig.start(definition, worker)
    ready = await rig.reach(session.id, P.READY)
    assert ready.status.lab is not None
    await rig.type_in(worker, ready.status.lab.cml_lab_id, "R2", "hostname WRONG\n")
    learner = await rig.learner(session.id)
    await learner.start()
    await rig.reach(session.id, P.RUNNING)
    await learner.finish()
    await rig.reach(session.id, P.TERMINATED)
    report = await rig.score(session.id)
    assert not report.passed
    assert {section.name: section.passed for section in report.sections} == {"Left": True, "Right": False}
