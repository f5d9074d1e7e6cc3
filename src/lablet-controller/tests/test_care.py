"""Ready and running labs are looked after: nodes that stopped, drift, a CML that is silent, time that is given."""

from datetime import timedelta

import pytest
from lablet_rig import Rig, until
from lablet_samples import two_routers

from lcm_core.contracts.common import Condition
from lcm_core.contracts.sessions import ExtendSession, SessionView
from lcm_core.domain.vocabulary import SessionOutcome, SessionPhase

pytestmark = pytest.mark.asyncio(loop_scope="session")
P = SessionPhase


async def condition(rig: Rig, session_id: str, kind: str, reason: str) -> Condition:
    """A condition of the session once it has the reason."""

    async def there() -> Condition | None:
        known = (await rig.admin.session(session_id)).status.conditions
        return next((each for each in known if (each.type, each.reason) == (kind, reason)), None)

    return await until(f"{kind} is {reason}", there)


async def over(rig: Rig, session_id: str) -> SessionView:
    await rig.ask(session_id, "cancel")
    return await rig.reach(session_id, P.TERMINATED)


async def test_a_node_that_was_stopped_by_hand_is_named_and_started_again(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    session = await rig.start(definition, worker)
    ready = await rig.reach(session.id, P.READY)
    assert ready.status.lab is not None
    path = f"/labs/{ready.status.lab.cml_lab_id}/nodes"
    async with rig.cml(worker) as http:
        nodes = {node["label"]: node["id"] for node in (await http.get(path, params={"data": "true"})).json()}
        (await http.put(f"{path}/{nodes['R2']}/state/stop")).raise_for_status()
        named = await condition(rig, session.id, "LabReady", "NodesStopped")
        assert "R2" in named.message
        assert "R1" not in named.message
        await condition(rig, session.id, "LabReady", "AllNodesRun")
        assert (await http.get(f"{path}/{nodes['R2']}/state")).json()["state"] == "BOOTED"
    await over(rig, session.id)


async def test_what_a_lab_has_become_is_shown_beside_what_was_booked(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    session = await rig.start(definition, worker)
    ready = await rig.reach(session.id, P.READY)
    assert ready.status.lab is not None
    await rig.ask(session.id, "observe")
    seen = await condition(rig, session.id, "Observed", "LoadRead")
    assert "2 of 2 booked nodes run" in seen.message
    async with rig.cml(worker) as http:
        stranger = {"label": "R9", "node_definition": "iosv", "x": 0, "y": 0}
        (await http.post(f"/labs/{ready.status.lab.cml_lab_id}/nodes", json=stranger)).raise_for_status()
    await rig.ask(session.id, "observe")
    drifted = await condition(rig, session.id, "Observed", "Drifted")
    assert drifted.status == "false"
    assert "its definition lacks: R9" in drifted.message
    await over(rig, session.id)


async def test_a_worker_that_does_not_answer_is_named_and_the_session_goes_on(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    session = await rig.start(definition, worker)
    ready = await rig.reach(session.id, P.READY)
    assert ready.status.lab is not None
    silence = {"match": {"path_regex": f"/labs/{ready.status.lab.cml_lab_id}"}, "kind": "status", "status": 503}
    await rig.misbehave("cml", silence)
    try:
        unseen = await condition(rig, session.id, "LabReady", "Unreachable")
    finally:
        await rig.misbehave("cml")
    assert unseen.status == "unknown"
    assert "CML" in unseen.message
    await condition(rig, session.id, "LabReady", "AllNodesRun")
    assert (await rig.admin.session(session.id)).status.phase is P.READY
    await over(rig, session.id)


async def test_an_extended_session_goes_on_past_its_first_end(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    session = await rig.start(definition, worker, minutes=0.12)
    placed = (await rig.admin.session(session.id)).status.placement
    assert placed is not None
    first_end = placed.booked.end
    body = ExtendSession(end=first_end + timedelta(minutes=30))
    longer = await rig.api.call("POST", f"/api/lablet-sessions/{session.id}/extend", body=body, response=SessionView)
    assert longer.status.placement is not None
    assert longer.status.placement.booked.end == body.end
    ready = await rig.reach(session.id, P.READY)
    assert ready.status.deadline == body.end
    await rig.ask(session.id, "start")  # as an operator says where nobody else does
    await rig.reach(session.id, P.RUNNING)

    async def past() -> bool | None:
        return True if rig.clock.now() > first_end else None

    await until("the first end has passed", past)
    await rig.ask(session.id, "observe")
    await condition(rig, session.id, "Observed", "LoadRead")
    assert (await rig.admin.session(session.id)).status.phase is P.RUNNING
    assert (await over(rig, session.id)).status.outcome is SessionOutcome.CANCELLED


async def test_a_learner_who_does_not_come_in_time_loses_the_place(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers(), no_show_minutes=0.01), await rig.worker()
    session = await rig.start(definition, worker)
    ended = await rig.reach(session.id, P.TERMINATED)
    assert ended.status.outcome is SessionOutcome.NO_SHOW
    assert await rig.labs(worker) == []
    assert await rig.lds_states(session.id) == ["ARCHIVED"]
