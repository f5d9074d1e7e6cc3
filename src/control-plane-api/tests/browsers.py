"""Browsers that sign in: the identity provider and Redis as processes, and what a browser does."""

import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
from plane_process import PlaneProcess

from lcm_simulators.embedded.process import EmbeddedServer
from lcm_simulators.identity.forms import action_of, credentials

REPOSITORY = Path(__file__).parents[3]
COOKIE = "lcm_session"


class IdentityProcess(EmbeddedServer):
    """The embedded identity provider with the project's realm."""

    name = "identity"

    def command(self) -> list[str]:
        """See ``EmbeddedServer``."""
        own = [f"LCM_IDENTITY_PORT={self.port}", f"KEYCLOAK_URL=http://{self.address}"]
        return ["env", "-C", str(REPOSITORY), *own, sys.executable, "-m", "lcm_simulators.identity"]

    async def healthy(self) -> bool:
        """See ``EmbeddedServer``."""
        with contextlib.suppress(httpx.TransportError):
            async with httpx.AsyncClient(trust_env=False, timeout=2) as http:
                return (await http.get(f"http://{self.address}/health")).status_code == 200
        return False


def identity_beside(port: int, folder: Path) -> IdentityProcess:
    """A provider that sends browsers back to the control plane on a port; not started yet."""
    environment = {
        "LCM_SIM_DATA_DIR": str(folder / "identity-data"),
        "LCM_CONTROL_PLANE_URL": f"http://127.0.0.1:{port}",
    }
    identity = IdentityProcess(folder / "identity", environment=environment)
    identity.choose_ports()
    return identity


@contextlib.asynccontextmanager
async def browser(plane: PlaneProcess) -> AsyncIterator[httpx.AsyncClient]:
    """A browser: keeps cookies, follows no redirect by itself."""
    async with httpx.AsyncClient(base_url=plane.url, timeout=20, trust_env=False) as http:
        yield http


async def sign_in(http: httpx.AsyncClient, username: str, next_path: str = "/workers") -> httpx.Response:
    """Go through the provider's pages; the answer of the callback."""
    return await http.get(await callback_of(http, username, next_path))


async def callback_of(http: httpx.AsyncClient, username: str, next_path: str = "/workers") -> str:
    """Go through the provider's pages; the address to which it sends the browser back."""
    begun = await http.get("/api/auth/login", params={"next": next_path})
    assert begun.status_code == 302
    query = parse_qs(urlsplit(begun.headers["location"]).query)
    assert query["code_challenge_method"] == ["S256"]
    page = await http.get(begun.headers["location"])
    assert page.status_code == 200, page.text
    done = await http.post(action_of(page.text), data=credentials(username, "test"))
    assert done.status_code in (302, 303), done.text
    return done.headers["location"]


async def csrf(http: httpx.AsyncClient) -> dict[str, str]:
    """The header that a page of the console sends with its writes."""
    return {"X-CSRF-Token": (await http.get("/api/auth/session")).json()["csrf_token"]}
