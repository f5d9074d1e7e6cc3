"""Start and solution of one lab: untouched fails, solved is full marks, half solved lies between."""

from pathlib import Path

import pytest

from lcm_core.contracts.definitions import DefinitionView
from lcm_core.contracts.sessions import ScoreReportView
from lcm_core.domain.vocabulary import SessionOutcome, SessionPhase
from lcm_simulators.world import World
from tests.system import outside
from tests.system.packages import LABS, package_of
from tests.system.pairs import Pair, grading_pairs
from tests.system.platform import Platform

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow, pytest.mark.timeout(300)]
PAIRS = grading_pairs()


@pytest.mark.skipif(not PAIRS, reason=f"no topologies in {LABS}: set LCM_LABS_DIR")
@pytest.mark.parametrize("pair", PAIRS, ids=[pair.name for pair in PAIRS])
async def test_a_solved_lab_scores_full_and_an_untouched_one_fails(
    world: World, platform: Platform, tmp_path: Path, pair: Pair
) -> None:
    definition = await platform.define(package_of(pair.start, tmp_path, pair.rubric()))
    devices = list(pair.added)

    untouched = await graded(world, platform, definition, pair, [])
    solved = await graded(world, platform, definition, pair, devices)

    assert not untouched.passed
    assert untouched.score < untouched.cut_score / 100 * untouched.max_score
    assert (solved.passed, solved.score) == (True, solved.max_score)
    if len(devices) > 1:
        half = await graded(world, platform, definition, pair, devices[: len(devices) // 2])
        assert untouched.score < half.score < solved.score
        failed = {section.name for section in half.sections if not section.passed}
        assert failed >= {f"Device {label}" for label in devices[len(devices) // 2 :]}


async def graded(
    world: World, platform: Platform, definition: DefinitionView, pair: Pair, solved: list[str]
) -> ScoreReportView:
    """Run the lab with some devices solved by the learner; its score report."""
    reserved = await platform.reserve(definition, minutes=240)
    ready = await platform.reach(reserved.id, SessionPhase.READY)
    assert ready.status.placement is not None
    assert ready.status.lab is not None
    worker = next(one for one in await platform.workers() if one.id == ready.status.placement.worker_id)
    learner = await platform.learner(reserved.id)
    await learner.start()
    await platform.reach(reserved.id, SessionPhase.RUNNING)
    for label in solved:
        await outside.typed_configuration(
            world, worker.status.instance.instance_id, ready.status.lab.cml_lab_id, label, pair.solution_of(label)
        )
    await learner.finish()
    ended = await platform.reach(reserved.id, SessionPhase.TERMINATED)
    assert ended.status.outcome is SessionOutcome.COMPLETED
    return await platform.score(reserved.id)
