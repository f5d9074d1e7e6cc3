"""A person at the console: a browser window that notes every request and every fault."""

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from tests.system.platform import ROOT

AXE = ROOT / "src" / "control-plane-api" / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
PICTURES = ROOT / "docs" / "assets"
WIDE, PHONE = (1280, 800), (360, 740)
# Live objects come over the stream. Over REST come what nobody watches live: history, registers and forecasts.
READ_OVER_REST = re.compile(
    r"^/api/(auth/.*|events/stream|workers/[^/]+/metrics|lablet-sessions/[^/]+/(launch|score-report)"
    r"|audit|jobs|jobs/[^/]+/runs|quotas|quotas/mine|capacity/calendar|costs)$"
)


@dataclass
class Desk:
    """One window, signed in or not."""

    page: Page
    context: BrowserContext
    base: str
    faults: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    expected: list[re.Pattern[str]] = field(default_factory=list)

    def expect_fault(self, pattern: str) -> None:
        """A console error that matches is meant by the test."""
        self.expected.append(re.compile(pattern))

    async def sign_in(self, username: str) -> None:
        """Through the identity provider, as a person does."""
        await self.page.goto("/")
        await self.page.get_by_role("button", name="Sign in").click()
        await self.page.locator("[name=username]").fill(username)
        await self.page.locator("[name=password]").fill("test")
        await self.page.keyboard.press("Enter")
        await expect(self.page.get_by_test_id("who")).to_have_text(username)
        await self.connected()

    async def connected(self) -> None:
        """Wait until the picture is live and complete."""
        await expect(self.page.get_by_test_id("connection")).to_have_text("connected", timeout=20_000)
        await expect(self.page.get_by_text("Awaiting")).to_have_count(0)

    async def open(self, path: str) -> None:
        """Go to a page by its address."""
        await self.page.goto(path)
        await self.connected()

    async def menu(self) -> list[str]:
        """What the menu offers."""
        links = await self.page.get_by_role("navigation", name="Main").get_by_role("link").all_inner_texts()
        return [link.splitlines()[0] for link in links]

    async def visit(self, path: str) -> None:
        """Go to a page as a link does, without loading the console again."""
        await self.page.evaluate(
            "path => { history.pushState(null, '', path); dispatchEvent(new PopStateEvent('popstate')); }", path
        )
        await self.connected()

    async def accessibility_faults(self, *rules: str) -> list[str]:
        """Findings of axe-core, of every severity; by some of its rules, or all of them."""
        wanted = json.dumps({"runOnly": list(rules)} if rules else {})
        session = await self.context.new_cdp_session(self.page)
        # Through the debugger, because the content security policy forbids scripts that are not the page's own.
        answer = await session.send(
            "Runtime.evaluate",
            {
                "expression": f"{AXE.read_text()};axe.run(document, {wanted})",
                "awaitPromise": True,
                "returnByValue": True,
            },
        )
        await session.detach()
        return [
            f"{self.page.url}: {found['id']} ({found['impact']}): {found['nodes'][0]['html'][:200]}: "
            f"{found['nodes'][0]['failureSummary']}"
            for found in answer["result"]["value"]["violations"]
        ]

    async def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        width: int = await self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        return max(0, width)

    async def picture(self, name: str) -> None:
        """A picture for the documentation, when such are wanted."""
        if os.environ.get("LCM_SCREENSHOTS") == "1":
            PICTURES.mkdir(parents=True, exist_ok=True)
            await self.page.screenshot(path=str(PICTURES / f"{name}.png"))

    def note_request(self, request: Request) -> None:
        """Reads of live objects over REST are faults."""
        url = urlsplit(request.url)
        if not request.url.startswith(self.base):
            return
        self.requests.append(f"{request.method} {url.path}")
        if request.method == "GET" and url.path.startswith("/api/") and not READ_OVER_REST.match(url.path):
            self.faults.append(f"read over REST: {url.path}")

    def note_message(self, message: ConsoleMessage) -> None:
        """Errors in the browser's console are faults, unless the test means them."""
        if message.type == "error" and (message.location or {}).get("url", "").startswith(self.base):
            text = f"{message.text} {message.location['url']}"
            if not any(pattern.search(text) for pattern in self.expected):
                self.faults.append(f"console: {text}")

    def note_error(self, error: Exception) -> None:
        """Exceptions of the page are faults."""
        self.faults.append(f"exception: {error}")


class Desks:
    """The windows of one test."""

    def __init__(self, browser: Browser, base: str) -> None:
        self._browser = browser
        self._base = base
        self._opened: list[Desk] = []

    async def empty(self, size: tuple[int, int] = WIDE, *, dark: bool = False) -> Desk:
        """A window in which nobody is signed in."""
        context = await self._browser.new_context(
            base_url=self._base,
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            locale="en-US",
            # Colors in the middle of a transition are no colors to judge.
            reduced_motion="reduce",
            timezone_id="Europe/Berlin",
        )
        page = await context.new_page()
        desk = Desk(page, context, self._base)
        page.on("request", desk.note_request)
        page.on("console", desk.note_message)
        page.on("pageerror", desk.note_error)
        self._opened.append(desk)
        return desk

    async def of(self, username: str, size: tuple[int, int] = WIDE, *, dark: bool = False) -> Desk:
        """The window of somebody who is signed in."""
        desk = await self.empty(size, dark=dark)
        await desk.sign_in(username)
        return desk

    async def close(self) -> list[str]:
        """Close every window; the faults of all."""
        faults = [fault for desk in self._opened for fault in desk.faults]
        for desk in self._opened:
            await desk.context.close()
        return faults


def zipped(folder: Path, name: str, content: bytes) -> Path:
    """A file to upload."""
    file = folder / name
    file.write_bytes(content)
    return file
