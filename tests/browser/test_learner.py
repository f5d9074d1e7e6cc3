"""The learner's way: reserve, wait, launch, finish, read the score."""

import pytest
from playwright.async_api import expect

from tests.browser.desk import Desks

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(300),
]
READY_MS = 90_000


async def test_a_learner_reserves_a_lab_finishes_it_and_reads_the_score(desks: Desks) -> None:
    desk = await desks.of("user")
    page = desk.page
    await page.get_by_role("button", name="Reserve").click()
    await page.get_by_role("dialog").get_by_role("button", name="Reserve").click()
    await expect(page.get_by_test_id("tracker")).to_be_visible()
    await expect(page.locator("[aria-current=step]")).to_have_text("Ready", timeout=READY_MS)

    async with desk.context.expect_page() as opened:
        await page.get_by_role("button", name="Launch").click()
    lab = await opened.value
    await lab.locator("button[value=start]").click()
    await expect(page.locator("[aria-current=step]")).to_have_text("Running", timeout=READY_MS)
    await lab.get_by_text("Finish and hand in").click()
    await lab.locator("button[value=finish]").click()

    await expect(page.get_by_test_id("score")).to_be_visible(timeout=READY_MS)
    await expect(page.get_by_text("passed", exact=True)).to_be_visible()
    await expect(page.locator("[aria-current=step]")).to_have_text("Terminated", timeout=READY_MS)
    await desk.open("/my-labs")
    await expect(page.get_by_text("2 of 2, passed")).to_be_visible()


async def test_a_learner_gives_a_reservation_up(desks: Desks) -> None:
    desk = await desks.of("user2")
    page = desk.page
    await expect(page.get_by_text("You have no lab reserved")).to_be_visible()
    await page.get_by_role("button", name="Reserve").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("At a time").check()
    await dialog.get_by_role("button", name="Reserve").click()
    await expect(page.get_by_test_id("tracker")).to_be_visible()
    await page.get_by_role("button", name="End", exact=True).click()
    await page.get_by_role("dialog").get_by_role("button", name="Cancel it").click()
    await expect(page.locator("[aria-current=step]")).to_have_text("Terminated")


async def test_what_the_platform_refuses_is_said_in_its_words(desks: Desks) -> None:
    desk = await desks.of("user2")
    desk.expect_fault(r"status of 4\d\d")
    page = desk.page
    await page.get_by_role("button", name="Reserve").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("At a time").check()
    await dialog.get_by_label("Start").fill("2020-01-01T10:00")
    await dialog.get_by_role("button", name="Reserve").click()
    await expect(page.get_by_role("alert")).to_contain_text("past")
    await expect(dialog).to_be_visible()
