"""The operator's daily work in the console."""

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from lcm_core.domain.vocabulary import SessionPhase
from tests.browser.desk import Desk, Desks, zipped
from tests.browser.given import a_definition, a_running_worker
from tests.system.packages import two_routers
from tests.system.platform import Platform

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(300),
]
PATIENCE_MS = 60_000


async def _row(desk: Desk, item: str) -> None:
    await expect(desk.page.locator(f"tr[data-id='{item}']")).to_be_visible()


async def test_a_worker_is_drained_and_takes_sessions_again(desks: Desks, platform: Platform) -> None:
    worker = await a_running_worker(platform)
    desk = await desks.of("manager")
    await desk.open(f"/workers/{worker.id}")
    page = desk.page
    await page.get_by_role("button", name="Drain", exact=True).click()
    await expect(page.get_by_role("status").filter(has_text="takes no new sessions")).to_be_visible()
    await expect(page.get_by_role("button", name="Cancel drain")).to_be_visible()
    await page.get_by_role("button", name="Cancel drain").click()
    await expect(page.get_by_role("button", name="Drain", exact=True)).to_be_visible()


async def test_terminating_asks_for_the_name_of_the_worker(desks: Desks, platform: Platform) -> None:
    worker = await a_running_worker(platform)
    desk = await desks.of("admin")
    await desk.open(f"/workers/{worker.id}")
    await desk.page.get_by_role("button", name="Terminate").click()
    dialog = desk.page.get_by_role("dialog")
    await expect(dialog.get_by_role("button", name="Terminate")).to_be_disabled()
    await dialog.get_by_role("textbox").fill(worker.spec.name)
    await expect(dialog.get_by_role("button", name="Terminate")).to_be_enabled()
    await dialog.get_by_role("button", name="Keep everything").click()
    await expect(dialog).to_have_count(0)
    assert worker.spec.desired in [each.spec.desired for each in await platform.workers() if each.id == worker.id]


async def test_the_tabs_of_a_worker_are_deep_links(desks: Desks, platform: Platform) -> None:
    worker = await a_running_worker(platform)
    desk = await desks.of("admin")
    for tab, shown in (
        ("labs", re.compile("Lab.*(in all|No labs)")),
        ("metrics", re.compile("Utilization|No samples")),
        ("license", re.compile("Registration")),
        ("conditions", re.compile("Cml reachable")),
        ("events", re.compile("Running")),
    ):
        await desk.visit(f"/workers/{worker.id}?tab={tab}")
        await expect(desk.page.get_by_role("tab", selected=True)).to_have_text(tab.capitalize())
        await expect(desk.page.get_by_role("tabpanel")).to_contain_text(shown)
        assert await desk.accessibility_faults() == []


async def test_many_sessions_are_stopped_at_once(desks: Desks, platform: Platform) -> None:
    definition = await a_definition(platform)
    reserved = [await platform.reserve(definition) for _ in range(3)]
    desk = await desks.of("admin")
    await desk.open("/sessions")
    for session in reserved:
        await _row(desk, session.id)
        await desk.page.get_by_label(f"Select {session.id}").check()
    bulk = desk.page.get_by_test_id("bulk")
    await expect(bulk).to_contain_text("3 selected")
    await bulk.get_by_role("button", name="End", exact=True).click()
    dialog = desk.page.get_by_role("dialog")
    await dialog.get_by_role("textbox").fill("3")
    await dialog.get_by_role("button", name="End them").click()
    await expect(desk.page.get_by_role("status").filter(has_text="3 sessions end")).to_be_visible()
    for session in reserved:
        await platform.reach(session.id, SessionPhase.TERMINATED)


async def test_a_search_and_its_filters_are_in_the_address(desks: Desks) -> None:
    desk = await desks.of("admin")
    await desk.open("/sessions")
    await desk.page.get_by_label("Phase").select_option("terminated")
    await desk.page.get_by_label("Search sessions").fill("routers")
    await expect(desk.page).to_have_url(re.compile(r"q=routers"))
    await expect(desk.page).to_have_url(re.compile(r"phase=terminated"))
    await desk.page.reload()
    await desk.connected()
    await expect(desk.page.get_by_label("Search sessions")).to_have_value("routers")


