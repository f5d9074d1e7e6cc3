"""One platform and one Chromium for all browser tests; each test gets a browser window of its own.

Set ``LCM_SCREENSHOTS=1`` to write the pictures of the documentation while the tests run.
"""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from lcm_simulators.world import World
from tests.browser.desk import Desks
from tests.system.packages import two_routers
from tests.system.platform import ROOT, Platform, signed_in

CLOCK_FACTOR = 20.0
BUILT = ROOT / "src" / "control-plane-api" / "control_plane_api" / "ui" / "static" / "index.html"
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=en-US",
]


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of Chromium. Skips the test without one, or without a built console."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium on PATH: install Debian's package chromium to test the console")
    if not BUILT.is_file():
        pytest.skip("the console is not built: run make build-ui")
    return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """Chromium without a window."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_OPTIONS)
        yield running
        await running.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Every process of the platform, with nothing to wait for at boot."""
    del chromium  # Nothing is started for tests that are skipped.
    folder: Path = tmp_path_factory.mktemp("browser-world")
    async with World(
        folder, ports="ephemeral", clock_factor=CLOCK_FACTOR, boot_scale=0.0, durable=False, report=lambda _: None
    ) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def platform(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    """The platform as the administrator uses it over REST, with one definition that can be reserved."""
    async with signed_in(world) as ready:
        await ready.define(two_routers(tmp_path_factory.mktemp("packages")))
        yield ready


@pytest_asyncio.fixture(loop_scope="session")
async def desks(browser: Browser, world: World, platform: Platform) -> AsyncIterator[Desks]:
    """Opens windows of signed-in people; what went wrong in one of them fails the test at its end."""
    del platform
    opened = Desks(browser, world.url("control-plane"))
    yield opened
    faults = await opened.close()
    assert not faults, "\n".join(faults)
