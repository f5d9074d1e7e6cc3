"""What Lighthouse says of the console: wanted by `make lighthouse`, because it brings a large npm package with it."""

import asyncio
import json
import os
import shutil
from pathlib import Path

import pytest

from tests.browser.desk import Desks
from tests.browser.given import a_running_worker
from tests.system.platform import Platform

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(600),
]
LIGHTHOUSE = "lighthouse@12.8.2"
PAGES = ("/", "/workers", "/sessions")
CATEGORIES = ("performance", "accessibility", "best-practices")
LEAST = 95


async def scores(url: str, cookie: str, chromium: str, folder: Path) -> dict[str, int]:
    """Scores from 0 to 100 of one page, as a signed-in person sees it on a desktop."""
    report = folder / "report.json"
    command = [
        *("npx", "--yes", LIGHTHOUSE, url, "--quiet", "--preset=desktop", "--output=json", f"--output-path={report}"),
        f"--only-categories={','.join(CATEGORIES)}",
        f"--extra-headers={json.dumps({'Cookie': cookie})}",
        "--chrome-flags=--headless=new --no-sandbox --disable-gpu",
        # The event stream never ends, so that the network is never idle.
        *("--max-wait-for-load=12000", "--disable-full-page-screenshot"),
    ]
    environment = {**os.environ, "CHROME_PATH": chromium}
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.DEVNULL)
    assert await process.wait() == 0
    told = json.loads(report.read_text())
    asked = [each["url"] for each in told["audits"]["network-requests"]["details"]["items"]]
    assert any(
        "/api/events/stream" in each for each in asked
    ), f"the page of a signed-in person was not judged: {asked}"
    found = told["categories"]
    return {name: round(100 * found[name]["score"]) for name in CATEGORIES}


async def test_lighthouse_finds_little(desks: Desks, platform: Platform, chromium: str, tmp_path: Path) -> None:
    if not os.environ.get("LCM_LIGHTHOUSE"):
        pytest.skip("asked for by `make lighthouse` only")
    if shutil.which("npx") is None:
        pytest.skip("npx is not on PATH")
    await a_running_worker(platform)
    desk = await desks.of("admin")
    cookie = "; ".join(f"{each['name']}={each['value']}" for each in await desk.context.cookies())
    base = platform.world.url("control-plane")
    found = {path: await scores(f"{base}{path}", cookie, chromium, tmp_path) for path in PAGES}
    for path, each in found.items():
        print(f"\n{path}: {each}", end="")
    assert all(each[name] >= LEAST for each in found.values() for name in CATEGORIES), found