async def test_a_package_is_dropped_and_becomes_a_definition(desks: Desks, tmp_path: Path) -> None:
    package = two_routers(tmp_path, "dropped")
    desk = await desks.of("author")
    await desk.open("/definitions")
    file = zipped(tmp_path, "Dropped lab.zip", package.content)
    page = desk.page
    transfer = await page.evaluate_handle(
        """bytes => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(bytes)], "Dropped lab.zip"));
            return transfer;
        }""",
        list(file.read_bytes()),
    )
    await page.get_by_test_id("drop").dispatch_event("drop", {"dataTransfer": transfer})
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Dropped lab.zip")
    await dialog.get_by_role("button", name="Create").click()
    await page.get_by_role("link", name="Dropped-lab").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Active", timeout=PATIENCE_MS)
    await expect(page.get_by_test_id("topology")).to_be_visible()
    await desk.picture("console-definition")
    assert await desk.accessibility_faults() == []


async def test_a_package_with_faults_shows_each_of_them(desks: Desks, tmp_path: Path) -> None:
    desk = await desks.of("author")
    await desk.open("/definitions")
    file = zipped(tmp_path, "broken.zip", b"this is no archive")
    await desk.page.get_by_test_id("package").set_input_files(file)
    await desk.page.get_by_role("dialog").get_by_role("button", name="Create").click()
    await desk.page.get_by_role("link", name="broken").click()
    await expect(desk.page.get_by_test_id("content-errors")).to_be_visible(timeout=PATIENCE_MS)


async def test_the_calendar_shows_the_bookings_of_each_worker(desks: Desks, platform: Platform) -> None:
    session = await platform.reserve(await a_definition(platform))
    ready = await platform.reach(session.id, SessionPhase.READY)
    assert ready.status.placement is not None
    desk = await desks.of("manager")
    # The day of its slot: a lab that is ready a little before midnight may be booked from tomorrow on.
    await desk.open(f"/calendar?at={ready.status.placement.booked.start:%Y-%m-%dT%H:%MZ}")
    await expect(desk.page.locator(f".booking[href='/sessions/{session.id}']")).to_be_visible()
    await expect(desk.page.get_by_test_id("capacity")).to_contain_text("what is booked here costs")
    costs = desk.page.get_by_role("region", name="Cost by owner").get_by_role("row")
    await expect(costs.filter(has_text=session.spec.owner)).to_contain_text("$")
    await expect(costs.filter(has_text="Total")).to_be_visible()
    await desk.picture("console-calendar")
    await desk.page.get_by_role("button", name="Week").click()
    await expect(desk.page).to_have_url(re.compile("span=week"))
    await desk.page.locator(f".booking[href='/sessions/{session.id}']").click()
    await expect(desk.page.get_by_test_id("tracker")).to_be_visible()


async def test_the_preview_tells_where_a_session_would_go(desks: Desks, platform: Platform) -> None:
    await a_running_worker(platform)
    desk = await desks.of("manager")
    await desk.open("/preview")
    await desk.page.get_by_role("button", name="Show what would happen").click()
    await expect(desk.page.get_by_test_id("outlook")).to_contain_text(re.compile("Placed|Launched"))


async def test_a_job_is_run_on_demand(desks: Desks) -> None:
    desk = await desks.of("admin")
    await desk.open("/jobs")
    row = desk.page.locator("tr[data-id]").first
    await row.get_by_role("button", name="Run now").click()
    await expect(desk.page.get_by_role("status").filter(has_text="starts within")).to_be_visible()
    await expect(row.locator("time")).to_contain_text("ago", timeout=PATIENCE_MS)
    await row.get_by_role("button", name="Runs").click()
    await expect(desk.page.get_by_role("dialog").locator("tbody tr").first).to_be_visible()


async def test_a_setting_and_a_quota_are_changed(desks: Desks) -> None:
    desk = await desks.of("admin")
    page = desk.page
    await desk.open("/settings")
    await page.get_by_label("Keep ended workers").fill("40")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("take effect within seconds")).to_be_visible()
    await page.get_by_label("Name", exact=True).fill("user2")
    await page.get_by_label("Sessions (0: no limit)").fill("5")
    await page.get_by_role("button", name="Set quota").click()
    await expect(page.get_by_role("cell", name="Owner user2")).to_be_visible()
    await page.get_by_role("button", name="Remove the quota of user2").click()
    await expect(page.get_by_role("cell", name="Owner user2")).to_have_count(0)


