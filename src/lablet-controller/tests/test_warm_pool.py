"""Copies of a lab that wait for their session: made, taken once, given back as they were, and removed when unused."""

import httpx
import pytest
from lablet_rig import Rig, until
from lablet_samples import two_routers
from test_worker_labs import refresh

from lcm_core.contracts.definitions import DefinitionView
from lcm_core.contracts.sessions import SessionView
from lcm_core.contracts.workers import WorkerView
from lcm_core.domain.vocabulary import LabSource, SessionPhase

pytestmark = pytest.mark.asyncio(loop_scope="session")
P = SessionPhase


async def pooled(rig: Rig, worker: WorkerView, definition: DefinitionView, count: int) -> list[str]:
    """Ids of the copies on record for a definition, once there are so many."""

    async def there() -> list[str] | None:
        found = [
            record.spec.cml_lab_id
            async for record in rig.admin.lab_records(worker_id=worker.id, source=LabSource.POOL.value)
            if record.spec.definition_id == definition.id
            and not record.spec.session_id
            and record.status.phase != "deleted"
        ]
        return found if len(found) == count else None

    return await until(f"{count} copies wait", there)


async def retire(rig: Rig, definition: DefinitionView) -> None:
    """Take no sessions of a definition any more, so that no worker of another test gets copies of it."""
    await rig.api.call("POST", f"/api/lablet-definitions/{definition.id}/deprecate")


async def play(rig: Rig, session: SessionView) -> None:
    learner = await rig.learner(session.id)
    await learner.start()
    await rig.reach(session.id, P.RUNNING)
    await learner.finish()
    await rig.reach(session.id, P.TERMINATED)


async def tags(http: httpx.AsyncClient, lab_id: str) -> dict[str, list[str]]:
    nodes = (await http.get(f"/labs/{lab_id}/nodes", params={"data": "true"})).json()
    return {node["label"]: node["tags"] for node in nodes}


async def test_a_copy_is_taken_with_the_sessions_ports_and_comes_back_as_it_was(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers(), warm_pool_depth=1), await rig.worker()
    await refresh(rig, worker)
    copy = (await pooled(rig, worker, definition, 1))[0]

    first = await rig.start(definition, worker)
    ready = await rig.reach(first.id, P.READY)
    assert ready.status.lab is not None
    assert ready.status.lab.cml_lab_id == copy
    assert ready.status.placement is not None
    ports = ready.status.placement.ports
    async with rig.cml(worker) as http:
        assert await tags(http, copy) == {
            "R1": [f"serial:{ports['R1_SERIAL']}", "left"],
            "R2": [f"serial:{ports['R2_SERIAL']}"],
        }
    await rig.type_in(worker, copy, "R1", "hostname SOMETHING-ELSE\n")
    await play(rig, first)
    assert not (await rig.score(first.id)).passed
    assert await pooled(rig, worker, definition, 1) == [copy]
    assert await rig.labs(worker) == ["LCM pool Two routers"]

    second = await rig.start(definition, worker)
    again = await rig.reach(second.id, P.READY)
    assert again.status.lab is not None
    assert again.status.lab.cml_lab_id == copy
    await play(rig, second)
    assert (await rig.score(second.id)).passed
    await retire(rig, definition)


async def test_one_copy_goes_to_one_of_two_sessions_that_start_together(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers(), warm_pool_depth=1), await rig.worker()
    await refresh(rig, worker)
    copy = (await pooled(rig, worker, definition, 1))[0]
    sessions = [await rig.reserve(definition) for _ in range(2)]
    for session in sessions:
        await rig.place(session, worker, definition)
    labs = []
    for session in sessions:
        ready = await rig.reach(session.id, P.READY)
        assert ready.status.lab is not None
        labs.append(ready.status.lab.cml_lab_id)
    assert len(set(labs)) == 2
    assert copy in labs
    for session in sessions:
        await rig.ask(session.id, "cancel")
        await rig.reach(session.id, P.TERMINATED)
    await pooled(rig, worker, definition, 1)
    await retire(rig, definition)


async def test_copies_of_a_definition_that_takes_no_sessions_are_removed(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers(), warm_pool_depth=2), await rig.worker()
    await refresh(rig, worker)
    await pooled(rig, worker, definition, 2)
    await retire(rig, definition)
    await refresh(rig, worker)

    async def gone() -> bool | None:
        return True if await rig.labs(worker) == [] else None

    await until("no copy is left", gone)
