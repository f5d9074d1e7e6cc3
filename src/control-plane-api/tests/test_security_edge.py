"""What protects the edge itself: headers for browsers, whose address counts, and who signed in."""

import base64
import json
import logging
import re
import time

import httpx
import pytest
from flows import unique
from joserfc import jwt
from plane_process import PlaneProcess
from pydantic import SecretStr
from realm_stand_in import REALM, RealmStandIn
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse

from control_plane_api.api.addresses import TrustedProxies
from control_plane_api.api.middleware import SecurityHeaders
from control_plane_api.api.problems import to_problem
from control_plane_api.api.routes.labs import attachment
from control_plane_api.application.errors import UnauthenticatedError
from control_plane_api.infrastructure.identity.code_flow import CodeFlow
from control_plane_api.infrastructure.sessions.model import key_of, new_secret
from lcm_core.observability.logs import JsonFormatter

INSIDE = TrustedProxies.parse("10.0.0.0/8, fd00::/8")


async def headers_of(path: str, *, https: bool) -> httpx.Headers:
    """What a browser gets with an answer at a path."""
    app = SecurityHeaders(PlainTextResponse("x"), https=https)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://lcm.example") as http:
        return (await http.get(path)).headers


@pytest.mark.parametrize("path", ["/", "/api/workers", "/api/docs", "/no-such-page"])
async def test_every_answer_tells_browsers_what_a_page_may_do(path: str) -> None:
    headers = await headers_of(path, https=True)
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert (policy["object-src"], policy["base-uri"], policy["frame-ancestors"]) == ("'none'", "'none'", "'none'")
    assert ("'unsafe-inline'" in policy["script-src"]) == (path == "/api/docs")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    assert headers.get("cache-control") == ("no-store" if path.startswith("/api") else None)
    assert "access-control-allow-origin" not in headers


async def test_a_console_on_this_machine_is_not_bound_to_https() -> None:
    assert "strict-transport-security" not in await headers_of("/", https=False)


@pytest.mark.parametrize(
    ("peer", "named", "expected"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.1.2.3", "198.51.100.1", "198.51.100.1"),
        ("10.1.2.3", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("10.1.2.3", "6.6.6.6, 198.51.100.1, 10.9.9.9", "198.51.100.1"),
        ("10.1.2.3", "", "10.1.2.3"),
        ("10.1.2.3", "unknown", "10.1.2.3"),
        ("fd00::1", "2001:db8::7", "2001:db8::7"),
        ("", "198.51.100.1", ""),
    ],
)
def test_only_a_trusted_proxy_may_name_the_address_of_a_caller(peer: str, named: str, expected: str) -> None:
    headers = [(b"x-forwarded-for", named.encode())] if named else []
    client = (peer, 1234) if peer else None
    assert INSIDE.address_of(HTTPConnection({"type": "http", "headers": headers, "client": client})) == expected


def test_a_network_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="everybody"):
        TrustedProxies.parse("everybody")


async def test_every_attempt_to_sign_in_is_in_the_audit_trail_with_its_real_address(plane: PlaneProcess) -> None:
    invented = {"X-Forwarded-For": "6.6.6.6"}
    name = unique("stranger")
    async with plane.caller() as http, plane.caller("admin") as admin:
        await http.post("/api/auth/login", json={"username": name, "password": "wrong-secret"}, headers=invented)
        right = await http.post("/api/auth/login", json={"username": "user", "password": "test"}, headers=invented)
        assert right.status_code == 200
        refused = (await admin.get("/api/audit", params={"actor": name})).json()["items"]
        accepted = (await admin.get("/api/audit", params={"actor": "user", "command": "SignIn"})).json()["items"]
    assert [(entry["command"], entry["result"]) for entry in refused] == [("SignIn", "denied")]
    assert "127.0.0.1" in refused[0]["reason"]
    assert "127.0.0.1" in accepted[0]["changes"]
    assert "6.6.6.6" not in str(refused + accepted)
    assert "wrong-secret" not in str(refused)


