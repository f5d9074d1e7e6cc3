"""Somebody who watches the console all the time: signs in as a browser does, and follows the live stream.

What the stream said is kept, as text for secrets and as the newest version of each object.
"""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping

import httpx
from httpx_sse import ServerSentEvent, SSEError, aconnect_sse

from lcm_simulators.identity.forms import NoFormError, action_of, credentials
from tests.chaos.picture import Picture

PAUSE_SECONDS = 0.3
READ_SECONDS = 45.0
"""A stream that says nothing for longer has no heartbeat any more."""
_SNAPSHOT = ".snapshot"
_FAULTS = (httpx.HTTPError, SSEError)


class SignInRefused(Exception):
    """The way through the provider's pages led elsewhere."""


class Watcher:
    """One browser.

    Without a Redis the planes do not share the sessions of browsers; then ``token`` opens the streams instead.
    """

    def __init__(self, url: str, *, token: str = "") -> None:
        self._url = url
        self._token = token
        self._last_id = ""
        self._seen: dict[tuple[str, str], int] = {}
        self.connected = False
        self.sign_ins = 0
        self.streams = 0
        self.texts: set[str] = set()
        """Every line that came, once: what is told again and again is checked once."""

    async def watch(self) -> None:
        """Follow the stream until cancelled."""
        while True:
            try:
                async with httpx.AsyncClient(base_url=self._url, trust_env=False, timeout=10) as http:
                    await self._visit(http)
            except (*_FAULTS, SignInRefused):
                pass
            self.connected = False
            await asyncio.sleep(PAUSE_SECONDS)

    async def _visit(self, http: httpx.AsyncClient) -> None:
        """Sign in, and follow one stream after the other as long as the session lasts."""
        if not self._token:
            await sign_in(http)
            self.sign_ins += 1
        while await self._follow(http):
            self.connected = False
            await asyncio.sleep(PAUSE_SECONDS)

    async def _follow(self, http: httpx.AsyncClient) -> bool:
        """Whether it is worth another try with the same session."""
        headers = {"Last-Event-ID": self._last_id} if self._last_id else {}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        timeout = httpx.Timeout(10.0, read=READ_SECONDS)
        try:
            async with aconnect_sse(http, "GET", "/api/events/stream", headers=headers, timeout=timeout) as source:
                if source.response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
                    return bool(self._token)
                source.response.raise_for_status()
                self.streams += 1
                async for event in source.aiter_sse():
                    self._learn(event)
        except _FAULTS:
            pass
        return True

    def _learn(self, event: ServerSentEvent) -> None:
        self._last_id = event.id or self._last_id
        self.texts.update(re.findall(r'"[^"]{8,}"', event.data))
        match event.event:
            case "snapshot.begin":
                self.connected = False
                self._seen.clear()
            case "snapshot.end" | "resumed":
                self.connected = True
            case name if name.endswith(_SNAPSHOT):
                body = json.loads(event.data)
                if "id" in body and "version" in body:  # controllers are shown without either
                    self._seen[name.removesuffix(_SNAPSHOT), body["id"]] = body["version"]

    def behind(self, picture: Picture) -> Iterator[str]:
        """Where what the stream showed last is not what the database holds."""
        if not self.connected:
            yield "the live stream of the console is not connected"
            return
        for (kind, key), version in picture.versions.items():
            seen = self._seen.get((kind, key))
            if seen is not None and seen != version:
                yield f"the live stream shows {kind} {key} at version {seen}, the database has version {version}"

    def said(self) -> Mapping[str, str]:
        """What came, to look for secrets in it."""
        return {"the live stream": "\n".join(self.texts)}


async def sign_in(http: httpx.AsyncClient, username: str = "admin") -> None:
    """Through the provider's pages. Raises ``SignInRefused`` or ``httpx.HTTPError`` when that does not work now."""
    begun = await http.get("/api/auth/login", params={"next": "/"})
    page = await http.get(_next_of(begun))
    try:
        done = await http.post(action_of(page.text), data=credentials(username, "test"))
    except NoFormError as error:
        raise SignInRefused(str(error)) from error
    _next_of(await http.get(_next_of(done)))


def _next_of(answer: httpx.Response) -> str:
    if answer.status_code not in (httpx.codes.FOUND, httpx.codes.SEE_OTHER):
        raise SignInRefused(f"{answer.request.url.path} was answered {answer.status_code}")
    return answer.headers["location"]
