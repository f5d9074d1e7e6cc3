"""A learner at the delivery system: opens the launch page and presses its buttons, as a person would."""

from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx

from demo_parts.package import DemoError


class _Forms(HTMLParser):
    """Collects the forms of a page: where each goes and what it sends."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((values.get("action", ""), {}))
        elif tag in {"input", "button"} and self.forms and values.get("name"):
            self.forms[-1][1][values["name"]] = values.get("value", "")


class Learner:
    """Plays one session through its launch URL."""

    def __init__(self, launch_url: str) -> None:
        self._url = launch_url

    async def start(self) -> None:
        """Begin the lab. Raises ``DemoError`` when the page offers no way to."""
        await self._press("start")

    async def finish(self) -> None:
        """Hand the lab in. Raises ``DemoError`` when the page offers no way to."""
        await self._press("finish")

    async def _press(self, button: str) -> None:
        async with httpx.AsyncClient(follow_redirects=True, timeout=15, trust_env=False) as client:
            try:
                page = await client.get(self._url)
                page.raise_for_status()
                forms = _Forms()
                forms.feed(page.text)
                for action, fields in forms.forms:
                    if button in action or button in fields.values():
                        answer = await client.post(urljoin(str(page.url), action), data=fields)
                        answer.raise_for_status()
                        return
            except httpx.HTTPError as error:
                raise DemoError(f"the delivery system's page failed at {button!r}: {error}") from error
        raise DemoError(f"the delivery system's page has no {button!r} button")
