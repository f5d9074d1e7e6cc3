"""Browsers sign in through the identity provider; the server keeps the tokens."""

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from browsers import COOKIE, IdentityProcess, browser, csrf, identity_beside, sign_in
from conftest import run_now
from plane_process import PlaneProcess
from realm_stand_in import RealmStandIn
from starlette.requests import HTTPConnection

from control_plane_api.application.errors import ConflictError, UnavailableError
from control_plane_api.infrastructure.identity.browser import local_path
from control_plane_api.infrastructure.sessions.in_redis import RedisSessions
from control_plane_api.infrastructure.sessions.memory import MemorySessions
from control_plane_api.infrastructure.sessions.model import BrowserSession, SessionStore
from control_plane_api.infrastructure.sessions.origins import origin_of
from lcm_simulators.embedded import free_port
from lcm_simulators.embedded.redis import RedisServer
from lcm_simulators.identity.forms import action_of


@pytest.fixture(scope="module")
def console(
    tmp_path_factory: pytest.TempPathFactory, plane_settings: dict[str, str], realm: RealmStandIn
) -> Iterator[tuple[PlaneProcess, IdentityProcess]]:
    """A control plane beside the embedded identity provider."""
    folder, port = tmp_path_factory.mktemp("console"), free_port()
    identity = identity_beside(port, folder)
    environment = {**plane_settings, "KEYCLOAK_URL": f"http://{identity.address}"}
    server = PlaneProcess(folder / "plane", environment, realm)
    server._chosen_port, server._fixed_port = port, True

    async def start() -> None:
        await asyncio.gather(identity.start(), server.start())

    run_now(start)
    yield server, identity
    run_now(lambda: server.stop(3))
    run_now(lambda: identity.stop(3))


async def test_a_browser_signs_in_works_and_signs_out(console: tuple[PlaneProcess, IdentityProcess]) -> None:
    plane, _ = console
    async with browser(plane) as http:
        assert (await http.get("/api/auth/session")).json()["authenticated"] is False
        back = await sign_in(http, "admin")
        assert (back.status_code, back.headers["location"]) == (302, "/workers")
        cookie = back.headers.get_list("set-cookie")[0].lower()
        assert cookie.startswith(f"{COOKIE}=")
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        state = (await http.get("/api/auth/session")).json()
        assert (state["authenticated"], state["user"]["username"]) == (True, "admin")
        assert "admin" in state["user"]["roles"]
        assert (await http.get("/api/workers")).status_code == 200

        body = {"template_id": "metal-many"}
        without = await http.post("/api/workers", json=body)
        assert (without.status_code, without.json()["code"]) == (403, "Forbidden")
        foreign = {**await csrf(http), "Sec-Fetch-Site": "cross-site"}
        assert (await http.post("/api/workers", json=body, headers=foreign)).status_code == 403
        assert (await http.post("/api/workers", json=body, headers=await csrf(http))).status_code == 201

        before = (await http.post("/api/auth/refresh", headers=await csrf(http))).json()
        assert before["authenticated"] is True
        out = await http.post("/api/auth/logout", headers=await csrf(http))
        assert "post_logout_redirect_uri" in out.json()["logout_url"]
        assert (await http.get("/api/auth/session")).json()["authenticated"] is False
        assert (await http.get("/api/workers")).status_code == 401


async def test_a_stolen_answer_is_of_no_use_in_another_browser(console: tuple[PlaneProcess, IdentityProcess]) -> None:
    plane, _ = console
    async with browser(plane) as victim, browser(plane) as thief:
        begun = await victim.get("/api/auth/login")
        state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
        stolen = await thief.get("/api/auth/callback", params={"state": state, "code": "stolen"})
        assert stolen.status_code == 401
        await thief.get("/api/auth/login")
        mixed = await thief.get("/api/auth/callback", params={"state": state, "code": "stolen"})
        assert mixed.status_code == 401
        assert COOKIE not in thief.cookies


async def test_signing_in_again_ends_the_session_of_before(console: tuple[PlaneProcess, IdentityProcess]) -> None:
    plane, _ = console
    async with browser(plane) as http:
        await sign_in(http, "user2")
        before = http.cookies[COOKIE]
        # The provider still knows the browser, so no password is asked for.
        begun = await http.get("/api/auth/login")
        back = await http.get((await http.get(begun.headers["location"])).headers["location"])
        assert back.status_code == 302
        assert http.cookies[COOKIE] != before
        assert (await http.get("/api/auth/session")).json()["authenticated"] is True
    async with browser(plane) as kept:
        kept.cookies.set(COOKIE, before, domain="127.0.0.1")
        assert (await kept.get("/api/auth/session")).json()["authenticated"] is False


