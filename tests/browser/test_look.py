"""How the console looks and feels: every page, small and dark, and without a mouse."""

import pytest
from playwright.async_api import expect

from tests.browser.desk import PHONE, WIDE, Desk, Desks
from tests.browser.given import a_definition, a_running_worker
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


async def _faults_of(desk: Desk, paths: list[str]) -> list[str]:
    found: list[str] = []
    for path in paths:
        await desk.open(path)
        await expect(desk.page.get_by_role("heading", level=1)).to_be_visible()
        found += await desk.accessibility_faults()
        if await desk.overflow():
            found.append(f"{path} is {await desk.overflow()} pixels too wide")
    return found


@pytest.mark.parametrize(
    ("size", "dark"), [(WIDE, False), (WIDE, True), (PHONE, False)], ids=["wide", "wide-dark", "phone"]
)
async def test_every_page_is_accessible_and_fits(
    desks: Desks, platform: Platform, size: tuple[int, int], dark: bool
) -> None:
    worker, definition = await a_running_worker(platform), await a_definition(platform)
    session = await platform.reserve(definition)
    objects = [f"/workers/{worker.id}", f"/definitions/{definition.id}", f"/sessions/{session.id}"]
    desk = await desks.of("admin", size, dark=dark)
    assert await _faults_of(desk, [*PAGES, *objects]) == []


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
    await desk.picture("console-phone")
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
