"""What an operator does about labs that went wrong or were brought along: build again, import, give to a session."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import expect

from lcm_core.clock import DomainClock
from lcm_core.contracts.common import Slot
from lcm_core.contracts.sessions import ReserveSession, SessionView
from lcm_core.contracts.workers import WorkerView
from lcm_core.domain.vocabulary import SessionPhase
from lcm_simulators.world import World
from tests.browser.desk import Desk, Desks
from tests.browser.given import a_definition, a_running_worker
from tests.system.packages import TWO_ROUTERS
from tests.system.platform import Platform, until

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(300),
]
P = SessionPhase
PATIENCE_MS = 60_000
MAKES_THE_LAB = re.compile("Build again from Lab", re.IGNORECASE)


async def confirm(desk: Desk, button: str) -> None:
    """Say yes to what the console asks."""
    await desk.page.get_by_role("dialog").get_by_role("button", name=button).click()


async def test_a_lab_is_built_again_from_the_step_that_is_pointed_at(desks: Desks, platform: Platform) -> None:
    reserved = await platform.reserve(await a_definition(platform))
    ready = await platform.reach(reserved.id, P.READY)
    assert ready.status.lab is not None
    desk = await desks.of("admin")
    await desk.open(f"/sessions/{reserved.id}")
    await desk.page.get_by_role("button", name=MAKES_THE_LAB).click()
    await confirm(desk, "Build again")
    await expect(desk.page.get_by_role("status").filter(has_text="retry from")).to_be_visible()

    async def rebuilt() -> SessionView | None:
        seen = await platform.session(reserved.id)
        pipeline = seen.status.pipeline
        again = pipeline is not None and pipeline.retry_of is not None and seen.status.phase is P.READY
        return seen if again and seen.status.lab is not None else None

    seen = await until("the lab is built again", rebuilt)
    assert seen.status.lab is not None
    assert seen.status.lab.cml_lab_id != ready.status.lab.cml_lab_id, "the old lab was given back, another is used"
    await expect(desk.page.get_by_role("heading", level=1)).to_contain_text("Ready")


async def waiting_session(platform: Platform, world: World, worker: WorkerView) -> SessionView:
    """A session that is placed on the worker and begins in some hours."""
    start = DomainClock(world.clock_file).now() + timedelta(hours=5)
    body = ReserveSession(
        definition_id=(await a_definition(platform)).id, slot=Slot(start=start, end=start + timedelta(hours=1))
    )
    made = await platform.api.call("POST", "/api/lablet-sessions", body=body, response=SessionView)
    placed = await platform.reach(made.id, P.SCHEDULED)
    assert placed.status.placement is not None
    assert placed.status.placement.worker_id == worker.id
    return placed


async def test_a_topology_is_imported_and_given_to_a_session_that_waits(
    desks: Desks, platform: Platform, world: World, tmp_path: Path
) -> None:
    worker = await a_running_worker(platform)
    waiting = await waiting_session(platform, world, worker)
    file = tmp_path / "Brought along.yaml"
    file.write_text(TWO_ROUTERS)
    desk = await desks.of("admin")
    await desk.open(f"/workers/{worker.id}?tab=labs")
    page = desk.page
    await page.get_by_label("Import a topology").set_input_files(file)
    row = page.get_by_role("row").filter(has=page.get_by_role("combobox"))
    await expect(row).to_have_count(1, timeout=PATIENCE_MS)
    await row.get_by_role("combobox").select_option(waiting.id)
    await confirm(desk, "Give it")
    await expect(page.get_by_role("status").filter(has_text="bind asked for")).to_be_visible()
    await expect(page.locator(f"a[href='/sessions/{waiting.id}']")).to_be_visible(timeout=PATIENCE_MS)

    async def given() -> SessionView | None:
        seen = await platform.session(waiting.id)
        return seen if seen.status.lab is not None else None

    await until("the session has the lab", given)
    await platform.api.call("POST", f"/api/lablet-sessions/{waiting.id}/cancel", body={"reason": ""})
    await platform.reach(waiting.id, P.TERMINATED)