async def test_revoking_a_user_ends_every_session_and_stream(console: tuple[PlaneProcess, IdentityProcess]) -> None:
    plane, _ = console
    async with browser(plane) as mine, browser(plane) as admin:
        await sign_in(mine, "user2")
        await sign_in(admin, "admin")
        who = (await mine.get("/api/auth/session")).json()["user"]["user_id"]
        answer = await admin.post(f"/api/auth/users/{who}/revoke", headers=await csrf(admin))
        assert answer.status_code == 204
        assert (await mine.get("/api/auth/session")).json()["authenticated"] is False
        assert (await admin.get("/api/auth/session")).json()["authenticated"] is True


async def test_a_session_the_provider_ended_is_over_at_the_next_refresh(
    console: tuple[PlaneProcess, IdentityProcess],
) -> None:
    plane, identity = console
    async with browser(plane) as http:
        await sign_in(http, "user")
        # Signing out at the provider itself, as another application of the realm would.
        leave = await http.get(f"http://{identity.address}/realms/lablet-cloud-manager/protocol/openid-connect/logout")
        fields = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', leave.text))
        await http.post(action_of(leave.text), data=fields)
        over = await http.post("/api/auth/refresh", headers=await csrf(http))
        assert over.json()["authenticated"] is False
        assert (await http.get("/api/workers")).status_code == 401


def test_only_paths_of_the_console_are_returned_to() -> None:
    assert local_path("/sessions?phase=ready") == "/sessions?phase=ready"
    for elsewhere in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", "/a\nb", ""):
        assert local_path(elsewhere) == "/"


@pytest.mark.parametrize(
    ("host", "public_url", "expected"),
    [
        ("127.0.0.1:8000", "", "http://127.0.0.1:8000"),
        ("localhost:8020", "http://127.0.0.1:8000", "http://localhost:8020"),
        ("lcm.example", "https://lcm.example", "https://lcm.example"),
        ("127.0.0.1:8000", "https://lcm.example/console", "https://lcm.example"),
        ("lcm.example", "", None),
        ("lcm.example", "http://lcm.example", None),
    ],
)
def test_cookies_go_over_https_or_stay_on_this_machine(host: str, public_url: str, expected: str | None) -> None:
    connection = HTTPConnection({"type": "http", "headers": [(b"host", host.encode())]})
    if expected is None:
        with pytest.raises(ConflictError):
            origin_of(connection, public_url)
        return
    origin = origin_of(connection, public_url)
    assert origin.url == expected
    assert origin.secure == expected.startswith("https")
    assert origin.cookie == ("__Host-lcm_session" if origin.secure else COOKIE)


def a_session(key: str, user_id: str = "u1", hours: float = 1.0) -> BrowserSession:
    """A session that is good for a while."""
    now = datetime.now(UTC)
    return BrowserSession(
        key=key,
        user_id=user_id,
        username="user",
        csrf_token="c",
        refresh_token_sealed="r",
        id_token_sealed="i",
        access_expires_at=now + timedelta(minutes=5),
        expires_at=now + timedelta(hours=hours),
    )


async def check_store(store: SessionStore, other: SessionStore) -> None:
    """What every store of sessions does; ``other`` is the same store as another replica sees it."""
    await store.put(a_session("a"))
    await store.put(a_session("b"))
    await store.put(a_session("c", "u2"))
    assert await other.get("a") == await store.get("a") != None  # noqa: E711
    assert await other.delete_user("u1") == 2
    assert await store.get("a") is None
    assert await store.get("c") is not None
    await store.delete("c")
    await store.delete("c")
    assert await other.get("c") is None
    inside = 0

    async def refresh(one: SessionStore) -> None:
        nonlocal inside
        async with one.lock("a"):
            inside += 1
            assert inside == 1, "two refreshes at once"
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(refresh(one) for one in (store, other) * 5))


async def test_sessions_in_memory_keep_the_rules_and_expire() -> None:
    store = MemorySessions()
    await check_store(store, store)
    await store.put(a_session("late", hours=-1))
    assert await store.get("late") is None


async def test_sessions_in_redis_are_shared_and_survive_its_restart(redis: RedisServer) -> None:
    url = redis.url
    first, second = RedisSessions(url, "session:"), RedisSessions(url, "session:")
    await check_store(first, second)
    await first.put(a_session("kept"))
    await asyncio.to_thread(redis.kill)
    with pytest.raises(UnavailableError):
        await second.get("kept")
    await redis.start()
    assert await second.get("kept") is not None
    for store in (first, second):
        await store.close()
