"""How the console looks and feels: every page, small and dark, and without a mouse."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.desk import PHONE, WIDE, Desk, Desks
from tests.browser.given import a_definition, a_running_worker, what_pages_show_seldom
from tests.system.platform import Platform

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(300),
]
PAGES = (
    "/",
    "/my-labs",
    "/sessions",
    "/workers",
    "/definitions",
    "/calendar",
    "/calendar?span=week",
    "/preview",
    "/templates",
    "/tasks",
    "/jobs",
    "/controllers",
    "/audit",
    "/settings",
)


async def _faults(desk: Desk, path: str) -> list[str]:
    """Those of a page in light, in dark, and on a phone."""
    await desk.page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    await desk.page.emulate_media(color_scheme="light")
    await desk.visit(path)
    await expect(desk.page.get_by_role("heading", level=1)).to_be_visible()
    found = await desk.accessibility_faults()
    await desk.page.emulate_media(color_scheme="dark")
    await expect(desk.page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    found += [f"dark: {fault}" for fault in await desk.accessibility_faults("color-contrast")]
    await desk.page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    found += await desk.accessibility_faults("scrollable-region-focusable", "target-size")
    if wider := await desk.overflow():
        found.append(f"{path} is {wider} pixels too wide for a phone")
    return found


async def test_every_page_is_accessible_in_both_colors_and_fits_a_phone(
    desks: Desks, platform: Platform, tmp_path: Path
) -> None:
    worker, definition = await a_running_worker(platform), await a_definition(platform)
    session = await platform.reserve(definition)
    await what_pages_show_seldom(platform, tmp_path)
    objects = [f"/workers/{worker.id}", f"/definitions/{definition.id}", f"/sessions/{session.id}"]
    desk = await desks.of("admin")
    found = [fault for path in (*PAGES, *objects) for fault in await _faults(desk, path)]
    assert not found, "\n".join(found)


async def test_dialogs_are_accessible(desks: Desks) -> None:
    desk = await desks.of("admin")
    page = desk.page
    await page.get_by_role("button", name="Reserve").click()
    assert await desk.accessibility_faults() == []
    await page.keyboard.press("Escape")
    await desk.open("/workers")
    await page.get_by_role("button", name="Launch worker").click()
    assert await desk.accessibility_faults() == []
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+k")
    assert await desk.accessibility_faults() == []


async def test_the_menu_opens_on_a_phone(desks: Desks) -> None:
    desk = await desks.of("admin", PHONE)
    await desk.page.get_by_role("button", name="Menu").click()
    await desk.page.get_by_role("link", name="Calendar").click()
    await expect(desk.page.get_by_role("heading", level=1)).to_have_text("Calendar")
    await expect(desk.page.get_by_role("link", name="Jobs")).to_be_hidden()


async def test_the_colors_and_the_time_zone_are_kept(desks: Desks, platform: Platform) -> None:
    session = await platform.reserve(await a_definition(platform))
    desk = await desks.of("admin")
    page = desk.page
    await page.get_by_test_id("who").click()
    await page.get_by_test_id("theme").click()
    await page.get_by_test_id("theme").click()
    await page.get_by_role("button", name="Times in local time").click()
    await desk.open(f"/sessions/{session.id}")
    await expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    await expect(page.locator("time").filter(has_text="UTC").first).to_be_visible()
    await desk.picture("console-dark")


async def test_everything_can_be_done_without_a_mouse(desks: Desks) -> None:
    desk = await desks.empty()
    page = desk.page
    await page.goto("/")
    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.locator("[name=username]").focus()
    await page.keyboard.type("manager")
    await page.keyboard.press("Tab")
    await page.keyboard.type("test")
    await page.keyboard.press("Enter")
    await desk.connected()

    await page.keyboard.type("gd")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Definitions")
    await page.keyboard.press("/")
    await page.keyboard.type("two-routers")
    await expect(page.get_by_test_id("total")).to_contain_text("1 in all")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("two routers definition")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Two routers")

    await page.get_by_role("button", name="Reserve").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_contain_text("Keyboard shortcuts")
