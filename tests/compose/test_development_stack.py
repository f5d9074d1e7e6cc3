"""The stack for development comes up, runs a lab from upload to score, and leaves nothing when it is removed."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lcm_core.domain.vocabulary import SessionOutcome
from tests.compose.engine import ROOT, Engine
from tests.compose.person import person, sign_in
from tests.compose.stack import Stack, development, ready_answer
from tests.system.packages import TWO_ROUTERS, two_routers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), pytest.mark.usefixtures("images")]
URL = "http://localhost:8020"


@pytest.fixture(scope="module")
def stack(engine: Engine, keycloak: Path, images: None) -> Iterator[Stack]:
    """The running stack."""
    running = development(engine, keycloak)
    try:
        running.up()
        yield running
    finally:
        running.down()


def test_every_container_is_up_and_every_check_passes(stack: Stack) -> None:
    assert {each.service for each in stack.containers()} == set(stack.compose("config", "--services").split())
    assert stack.unwell() == []
    assert '"status":"ready"' in ready_answer(URL)


async def test_a_lab_runs_from_upload_to_score_for_somebody_who_signed_in_at_keycloak(
    stack: Stack, tmp_path: Path
) -> None:
    async with person(URL, await sign_in(URL, "admin", "test")) as platform:
        session = await platform.reserve(await platform.define(two_routers(tmp_path)))
        ended = await platform.play(session.id)
        assert ended.status.outcome is SessionOutcome.COMPLETED
        score = await platform.score(session.id)
        assert (score.score, score.max_score) == (2, 2)


async def test_browsers_stay_signed_in_when_the_control_plane_restarts(stack: Stack) -> None:
    headers = await sign_in(URL, "manager", "test")
    scan = ("exec", "-T", "redis", "redis-cli", "--scan", "--pattern", "session:*")
    assert stack.compose(*scan).split() != []
    stack.compose("restart", "control-plane-api")
    assert '"status":"ready"' in ready_answer(URL)
    async with person(URL, headers) as platform:
        assert await platform.workers() != []


def test_the_demo_command_runs_a_lab_on_the_stack(stack: Stack, tmp_path: Path) -> None:
    topology = tmp_path / "lab.yaml"
    topology.write_text(TWO_ROUTERS)
    demo = [sys.executable, str(ROOT / "scripts/demo.py"), "--topology", str(topology), "--url", URL]
    assert "Score 2 of 2" in stack.engine.run(*demo, limit=300)


def test_the_stack_leaves_nothing_when_it_is_removed(stack: Stack) -> None:
    assert stack.left() != []
    stack.down()
    assert stack.left() == []
