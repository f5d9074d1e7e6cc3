"""Each service is killed once in the middle of a lab; it comes back, the lab completes, and nothing is doubled."""

from pathlib import Path

import pytest

from lcm_core.domain.vocabulary import SessionOutcome, SessionPhase
from lcm_simulators.world import World
from tests.system import outside
from tests.system.packages import two_routers
from tests.system.platform import Platform
from tests.system.promises import broken_promises

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow, pytest.mark.timeout(420)]
P = SessionPhase
# Every service dies once early (while the lab is built) or late (while it is graded and cleaned up).
MOMENTS = [
    ("control-plane", P.PENDING),
    ("control-plane", P.INSTANTIATING),
    ("control-plane", P.GRADING),
    ("resource-scheduler", P.PENDING),
    ("worker-controller", P.PENDING),
    ("lablet-controller", P.INSTANTIATING),
    ("lablet-controller", P.RUNNING),
    ("lablet-controller", P.COLLECTING),
    ("lds", P.READY),
    ("grading", P.COLLECTING),
    ("cml", P.INSTANTIATING),
    ("ec2", P.PENDING),
    ("etcd", P.INSTANTIATING),
    ("database", P.INSTANTIATING),
]
_ORDER = list(SessionPhase)


@pytest.mark.parametrize(("victim", "moment"), MOMENTS, ids=[f"{name}-{phase}" for name, phase in MOMENTS])
async def test_a_killed_process_loses_and_doubles_nothing(
    world: World, platform: Platform, tmp_path: Path, victim: str, moment: SessionPhase
) -> None:
    definition = await platform.define(two_routers(tmp_path, f"killed-{victim}-{moment}"))
    reserved = await platform.reserve(definition)
    later = [phase for phase in _ORDER if _ORDER.index(phase) >= _ORDER.index(moment) and phase is not P.TERMINATED]
    if _ORDER.index(moment) <= _ORDER.index(P.READY):
        await platform.reach(reserved.id, *later)
        world.kill(victim)
        assert await world.healthy(victim, within_seconds=60)
        ended = await platform.play(reserved.id, within_seconds=150)
    else:
        await platform.reach(reserved.id, P.READY)
        learner = await platform.learner(reserved.id)
        await learner.start()
        await platform.reach(reserved.id, P.RUNNING)
        if moment is not P.RUNNING:
            await learner.finish()
            await platform.reach(reserved.id, *later, within_seconds=30)
        world.kill(victim)
        assert await world.healthy(victim, within_seconds=60)
        if moment is P.RUNNING:
            await learner.finish()
        ended = await platform.reach(reserved.id, P.TERMINATED, within_seconds=150)

    assert ended.status.outcome is SessionOutcome.COMPLETED
    assert (await platform.score(reserved.id)).passed
    assert outside.doubled_workers(world) == []
    assert await outside.lds_states(world, [reserved.id]) == {reserved.id: ["ARCHIVED"]}
    labs = await outside.labs_on_controllers(world)
    assert [title for titles in labs.values() for title in titles if reserved.id in title] == []


async def test_after_all_of_that_every_invariant_holds(
    world: World, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await platform.workers()
    assert await broken_promises(world, monkeypatch) == []