async def test_a_task_is_opened_and_done(desks: Desks) -> None:
    desk = await desks.of("manager")
    await desk.open("/tasks")
    page = desk.page
    await page.get_by_role("button", name="New task").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Title").fill("Look at rack seven")
    await dialog.get_by_label("Severity").select_option("warning")
    await dialog.get_by_role("button", name="Open task").click()
    row = page.locator("tr").filter(has_text="Look at rack seven")
    await expect(row).to_be_visible()
    await desk.open("/")
    await expect(page.get_by_test_id("attention").filter(has_text="Look at rack seven")).to_be_visible()
    await desk.picture("console-overview")
    await desk.open("/tasks")
    await row.get_by_role("button", name="Done").click()
    await expect(row.get_by_text("Done", exact=True)).to_be_visible()
    await desk.open("/audit")
    await expect(page.get_by_role("row").filter(has_text="manager").first).to_be_visible()


async def test_a_template_is_made_and_switched_off(desks: Desks) -> None:
    desk = await desks.of("admin")
    await desk.open("/templates")
    page = desk.page
    await page.get_by_role("button", name="New template").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name", exact=True).fill("tiny")
    await dialog.get_by_label("Instance type").fill("c8i.xlarge")
    assert await desk.accessibility_faults() == []
    await dialog.get_by_role("button", name="Save").click()
    row = page.locator("tr").filter(has_text="tiny")
    await expect(row).to_contain_text("enabled")
    await row.get_by_role("button", name="Edit").click()
    await dialog.get_by_label("Enabled").uncheck()
    await dialog.get_by_role("button", name="Save").click()
    await expect(row).to_contain_text("disabled")


async def test_workers_are_refreshed_together(desks: Desks, platform: Platform) -> None:
    worker = await a_running_worker(platform)
    desk = await desks.of("manager")
    await desk.open("/workers")
    await desk.page.get_by_label(f"Select {worker.id}").check()
    await desk.page.get_by_test_id("bulk").get_by_role("button", name="Refresh").click()
    await expect(desk.page.get_by_role("status").filter(has_text="1 workers: refresh asked for")).to_be_visible()
    await desk.open(f"/workers/{worker.id}")
    await desk.page.get_by_role("button", name="Snooze 4 h").click()
    await expect(desk.page.get_by_text("Not paused when idle until")).to_be_visible()
    await desk.page.get_by_role("button", name="End snooze").click()
    await expect(desk.page.get_by_text("Not paused when idle until")).to_have_count(0)


async def test_charts_show_a_month_and_detailed_monitoring_is_switched(desks: Desks, platform: Platform) -> None:
    worker = await a_running_worker(platform)
    desk = await desks.of("manager")
    await desk.open(f"/workers/{worker.id}?tab=metrics")
    page = desk.page
    await expect(page.locator("canvas").first).to_be_visible(timeout=PATIENCE_MS)
    await page.get_by_role("button", name="30 days").click()
    await expect(page.locator("canvas").first).to_be_visible()
    switch = page.get_by_role("switch", name="Detailed monitoring by EC2, every minute (about $2.10 a month)")
    await switch.click()  # it shows what the server says, which takes a moment
    await expect(page.get_by_role("status").filter(has_text="is switched on")).to_be_visible()
    await expect(switch).to_be_checked()
    assert await desk.accessibility_faults() == []


async def test_everybody_is_told_of_maintenance(desks: Desks) -> None:
    admin, user = await desks.of("admin"), await desks.of("user")
    await user.open("/")
    await admin.open("/settings")
    await admin.page.get_by_label("Message, shown at once at every console").fill("Maintenance at noon")
    await admin.page.get_by_label("Severity").select_option("warning")
    await admin.page.get_by_role("button", name="Tell", exact=True).click()
    await expect(user.page.get_by_text("Maintenance at noon (admin)")).to_be_visible()


async def test_a_second_refresh_says_that_the_first_still_counts(desks: Desks, platform: Platform) -> None:
    worker = await a_running_worker(platform)
    desk = await desks.of("manager")
    await desk.open(f"/workers/{worker.id}")
    refresh, still_counts = desk.page.get_by_role("button", name="Refresh", exact=True), "that look still counts"
    # A look counts for half a second of real time here; on a busy machine two clicks may be further apart.
    async with asyncio.timeout(30):
        while not await desk.page.get_by_text(still_counts).first.is_visible():
            await refresh.click()
    await expect(desk.page.get_by_text(still_counts).first).to_be_visible()
