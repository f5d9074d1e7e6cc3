"""The controller dies between an effect outside and its next write; its successor goes on, nothing is doubled."""

import dataclasses

import pytest
from lablet_rig import Rig, until
from lablet_samples import TWO_ROUTERS, two_routers
from test_given_labs import ask_import, imported
from test_retry import built_again, retry
from test_warm_pool import pooled, retire
from test_worker_labs import import_lab, record_of, refresh

from lablet_controller.failpoints import FAILPOINTS
from lcm_core.domain.vocabulary import SessionOutcome, SessionPhase
from lcm_core.etcd import EtcdClient, election_key
from lcm_core.failpoints import VARIABLE
from lcm_simulators.embedded.process import EmbeddedServer
from lcm_simulators.supervisor.plan import platform_plan

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow, pytest.mark.timeout(400)]
P = SessionPhase
NAME = "lablet-controller"
ELSEWHERE = {"pool.prepared", "clone.imported", "retry.undone", "lab.given"}
"""Points that are not on the way of an ordinary session."""
BUILDING = [point for point in FAILPOINTS[: FAILPOINTS.index("evidence.stored")] if point not in ELSEWHERE]
ENDING = [point for point in FAILPOINTS[FAILPOINTS.index("evidence.stored") :] if point not in ELSEWHERE]


async def started(rig: Rig, **environment: str) -> EmbeddedServer:
    """A controller of the test's own, with these settings."""
    settings = rig.world.settings
    own = dataclasses.replace(settings, environment={**settings.environment, **environment})
    server = next(spec for spec in platform_plan(own) if spec.name == NAME).make()
    await server.start()
    return server


async def forget_leader(rig: Rig) -> None:
    """End the lease of a dead leader, which would end by itself; the tests of elections wait for that."""
    async with EtcdClient([f"127.0.0.1:{rig.world.settings.ports.etcd}"]) as etcd:
        await etcd.delete(election_key(NAME, 0))


async def dies_at(rig: Rig, point: str) -> None:
    """Run a controller that ends itself at the point, and wait until it has."""
    server = await started(rig, **{VARIABLE: point})

    async def dead() -> bool | None:
        return None if server.running else True

    await until(f"the controller dies at {point}", dead)
    await server.stop(1.0)
    await forget_leader(rig)


