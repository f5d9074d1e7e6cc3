"""An identity provider to test, and a person's browser: shared by the tests of the identity provider.

The same tests run against the embedded provider and a real Keycloak. The latter takes half a minute to start, so it
is started once for all test modules and ended with the test session.
"""

import asyncio
import base64
import functools
import hashlib
import os
import re
import secrets
import tempfile
import threading
import time
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from keycloak import KeycloakAdmin, KeycloakOpenID, KeycloakPostError

from lcm_simulators.embedded import EmbeddedServer, ServerStartError, free_port
from lcm_simulators.embedded.keycloak import KeycloakServer
from lcm_simulators.identity.forms import action_of
from lcm_simulators.supervisor.spec import PythonModule, ServiceProcess

ROOT = Path(__file__).resolve().parents[3]
REALM = "lablet-cloud-manager"
REALM_FILE = ROOT / "deployment/keycloak/lablet-cloud-manager-realm-export.json"
ADMIN = ("keycloak-admin", "keycloak-admin")
PORTAL = ("portal-web-app", "portal-web-app-dev-secret")
CLI = ("lcm-cli", "")
API = ("lcm-api", "lcm-api-dev-secret")
CALLBACK = "http://127.0.0.1:8000/api/auth/callback"
START_SECONDS = 150.0
PASSWORD, BUSY, NOTED_SECONDS = "test", "Invalid user credentials", 5.0
_FAILED: dict[str, BaseException] = {}
"""Why a shared server did not start: the next test need not wait for the same failure."""
_KEPT: list[EmbeddedServer | tempfile.TemporaryDirectory[str]] = []
"""Servers that all modules share and their folders: whoever forgets a server could not end it."""


class PatientOpenID(KeycloakOpenID):
    """Signs in as soon as it may.

    Keycloak's protection against guessing refuses a sign-in while it has not yet noted the end of the one before of the
    same user, in the words it has for a wrong password.
    """

    def token(self, username: str = "", password: str = "", **more: Any) -> dict[str, Any]:
        """See ``KeycloakOpenID``."""
        limit = time.monotonic() + NOTED_SECONDS
        while True:
            try:
                tokens: dict[str, Any] = super().token(username, password, **more)
                return tokens
            except KeycloakPostError as error:
                if password != PASSWORD or BUSY not in str(error) or time.monotonic() > limit:
                    raise
            time.sleep(0.1)


@dataclass(frozen=True)
class Provider:
    """A running identity provider with the project's realm."""

    name: str
    url: str

    @property
    def issuer(self) -> str:
        return f"{self.url}/realms/{REALM}"

    @property
    def endpoints(self) -> str:
        return f"{self.issuer}/protocol/openid-connect"

    def openid(self, client: tuple[str, str] = PORTAL) -> KeycloakOpenID:
        """python-keycloak, speaking for a client."""
        return PatientOpenID(
            server_url=self.url, realm_name=REALM, client_id=client[0], client_secret_key=client[1] or None
        )

    def users(self) -> KeycloakAdmin:
        """python-keycloak's admin client with the service account that the realm lets manage users."""
        return KeycloakAdmin(
            server_url=self.url, realm_name=REALM, client_id=PORTAL[0], client_secret_key=PORTAL[1], verify=True
        )

    def master(self) -> KeycloakAdmin:
        """python-keycloak's admin client as administrator of the whole server."""
        return KeycloakAdmin(
            server_url=self.url, realm_name=REALM, user_realm_name="master", username=ADMIN[0], password=ADMIN[1]
        )

    def post(self, endpoint: str, client: tuple[str, str] = PORTAL, **form: str) -> httpx.Response:
        """Call an endpoint the way the clients of the project do, with the client's secret in the form."""
        data = {"client_id": client[0], **({"client_secret": client[1]} if client[1] else {}), **form}
        return httpx.post(f"{self.endpoints}/{endpoint}", data=data)

    def authorization_url(self, **changes: str) -> str:
        """An address that begins a sign-in; ``changes`` alter the parameters, an empty one leaves one out."""
        parameters = {
            "client_id": PORTAL[0],
            "response_type": "code",
            "redirect_uri": CALLBACK,
            "scope": "openid",
            "state": "the-state",
            "nonce": "the-nonce",
            **changes,
        }
        kept = {name: value for name, value in parameters.items() if value}
        return f"{self.endpoints}/auth?{httpx.QueryParams(kept)}"


