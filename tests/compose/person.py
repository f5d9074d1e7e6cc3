"""A person at a deployed platform: signs in with a browser through Keycloak, then does what the platform's users do."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx

from lcm_core.clients.http import ApiClient, RetryPolicy
from lcm_simulators.identity.forms import action_of, credentials
from tests.system.platform import Platform

PATIENT = RetryPolicy(attempts=30, first_pause=0.1, longest_pause=1.0)


class Deployed(Platform):
    """The platform as one person uses it. There is no ``World``: its processes are containers."""

    def __init__(self, api: ApiClient) -> None:
        self.api = api


class Browser:
    """Keeps cookies as browsers do, also those for secure pages on this machine's plain HTTP."""

    def __init__(self, url: str, verify: bool | str) -> None:
        self._http = httpx.AsyncClient(base_url=url, timeout=30, trust_env=False, verify=verify)
        self._host = urlsplit(url).hostname

    async def ask(self, method: str, url: str, **form: str) -> httpx.Response:
        """One request, without following where it leads."""
        answer = await self._http.request(method, url, data=form or None)
        for cookie in self._http.cookies.jar:
            cookie.secure = cookie.secure and self._host not in ("localhost", "127.0.0.1")
        return answer

    def cookie(self) -> str:
        """The cookies of the platform's own pages, as a header."""
        return "; ".join(f"{each.name}={each.value}" for each in self._http.cookies.jar if each.path == "/")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


async def sign_in(url: str, username: str, password: str, verify: bool | str = True) -> Mapping[str, str]:
    """Go through Keycloak's page as a browser does; the headers that the console's requests then carry."""
    browser = Browser(url, verify)
    try:
        begun = await browser.ask("GET", "/api/auth/login?next=/sessions")
        assert begun.status_code == 302, begun.text
        page = await browser.ask("GET", begun.headers["location"])
        sent = await browser.ask("POST", action_of(page.text), **credentials(username, password))
        assert sent.status_code in (302, 303), f"Keycloak does not let {username} in: {sent.text[-500:]}"
        back = await browser.ask("GET", sent.headers["location"])
        assert (back.status_code, back.headers.get("location")) == (302, "/sessions"), back.text
        state = (await browser.ask("GET", "/api/auth/session")).json()
        assert state["authenticated"], state
        return {"Cookie": browser.cookie(), "X-CSRF-Token": state["csrf_token"]}
    finally:
        await browser.close()


@asynccontextmanager
async def person(
    url: str, headers: Mapping[str, str], retry: RetryPolicy = PATIENT, verify: bool | str = True
) -> AsyncIterator[Deployed]:
    """The platform at an address, with the headers of somebody who has signed in."""
    api = ApiClient(url, name="the platform", headers=lambda: headers, retry=retry, verify=verify, timeout_seconds=30)
    async with api:
        yield Deployed(api)


async def with_password(url: str, username: str, password: str, verify: bool | str = True) -> Mapping[str, str]:
    """The headers of a program that signs in with a password."""
    async with httpx.AsyncClient(timeout=30, trust_env=False, verify=verify) as http:
        answer = await http.post(f"{url}/api/auth/login", json={"username": username, "password": password})
        answer.raise_for_status()
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}