async def test_a_session_survives_a_death_at_every_point(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    await rig.world.stop_process(NAME)
    try:
        session = await rig.start(definition, worker)
        for point in BUILDING:
            await dies_at(rig, point)
    finally:
        await rig.world.start_process(NAME)
    await rig.reach(session.id, P.READY)
    assert len(await rig.labs(worker)) == 1
    assert len(await rig.lds_states(session.id)) == 1
    learner = await rig.learner(session.id)
    await learner.start()
    await rig.reach(session.id, P.RUNNING)

    await rig.world.stop_process(NAME)
    try:
        await rig.ask(session.id, "collect-and-grade")
        for point in ENDING:
            await dies_at(rig, point)
    finally:
        await rig.world.start_process(NAME)
    ended = await rig.reach(session.id, P.TERMINATED)

    assert ended.status.outcome is SessionOutcome.COMPLETED
    assert (await rig.score(session.id)).passed
    assert await rig.labs(worker) == []
    assert await rig.lds_states(session.id) == ["ARCHIVED"]


async def test_a_delivery_session_that_comes_after_its_session_was_cancelled_is_released(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    late = {"match": {"method": "POST", "path_regex": "/lab_session$"}, "kind": "latency", "seconds": 4.0, "count": 1}
    settling = {"LCM_LABLET_SETTLING_SECONDS": "5"}
    await rig.world.stop_process(NAME)
    try:
        first = await started(rig, **settling)
        await rig.misbehave("lds", late)
        session = await rig.start(definition, worker)

        async def asked_for() -> bool | None:
            return None if await rig.faults_left("lds") else True

        await until("a delivery session is asked for", asked_for)
        await rig.ask(session.id, "cancel")
        # Its call is on the way and cannot be taken back: it has its effect after the successor looked.
        first.kill()
        await forget_leader(rig)
        second = await started(rig, **settling)
        waiting = await rig.reach(session.id, P.ARCHIVED)
        assert waiting.status.outcome is SessionOutcome.CANCELLED
        assert await rig.lds_states(session.id) == [], "the successor looks before there is anything to be found"
        await rig.reach(session.id, P.TERMINATED)
        await second.stop(5.0)
    finally:
        await rig.world.start_process(NAME)
    assert await rig.lds_states(session.id) == ["ARCHIVED"]
    assert await rig.labs(worker) == []


LATE = {"kind": "latency", "seconds": 4.0}
IMPORTS = {"match": {"method": "POST", "path_regex": "/import$"}, "count": 2, **LATE}
RESERVATIONS = {"match": {"method": "POST", "path_regex": "/lab_session$"}, "count": 1, **LATE}
"""Each takes longer than its caller waits, and than a successor needs to look."""


@pytest.mark.parametrize("killed", [False, True], ids=["answer late", "caller killed"])
async def test_what_is_made_late_is_adopted_and_not_made_twice(rig: Rig, killed: bool) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    settling = {"LCM_LABLET_SETTLING_SECONDS": "5"}
    await rig.world.stop_process(NAME)
    try:
        controller = await started(rig, **settling)
        await rig.misbehave("cml", IMPORTS)
        await rig.misbehave("lds", RESERVATIONS)
        brought = await ask_import(rig, worker, TWO_ROUTERS, "Brought along")
        session = await rig.start(definition, worker)
        for simulator in ("cml", "lds"):

            async def struck(simulator: str = simulator) -> bool | None:
                return None if await rig.faults_left(simulator) else True

            await until(f"{simulator} is asked", struck)
            if killed:
                controller.kill()
                await forget_leader(rig)
                controller = await started(rig, **settling)
        ready = await rig.reach(session.id, P.READY)
        await imported(rig, brought)
        await controller.stop(5.0)
    finally:
        await rig.world.start_process(NAME)
    assert ready.status.pipeline is not None
    made = {step.name: step.message for step in ready.status.pipeline.steps}
    assert made["lab"] == "Adopted the lab of an earlier attempt."
    assert made["delivery"] == "Adopted the delivery session of an earlier attempt."
    assert sorted(await rig.labs(worker)) == ["Brought along", f"LCM {session.id} Two routers"]
    assert len(await rig.lds_states(session.id)) == 1
    await rig.ask(session.id, "cancel")
    await rig.reach(session.id, P.TERMINATED)


async def test_what_people_ask_of_labs_survives_a_death_in_the_middle_of_it(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers()), await rig.worker()
    pooling = await rig.define(two_routers(), warm_pool_depth=1)
    async with rig.cml(worker) as http:
        found = await import_lab(http)
    await refresh(rig, worker)
    record, copy = await record_of(rig, worker, found), (await pooled(rig, worker, pooling, 1))[0]
    session = await rig.start(definition, worker)
    await rig.reach(session.id, P.READY)

    await rig.world.stop_process(NAME)
    try:
        asked = await retry(rig, session.id, "lab")
        await dies_at(rig, "retry.undone")
        await dies_at(rig, "lab.imported")
        brought = await ask_import(rig, worker, TWO_ROUTERS, "Brought along")
        await dies_at(rig, "lab.given")
        await rig.api.call("POST", f"/api/lab-records/{record.id}/clone")
        await dies_at(rig, "clone.imported")
        second = await rig.start(pooling, worker)
        await dies_at(rig, "pool.prepared")
    finally:
        await rig.world.start_process(NAME)
    await built_again(rig, asked)
    await imported(rig, brought)
    warm = await rig.reach(second.id, P.READY)
    assert warm.status.lab is not None
    assert warm.status.lab.cml_lab_id == copy

    expected = ["Brought along", "Clone of Two routers", "Two routers"]
    expected += [f"LCM {session.id} Two routers", f"LCM {second.id} Two routers"]

    pool = "LCM pool Two routers"

    async def settled() -> bool | None:
        """The pool may have been filled again by now, or not yet."""
        return True if sorted(await rig.labs(worker)) in (sorted(expected), sorted([*expected, pool])) else None

    await until(f"these labs and no others: {expected}", settled)
    assert sorted(await rig.lds_states(session.id)) == ["ARCHIVED", "PRELAUNCH"]
    for one in (session, second):
        await rig.ask(one.id, "cancel")
        await rig.reach(one.id, P.TERMINATED)
    await retire(rig, pooling)