@dataclass
class Browser:
    """Keeps cookies by name, follows no redirect by itself and fills in forms.

    ``Secure`` cookies are sent over plain HTTP too, as browsers do to a loopback address.
    """

    cookies: dict[str, str] = field(default_factory=dict)

    def open(self, url: str) -> httpx.Response:
        return self._send("GET", url, {})

    def submit(self, page: httpx.Response, **fields: str) -> httpx.Response:
        """Send the first form of a page."""
        hidden = re.findall(r'<input type="hidden"[^>]*\bname="([^"]*)"[^>]*\bvalue="([^"]*)"', page.text)
        address = page.url.join(action_of(page.text))
        return self._send("POST", str(address), {**{name: unescape(value) for name, value in hidden}, **fields})

    def sign_in(self, url: str, username: str, password: str = "test") -> httpx.Response:
        """Open an address and sign in on the page that comes."""
        return self.submit(self.open(url), username=username, password=password)

    def sign_in_after_failure(self, page: httpx.Response, **fields: str) -> httpx.Response:
        """Send the right password on the page of a wrong one.

        Keycloak answers a failure before it is done with it, and refuses whoever tries again in that moment like one
        who is wrong (its brute force protection lets one sign-in of a person at a time through).
        """
        deadline = time.monotonic() + 10
        answer = self.submit(page, **fields)
        while answer.status_code == 200 and time.monotonic() < deadline:
            time.sleep(0.05)
            answer = self.submit(answer, **fields)
        return answer

    def follow(self, answer: httpx.Response) -> httpx.Response:
        """Follow redirects within the provider."""
        while answer.status_code in {302, 303}:
            answer = self.open(str(answer.url.join(answer.headers["location"])))
        return answer

    def _send(self, method: str, url: str, form: dict[str, str]) -> httpx.Response:
        header = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        data = form if method == "POST" else None
        answer = httpx.request(method, url, data=data, headers={"Cookie": header} if header else {})
        for cookie in answer.headers.get_list("set-cookie"):
            name, _, rest = cookie.partition("=")
            value, *attributes = rest.split(";")
            if any(attribute.strip().lower() == "max-age=0" for attribute in attributes):
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return answer


@dataclass(frozen=True)
class Pkce:
    """A verifier and its S256 challenge."""

    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def parameters(self) -> dict[str, str]:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        return {"code_challenge": challenge, "code_challenge_method": "S256"}


def returned(answer: httpx.Response) -> dict[str, str]:
    """The parameters with which a redirect sends the person back to the application."""
    assert answer.status_code in {302, 303}, text_of(answer)
    parts = urlsplit(answer.headers["location"])
    return {name: values[0] for name, values in parse_qs(parts.query or parts.fragment).items()}


def text_of(page: httpx.Response) -> str:
    """What a person reads on a page."""
    body = re.sub(r"<(script|style).*?</\1>", " ", page.text, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


def start(server: EmbeddedServer) -> None:
    """Start a server from a test that may or may not have an event loop."""
    failures: list[BaseException] = []

    def target() -> None:
        try:
            asyncio.run(server.start(START_SECONDS))
        except BaseException as error:  # handed to the caller's thread below
            failures.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


def embedded_server(folder: Path, **environment: str) -> ServiceProcess:
    """The embedded provider as ``make run`` starts it, unstarted, at a free port."""
    port = free_port()
    settings = {
        "LCM_SIM_DATA_DIR": str(folder / "identity"),
        "LCM_IDENTITY_PORT": str(port),
        "LCM_REALM_FILE": str(REALM_FILE),
        "LCM_CONTROL_PLANE_URL": "",
        "KEYCLOAK_URL": f"http://127.0.0.1:{port}",
        "KC_BOOTSTRAP_ADMIN_USERNAME": ADMIN[0],
        "KC_BOOTSTRAP_ADMIN_PASSWORD": ADMIN[1],
        **environment,
    }
    return ServiceProcess(PythonModule("identity", "lcm_simulators.identity", port, "/health", settings), folder)


@functools.cache
def shared(name: str) -> Provider:
    """The provider of that name, started at its first use; its process ends with this one."""
    if name in _FAILED:
        raise _FAILED[name]
    scratch = tempfile.TemporaryDirectory(prefix=f"lcm-{name}-", ignore_cleanup_errors=True)
    folder = Path(scratch.name)
    server: EmbeddedServer = (
        embedded_server(folder)
        if name == "embedded"
        else KeycloakServer(folder / "data", realm=REALM, realm_file=REALM_FILE)
    )
    _KEPT.extend([scratch, server])
    try:
        start(server)
    except ServerStartError as error:
        _FAILED[name] = error
        raise
    return Provider(name, f"http://{server.address}")


def keycloak_or_skip() -> Provider:
    """The real Keycloak; skips the test unless it is asked for: each test process would start its own, in a minute."""
    if os.environ.get("LCM_TEST_KEYCLOAK") != "1":
        pytest.skip("compared with a real Keycloak by `make test-keycloak` (LCM_TEST_KEYCLOAK=1)")
    return shared("keycloak")


PROVIDERS = ["embedded", pytest.param("keycloak", marks=pytest.mark.slow)]


def provider_of(request: pytest.FixtureRequest) -> Provider:
    """What a fixture with the parameters ``PROVIDERS`` gives."""
    return shared("embedded") if request.param == "embedded" else keycloak_or_skip()
