"""A person has a build repeated from a step on; and a delivery system that is away is waited for."""

import pytest
from lablet_rig import Rig, until
from lablet_samples import two_routers

from lcm_core.clients.errors import ApiError
from lcm_core.contracts.sessions import RetrySession, SessionView
from lcm_core.domain.vocabulary import SessionOutcome, SessionPhase, StepState

pytestmark = pytest.mark.asyncio(loop_scope="session")
P = SessionPhase
NAME = "lablet-controller"


async def retry(rig: Rig, session_id: str, step: str) -> SessionView:
    path = f"/api/lablet-sessions/{session_id}/retry"
    return await rig.api.call("POST", path, body=RetrySession(step=step), response=SessionView)


async def built_again(rig: Rig, asked: SessionView) -> SessionView:
    """The session once the retry is answered and every step is done."""

    async def there() -> SessionView | None:
        seen = await rig.admin.session(asked.id)
        pipeline = seen.status.pipeline
        answered = pipeline is not None and pipeline.retry_of == asked.spec.retry_requested_at
        done = answered and pipeline is not None and {step.state for step in pipeline.steps} == {StepState.DONE}
        return seen if done and seen.status.phase is P.READY else None

    return await until("the lab is built again", there)


async def failed_step(rig: Rig, session_id: str) -> SessionView:
    async def there() -> SessionView | None:
        seen = await rig.admin.session(session_id)
        steps = seen.status.pipeline.steps if seen.status.pipeline else []
        return seen if any(step.state is StepState.FAILED for step in steps) else None

    return await until("a step has failed", there)


async def test_a_failed_build_is_kept_for_a_person_who_retries_from_its_step(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers(), hold_failed_minutes=30), await rig.worker()
    refusal = {"match": {"path_regex": "/start$"}, "kind": "status", "status": 400, "body": {"description": "no room"}}
    await rig.misbehave("cml", refusal)
    session = await rig.start(definition, worker)
    # Another worker might do better, so the first failure is tried elsewhere; the second is kept.
    waiting = await rig.reach(session.id, P.PENDING)
    await rig.place(waiting, worker, definition)
    held = await failed_step(rig, session.id)
    assert held.status.phase is P.INSTANTIATING
    assert "no room" in held.status.message
    assert len(await rig.labs(worker)) == 1

    async def task() -> bool | None:
        page = await rig.http.get(
            f"{rig.world.url('control-plane')}/api/tasks", params={"limit": 200}, headers=rig.person
        )
        return True if any(session.id in item["spec"]["title"] for item in page.json()["items"]) else None

    await until("a person is asked to look", task)
    await rig.misbehave("cml")
    ready = await built_again(rig, await retry(rig, session.id, "boot"))
    assert ready.status.lab is not None
    assert held.status.lab is not None
    assert ready.status.lab.cml_lab_id == held.status.lab.cml_lab_id, "the lab that was kept is the lab that runs"
    assert len(await rig.labs(worker)) == 1
    await rig.ask(session.id, "cancel")
    assert (await rig.reach(session.id, P.TERMINATED)).status.outcome is SessionOutcome.CANCELLED
    assert await rig.labs(worker) == []


async def test_a_ready_lab_is_built_again_from_the_lab_on_and_nothing_is_doubled(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    session = await rig.start(definition, worker)
    ready = await rig.reach(session.id, P.READY)
    again = await built_again(rig, await retry(rig, session.id, "lab"))
    assert again.status.lab is not None
    assert ready.status.lab is not None
    assert again.status.lab.cml_lab_id != ready.status.lab.cml_lab_id
    assert len(await rig.labs(worker)) == 1
    assert sorted(await rig.lds_states(session.id)) == ["ARCHIVED", "PRELAUNCH"]
    learner = await rig.learner(session.id)
    await learner.start()
    await rig.reach(session.id, P.RUNNING)
    with pytest.raises(ApiError, match="running"):
        await retry(rig, session.id, "lab")
    await learner.finish()
    await rig.reach(session.id, P.TERMINATED)
    assert (await rig.score(session.id)).passed
    assert await rig.labs(worker) == []
    assert set(await rig.lds_states(session.id)) == {"ARCHIVED"}


async def test_a_retry_of_a_step_that_has_not_begun_is_refused_with_those_that_have(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    session = await rig.start(definition, worker)
    await rig.reach(session.id, P.READY)
    with pytest.raises(ApiError, match="content, lab, boot, delivery, devices"):
        await retry(rig, session.id, "coffee")
    await rig.ask(session.id, "cancel")
    await rig.reach(session.id, P.TERMINATED)


async def test_a_session_cancelled_while_the_controller_is_away_stays_cancelled(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    await rig.misbehave("cml", {"match": {"path_regex": "/start$"}, "kind": "latency", "seconds": 1.2, "count": 1})
    session = await rig.start(definition, worker)
    await rig.reach(session.id, P.INSTANTIATING)
    rig.world.kill(NAME)
    await rig.ask(session.id, "cancel")
    with pytest.raises(ApiError):
        await retry(rig, session.id, "lab")
    assert await rig.world.healthy(NAME, within_seconds=30)
    ended = await rig.reach(session.id, P.TERMINATED)
    assert ended.status.outcome is SessionOutcome.CANCELLED
    phases = [change.phase for change in ended.status.history]
    assert P.READY not in phases
    assert phases.count(P.INSTANTIATING) == 1
    assert await rig.labs(worker) == []
    assert set(await rig.lds_states(session.id)) <= {"ARCHIVED"}


async def test_a_lab_is_ready_without_its_delivery_system_and_delivered_when_that_is_back(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    await rig.world.stop_process("lds")
    try:
        session = await rig.start(definition, worker)
        ready = await rig.reach(session.id, P.READY)
        delivered = next(known for known in ready.status.conditions if known.type == "Delivered")
        assert (delivered.status, delivered.reason) == ("false", "DeliveryUnavailable")
    finally:
        await rig.world.start_process("lds")

    async def delivered_after_all() -> bool | None:
        seen = await rig.admin.session(session.id)
        return True if any(c.type == "Delivered" and c.status == "true" for c in seen.status.conditions) else None

    await until("the lab is delivered after all", delivered_after_all)
    assert await rig.lds_states(session.id) == ["PRELAUNCH"]
    learner = await rig.learner(session.id)
    await learner.start()
    await rig.reach(session.id, P.RUNNING)
    await learner.finish()
    ended = await rig.reach(session.id, P.TERMINATED)
    assert ended.status.outcome is SessionOutcome.COMPLETED


async def test_the_region_of_the_worker_says_which_deployment_delivers(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker(region="eu-west-1")
    session = await rig.start(definition, worker)
    await rig.reach(session.id, P.READY)
    assert await rig.lds_states(session.id) == []
    assert await rig.lds_states(session.id, rig.other_lds) == ["PRELAUNCH"]
    learner = await rig.learner(session.id)
    await learner.start()
    await rig.reach(session.id, P.RUNNING)
    await learner.finish()
    ended = await rig.reach(session.id, P.TERMINATED)
    assert ended.status.outcome is SessionOutcome.COMPLETED
    assert await rig.lds_states(session.id, rig.other_lds) == ["ARCHIVED"]
