"""A small exam morning: machines come in time, each candidate finds the lab ready, and everything is off again."""

from pathlib import Path

import pytest

from tests.exam.plan import Morning
from tests.exam.run import exam_morning

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


async def test_every_candidate_finds_the_lab_ready_and_the_machines_go_off(tmp_path: Path) -> None:
    morning = Morning(sessions=6, slots=1, workers=1, factor=60.0, first=26, lead=14, length=8, idle=2)
    verdict = await exam_morning(tmp_path, morning)
    assert verdict.complaints == []
    assert verdict.sessions == 6
    assert verdict.workers == 1
