"""Who sees and may do what in the console."""

import pytest
from playwright.async_api import expect

from tests.browser.desk import Desks

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.browser,
    pytest.mark.slow,
]
LEARNER = ["My labs", "Workers", "Tasks"]
AUTHOR = ["My labs", "Workers", "Definitions", "Preview", "Tasks"]
OPERATOR = [
    "Overview",
    "My labs",
    "Sessions",
    "Workers",
    "Definitions",
    "Calendar",
    "Preview",
    "Templates",
    "Tasks",
    "Jobs",
    "Controllers",
    "Audit",
    "Settings",
]


@pytest.mark.parametrize(
    ("username", "menu"), [("admin", OPERATOR), ("manager", OPERATOR), ("user", LEARNER), ("author", AUTHOR)]
)
async def test_the_menu_follows_the_role(desks: Desks, username: str, menu: list[str]) -> None:
    desk = await desks.of(username)
    assert await desk.menu() == menu


async def test_only_admins_launch_workers_and_change_settings(desks: Desks) -> None:
    admin, manager = await desks.of("admin"), await desks.of("manager")
    for desk, times in ((admin, 1), (manager, 0)):
        await desk.open("/workers")
        await expect(desk.page.get_by_role("button", name="Launch worker")).to_have_count(times)
        await desk.open("/settings")
        await expect(desk.page.get_by_role("button", name="Save")).to_have_count(times)
        await expect(desk.page.get_by_role("button", name="Set quota")).to_have_count(times)


async def test_signing_out_ends_the_session_of_the_browser(desks: Desks) -> None:
    desk = await desks.of("user")
    await desk.page.get_by_test_id("who").click()
    await desk.page.get_by_role("button", name="Sign out").click()
    await expect(desk.page.get_by_role("button", name="Sign in")).to_be_visible()
    answer = await desk.context.request.get("/api/auth/user")
    assert answer.status == 401


async def test_a_deep_link_survives_the_sign_in(desks: Desks) -> None:
    desk = await desks.empty()
    await desk.page.goto("/workers?q=nothing-like-this")
    await desk.page.get_by_role("button", name="Sign in").click()
    await desk.page.locator("[name=username]").fill("manager")
    await desk.page.locator("[name=password]").fill("test")
    await desk.page.keyboard.press("Enter")
    await desk.connected()
    assert desk.page.url.endswith("/workers?q=nothing-like-this")
