"""The stream: what is shown before it, without it, and after it came back."""

import pytest
from playwright.async_api import Route, expect

from lcm_simulators.world import World
from tests.browser.desk import Desks
from tests.browser.given import a_definition
from tests.system.platform import Platform

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(300),
]
# What Chromium writes while nobody listens at the platform's port, and when the platform has forgotten the session.
UNREACHABLE = r"ERR_|status of (401|50\d)|event-stream"


async def test_before_the_first_snapshot_the_page_says_what_it_waits_for(desks: Desks) -> None:
    desk = await desks.of("admin")

    async def never(route: Route) -> None:
        del route  # Neither answered nor refused.

    await desk.page.route("**/api/events/stream*", never)
    await desk.page.goto("/workers")
    await expect(desk.page.get_by_text("Awaiting worker snapshot events")).to_be_visible()
    await expect(desk.page.get_by_test_id("connection")).to_have_text("connecting")
    assert await desk.accessibility_faults() == []


async def test_a_refused_stream_is_told_from_a_lost_one(desks: Desks) -> None:
    desk = await desks.of("admin")
    desk.expect_fault("status of 503")

    async def refuse(route: Route) -> None:
        await route.fulfill(status=503, body="")

    await desk.page.route("**/api/events/stream*", refuse)
    await desk.page.goto("/workers")
    await expect(desk.page.get_by_test_id("connection")).to_have_text("error")
    await desk.page.unroute("**/api/events/stream*")
    await desk.connected()


async def test_the_console_recovers_by_itself_when_the_control_plane_comes_back(
    desks: Desks, world: World, platform: Platform
) -> None:
    desk = await desks.of("admin")
    desk.expect_fault(UNREACHABLE)
    await desk.open("/sessions")
    badge = desk.page.get_by_test_id("connection")
    await world.stop_process("control-plane")
    await expect(badge).to_have_text("reconnecting", timeout=20_000)
    await expect(desk.page.get_by_text("what you see may be out of date")).to_be_visible()
    await world.start_process("control-plane")
    assert await world.healthy("control-plane", within_seconds=60)
    await expect(badge).to_have_text("connected", timeout=40_000)
    await expect(desk.page.get_by_text("what you see may be out of date")).to_have_count(0)

    reserved = await platform.reserve(await a_definition(platform))
    await expect(desk.page.locator(f"tr[data-id='{reserved.id}']")).to_be_visible()


async def test_a_session_that_was_revoked_leads_back_to_the_sign_in(desks: Desks, platform: Platform) -> None:
    desk = await desks.of("manager2")
    desk.expect_fault("status of 401")
    who = await (await desk.context.request.get("/api/auth/user")).json()
    await platform.api.call("POST", f"/api/auth/users/{who['user_id']}/revoke")
    await expect(desk.page.get_by_role("button", name="Sign in")).to_be_visible(timeout=30_000)


async def test_an_unknown_object_says_so_and_leads_back(desks: Desks) -> None:
    desk = await desks.of("admin")
    for path, back in (
        ("/workers/nobody", "All workers"),
        ("/sessions/nobody", "All sessions"),
        ("/definitions/no-body-1.0.0", "All definitions"),
        ("/nowhere", "Start page"),
    ):
        await desk.open(path)
        await expect(desk.page.get_by_role("link", name=back)).to_be_visible()
        assert await desk.accessibility_faults() == []
