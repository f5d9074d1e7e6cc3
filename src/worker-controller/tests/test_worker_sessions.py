"""A worker under a session: drain waits, stop is refused, idle never counts it."""

import pytest
from worker_bookings import book, give_up
from worker_world import WorkerWorld, until

from lcm_core.clients.errors import Conflict
from lcm_core.contracts.workers import WorkerView
from lcm_core.domain.vocabulary import WorkerPhase

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]
P = WorkerPhase


def idle(view: WorkerView) -> tuple[str, str]:
    return next(((str(each.status), each.reason) for each in view.status.conditions if each.type == "Idle"), ("", ""))


async def stops_of(world: WorkerWorld, view: WorkerView) -> int:
    calls = [*await world.calls("ec2", "StopInstances"), *await world.calls("ec2", "TerminateInstances")]
    return sum(1 for call in calls if view.status.instance.instance_id in str(call["key"]))


async def test_drain_waits_for_the_session_and_can_be_canceled(world: WorkerWorld) -> None:
    worker_id = await world.create()
    view = await world.when(worker_id, "is idle", lambda seen: idle(seen)[0] == "true")
    session_id = await book(world, worker_id, in_minutes=0)
    view = await world.when(worker_id, "is in use", lambda seen: idle(seen) == ("false", "SessionsLive"))
    assert view.status.idle_since is None

    await world.ask(worker_id, "drain")
    view = await world.reach(worker_id, P.DRAINING)
    assert not view.status.schedulable
    await world.ask(worker_id, "cancel-drain")
    await world.reach(worker_id, P.RUNNING)
    await world.ask(worker_id, "drain")
    await world.when(worker_id, "waits", lambda seen: seen.status.reason == "Draining")
    with pytest.raises(Conflict):
        await world.ask(worker_id, "terminate")
    assert await stops_of(world, view) == 0, "nobody touched the machine under the session"

    await give_up(world, session_id)
    await world.reach(worker_id, P.STOPPED)
    assert await stops_of(world, view) == 1
    await world.end(worker_id)


async def test_a_drain_over_time_asks_a_person_and_only_force_goes_on(world: WorkerWorld) -> None:
    await world.define_template("hasty", drain_timeout_minutes=1)
    worker_id = await world.create("hasty")
    await world.when(worker_id, "is idle", lambda seen: idle(seen)[0] == "true")
    session_id = await book(world, worker_id, in_minutes=0)
    await world.when(worker_id, "is in use", lambda seen: idle(seen) == ("false", "SessionsLive"))
    await world.ask(worker_id, "drain")
    view = await world.when(worker_id, "is over time", lambda seen: seen.status.reason == "DrainOverdue")
    assert view.status.phase is P.DRAINING

    async def asked() -> str | None:
        return next((task.spec.title for task in await world.tasks(worker_id)), None)

    assert await until("a person is asked", asked) == "A drain is over time"
    assert await stops_of(world, view) == 0, "time alone ends no session"

    await world.ask(worker_id, "force")
    await world.reach(worker_id, P.STOPPED)
    assert await stops_of(world, view) == 1
    assert await world.tasks(worker_id) == []
    await give_up(world, session_id)
    await world.end(worker_id)


async def test_an_imminent_session_keeps_a_worker_from_being_idle_or_stopped(world: WorkerWorld) -> None:
    worker_id = await world.create()
    await world.when(worker_id, "is idle", lambda seen: seen.status.idle_since is not None)
    session_id = await book(world, worker_id, in_minutes=25)
    view = await world.when(worker_id, "is not idle", lambda seen: idle(seen)[0] == "false")
    assert idle(view)[1] in ("SessionsImminent", "SessionsLive")
    with pytest.raises(Conflict):
        await world.ask(worker_id, "stop")
    await give_up(world, session_id)
    await world.when(worker_id, "is idle again", lambda seen: seen.status.idle_since is not None)
    await world.end(worker_id)