async def test_an_odd_number_in_a_header_is_named(plane: PlaneProcess) -> None:
    async with plane.caller("worker-controller") as http:
        for number in ("²", "-1", "1" * 13, "one"):
            fence = {"X-LCM-Controller": "worker-controller", "X-LCM-Shard": "0", "X-LCM-Term": number}
            sent = {key: value.encode("latin-1") for key, value in fence.items()}
            answer = await http.post("/api/internal/workers/w/report", json={}, headers=sent)
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "x-lcm-term"), number


@pytest.mark.parametrize(
    ("changes", "accepted"),
    [
        ({}, True),
        ({"exp": -60}, False),
        ({"nonce": "of another sign-in"}, False),
        ({"aud": "lcm-api"}, False),
        ({"iss": "https://elsewhere.example"}, False),
    ],
)
async def test_an_id_token_counts_for_one_sign_in_of_this_client(
    realm: RealmStandIn, changes: dict[str, object], accepted: bool
) -> None:
    issuer = f"{realm.url}/realms/{REALM}"
    claims = {"iss": issuer, "aud": "portal", "sub": "u1", "nonce": "n1", "exp": 60, **changes}
    token = jwt.encode(
        {"alg": "RS256", "kid": "test-key"}, {**claims, "exp": int(time.time()) + int(str(claims["exp"]))}, realm._key
    )
    async with httpx.AsyncClient(trust_env=False) as http:
        flow = CodeFlow(issuer, f"{issuer}/protocol/openid-connect", "portal", SecretStr("s"), http)
        if accepted:
            assert (await flow.id_claims(token, "n1")).sub == "u1"
            return
        with pytest.raises(UnauthenticatedError):
            await flow.id_claims(token, "n1")


async def test_a_token_for_the_console_itself_opens_no_door(plane: PlaneProcess) -> None:
    token = plane.realm.token("admin", audience="portal-web-app")
    async with plane.caller() as http:
        answer = await http.get("/api/workers", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401


async def test_half_a_character_is_refused_wherever_it_stands(plane: PlaneProcess) -> None:
    bodies = {
        "/api/tasks": b'{"title": "a\\ud800"}',
        "/api/workers": b'{"template_id": "metal-many", "tags": {"\\udfff": "x"}}',
        "/api/auth/login": b'{"username": "\\ud800", "password": "x"}',
        "/api/notices": b'{"message": "\\ud800"}',
    }
    async with plane.caller("admin") as admin:
        for path, body in bodies.items():
            answer = await admin.post(path, content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code == 422, f"{path}: {answer.status_code} {answer.text}"


def test_what_fails_unexpectedly_tells_nothing_of_the_inside() -> None:
    document, _ = to_problem(RuntimeError("password=hunter2 at /srv/lcm/secret.py"), "/api/x")
    assert document.status == 500
    assert "hunter2" not in document.model_dump_json()
    assert "secret.py" not in document.model_dump_json()


@pytest.mark.parametrize("name", ['a"; filename="b.exe', "a\r\nSet-Cookie: x=1", "../../etc/passwd", "\ud800", ""])
def test_a_name_of_a_download_cannot_leave_its_quotes(name: str) -> None:
    header = attachment(name)
    assert re.fullmatch(r'attachment; filename="[A-Za-z0-9._-]{1,100}"', header), header


def test_no_two_secrets_are_alike_or_short() -> None:
    made = {new_secret() for _ in range(1000)}
    assert len(made) == 1000
    assert min(len(base64.urlsafe_b64decode(f"{secret}=")) for secret in made) == 32
    assert key_of("cookie") != "cookie"


def test_a_log_line_holds_no_secret_and_cannot_be_continued_by_a_stranger() -> None:
    forged = "eve\n{'level': 'INFO'}"
    said = logging.makeLogRecord(
        {"name": "lcm", "msg": "login password=hunter2 of %s", "args": (forged,), "levelname": "INFO"}
    )
    line = JsonFormatter("control-plane").format(said)
    assert "hunter2" not in line
    assert len(line.splitlines()) == 1
    assert set(json.loads(line)) >= {"at", "level", "service", "logger", "message"}
