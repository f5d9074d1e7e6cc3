"""What is particular to the embedded identity provider: persistence, time, faults, its realm file."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from identity_world import (
    CALLBACK,
    CLI,
    PORTAL,
    REALM,
    REALM_FILE,
    Browser,
    Pkce,
    Provider,
    embedded_server,
    keycloak_or_skip,
    returned,
    shared,
    start,
    text_of,
)
from keycloak.exceptions import KeycloakPostError

from lcm_simulators.identity.attempts import LoginAttempts, wait_seconds
from lcm_simulators.identity.codes import AuthorizationCode
from lcm_simulators.identity.context import RealmContext
from lcm_simulators.identity.device_codes import DeviceCode
from lcm_simulators.identity.errors import OAuthError
from lcm_simulators.identity.grants import DEVICE_GRANT, GRANTS
from lcm_simulators.identity.issue import Answer
from lcm_simulators.identity.realm import Client, Realm, RealmFileError, load_realm
from lcm_simulators.identity.redirects import allowed, allowed_after_logout
from lcm_simulators.identity.store import Store
from lcm_simulators.identity.token_endpoints import live_token
from lcm_simulators.supervisor.spec import ServiceProcess

ADDRESS = "127.0.0.1"


@pytest.fixture(scope="module")
def provider() -> Provider:
    return shared("embedded")


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[ServiceProcess]:
    """A provider that one test may kill."""
    server = embedded_server(tmp_path)
    start(server)
    yield server
    server.kill()


def at(server: ServiceProcess) -> Provider:
    return Provider("embedded", f"http://{server.address}")


def test_sign_ins_keys_and_changed_users_survive_a_killed_process(own_server: ServiceProcess) -> None:
    provider, browser, pkce = at(own_server), Browser(), Pkce()
    tokens = provider.openid().token("user", "test")
    used = provider.openid().token("user", "test")
    newer = provider.openid().refresh_token(used["refresh_token"])
    browser.sign_in(provider.authorization_url(**pkce.parameters), "manager")
    user_id = provider.users().create_user({"username": "late", "enabled": True})
    provider.users().set_user_password(user_id, "kept", temporary=False)
    provider.users().delete_user(provider.users().get_user_id("user2") or "")
    provider.post("revoke", token=newer["access_token"])
    keys = provider.openid().certs()

    own_server.kill()
    start(own_server)

    assert provider.openid().certs() == keys
    assert provider.openid().userinfo(tokens["access_token"])["preferred_username"] == "user"
    assert provider.openid().refresh_token(tokens["refresh_token"])["access_token"]
    with pytest.raises(KeycloakPostError, match="Maximum allowed refresh token reuse exceeded"):
        provider.openid().refresh_token(used["refresh_token"])
    with pytest.raises(Exception, match="401"):
        provider.openid().userinfo(newer["access_token"])
    assert "code" in returned(browser.open(provider.authorization_url(**pkce.parameters, prompt="none")))
    assert provider.openid().token("late", "kept")["access_token"]
    assert provider.users().get_users({"username": "user2", "exact": True}) == []


async def test_the_process_ends_within_seconds_when_asked(tmp_path: Path) -> None:
    server = embedded_server(tmp_path)
    await server.start()
    pid = server.pid

    async with asyncio.timeout(5):
        await server.stop(grace_seconds=60)

    assert pid is not None
    assert not server.running


def test_passwords_set_later_are_stored_as_hashes(own_server: ServiceProcess) -> None:
    provider = at(own_server)
    user_id = provider.users().create_user({"username": "late", "enabled": True})
    provider.users().set_user_password(user_id, "a-password-to-look-for", temporary=False)

    stored = b"".join(path.read_bytes() for path in own_server.data_dir.rglob("*") if path.is_file())

    assert b"$argon2id$" in stored
    assert b"a-password-to-look-for" not in stored
    assert all(path.stat().st_mode & 0o077 == 0 for path in own_server.data_dir.glob("keys-*.json"))


def test_health_is_answered_as_by_keycloak_and_as_by_the_simulators(provider: Provider) -> None:
    for part in ("ready", "live", "started"):
        assert httpx.get(f"{provider.url}/health/{part}").json()["status"] == "UP"
    assert httpx.get(f"{provider.url}/health").json() == {"status": "ok", "simulator": "identity"}


def test_faults_can_be_switched_on_and_calls_are_in_the_journal(own_server: ServiceProcess) -> None:
    provider = at(own_server)
    fault = {"match": {"operation": "token"}, "kind": "status", "status": 503, "count": 1}
    assert httpx.put(f"{provider.url}/admin/faults", json=[fault]).status_code == 200

    assert provider.post("token", grant_type="client_credentials").status_code == 503
    assert provider.post("token", grant_type="client_credentials").status_code == 200

    entries = httpx.get(f"{provider.url}/admin/journal").json()["entries"]
    assert [entry["status"] for entry in entries if entry["operation"] == "token"] == [503, 200]


@pytest.mark.slow
def test_the_discovery_document_promises_nothing_that_keycloak_does_not(provider: Provider) -> None:
    real = keycloak_or_skip()

    ours = json.loads(json.dumps(provider.openid().well_known()).replace(provider.url, real.url))
    theirs = real.openid().well_known()

    for name, value in ours.items():
        if isinstance(value, list):
            assert set(value) <= set(theirs[name]), name
        elif isinstance(value, str):
            assert value == theirs[name], name


def test_the_code_of_a_terminal_can_be_typed(provider: Provider) -> None:
    # Not compared with Keycloak: 26.7.3 takes the form that it serves here for the request of a device and refuses it.
    pkce, browser = Pkce(), Browser()
    begun = provider.post("auth/device", CLI, scope="openid", **pkce.parameters).json()
    entry = browser.open(begun["verification_uri"])

    again = browser.submit(entry, device_user_code="AAAA-AAAA")
    assert "Invalid code" in text_of(again)
    form = browser.submit(again, device_user_code=begun["user_code"].lower().replace("-", ""))
    consent = browser.submit(form, username="user", password="test")
    browser.submit(consent, accept="Yes")

    answer = provider.post(
        "token", CLI, grant_type=DEVICE_GRANT, device_code=begun["device_code"], code_verifier=pkce.verifier
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("body", ["grant_type=password&grant_type=password", "x" * 70_000, "&".join(["a=b"] * 200)])
def test_a_form_that_repeats_a_field_or_is_huge_is_refused(provider: Provider, body: str) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    answer = httpx.post(f"{provider.endpoints}/token", content=body, headers=headers)

    assert answer.status_code in {400, 413}
    assert answer.json()["error"] == "invalid_request"


class World:
    """One realm in this process, on a clock that a test moves."""

    def __init__(self, folder: Path) -> None:
        self.seconds = 1_000_000.0
        self.store = Store(folder / "identity.db")
        self.realm = load_realm(REALM_FILE)
        self.context = RealmContext(self.realm, "http://provider", folder, self.store, now=lambda: self.seconds)

    def ask(self, grant_type: str, client_id: str = PORTAL[0], **form: str) -> Answer:
        client = self.realm.client(client_id)
        assert client is not None
        return GRANTS[grant_type](self.context, client, form, ADDRESS)

    def sign_in(self) -> Answer:
        return self.ask("password", username="user", password="test", scope="openid")

    def refresh(self, answer: Answer) -> Answer:
        return self.ask("refresh_token", refresh_token=str(answer["refresh_token"]))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()


def test_an_access_token_is_good_for_five_minutes(world: World) -> None:
    token = str(world.sign_in()["access_token"])

    world.seconds += 299
    assert live_token(world.context, token)[1].username == "user"
    world.seconds += 2
    with pytest.raises(ValueError, match="Token verification failed"):
        live_token(world.context, token)


def test_a_session_that_nobody_uses_ends_after_two_hours(world: World) -> None:
    answer = world.sign_in()
    world.seconds += 7100
    answer = world.refresh(answer)

    world.seconds += 7201

    with pytest.raises(OAuthError, match="Session not active"):
        world.refresh(answer)


def test_a_session_that_is_used_all_the_time_ends_after_twelve_hours(world: World) -> None:
    answer = world.sign_in()
    for _ in range(6):
        world.seconds += 7000
        answer = world.refresh(answer)
    assert answer["refresh_expires_in"] == 1200, "the token never outlives the session"

    world.seconds += 1201

    with pytest.raises(OAuthError, match="Session not active"):
        world.refresh(answer)


def test_sessions_that_are_over_are_removed_from_the_disk(world: World) -> None:
    for _ in range(3):
        world.sign_in()
    world.seconds += 43_201

    world.sign_in()

    assert len(list(world.store.all(f"{REALM}/session"))) == 1


def test_a_device_code_expires_after_ten_minutes(world: World) -> None:
    now = world.seconds
    device = DeviceCode("lcm-cli", "BBBB-CCCC", ("openid",), now + world.context.devices.lifespan)
    code = world.context.devices.hand_out(device, now)
    with pytest.raises(OAuthError, match="authorization_pending"):
        world.ask(DEVICE_GRANT, "lcm-cli", device_code=code)

    world.seconds += 601

    with pytest.raises(OAuthError, match="expired_token"):
        world.ask(DEVICE_GRANT, "lcm-cli", device_code=code)


def test_the_wait_after_wrong_passwords_grows_and_ends(world: World) -> None:
    attempts = LoginAttempts(world.realm)
    for _ in range(9):
        attempts.failed("someone", ADDRESS, world.seconds)
    assert not attempts.locked("someone", world.seconds)

    attempts.failed("someone", ADDRESS, world.seconds)

    assert attempts.locked("someone", world.seconds + 29)
    assert not attempts.locked("someone", world.seconds + 31)
    assert [wait_seconds(world.realm, count) for count in (9, 10, 19, 20, 1000)] == [0, 30, 30, 60, 300]


def test_a_day_later_old_failures_no_longer_count(world: World) -> None:
    attempts = LoginAttempts(world.realm)
    for _ in range(9):
        attempts.failed("someone", ADDRESS, world.seconds)

    attempts.failed("someone", ADDRESS, world.seconds + 86_400)

    assert not attempts.locked("someone", world.seconds + 86_400)


@pytest.mark.parametrize(
    ("pattern", "uri", "fits"),
    [
        ("http://app/cb", "http://app/cb", True),
        ("http://app/cb", "http://app/cb/", False),
        ("http://app/*", "http://app/any/where?x=1", True),
        ("http://app/*", "http://app", True),
        ("http://app/*", "http://app.evil/", False),
        ("http://app/*", "http://app@evil/", False),
        ("http://app/*", "http://app/../x", False),
        ("http://app/*", "http://app/x#fragment", False),
        ("http://app/*", "javascript:alert(1)", False),
        ("http://app/*", "http://app:bad/", False),
        ("http://127.0.0.1/*", "http://127.0.0.1:4711/done", True),
        ("http://127.0.0.1/*", "http://127.0.0.1.evil:4711/done", False),
        ("http://127.0.0.1/*", "https://127.0.0.1:4711/done", False),
        ("http://localhost/*", "http://localhost:4711/done", False),
    ],
)
def test_redirect_addresses_fit_exactly_or_below_a_star(pattern: str, uri: str, fits: bool) -> None:
    client = Client(client_id="c", redirect_uris=[pattern], standard_flow_enabled=True)

    assert allowed(client, uri) is fits


def test_the_console_of_this_run_is_a_redirect_address_of_confidential_clients_only() -> None:
    console = "http://127.0.0.1:40123"
    portal = Client(client_id="portal", standard_flow_enabled=True, attributes={"post.logout.redirect.uris": "+"})
    terminal = portal.model_copy(update={"public_client": True})

    assert allowed(portal, f"{console}/api/auth/callback", console)
    assert allowed_after_logout(portal, f"{console}/", console)
    assert not allowed(terminal, f"{console}/api/auth/callback", console)
    assert not allowed(portal, f"{console}4/api/auth/callback", console)


def test_codes_are_refused_after_a_minute(world: World) -> None:
    session = world.context.sessions.begin("someone", world.seconds, address=ADDRESS, browser=True)
    code = AuthorizationCode(
        PORTAL[0], CALLBACK, session.id, "chain", ("openid",), "", int(world.seconds), "", "", world.seconds + 60
    )
    text = world.context.codes.hand_out(code, world.seconds)
    world.seconds += 61

    with pytest.raises(OAuthError, match="Code not valid"):
        world.ask("authorization_code", code=text, redirect_uri=CALLBACK)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"users": [{"username": "x", "realmRoles": ["king"]}]}, "unknown roles"),
        ({"users": [{"username": "x", "groups": ["/kings"]}]}, "unknown groups"),
        ({"groups": [{"name": "x", "subGroups": [{"name": "y"}]}]}, "groups below it"),
        ({"roles": {"realm": [{"name": "x", "composites": {"realm": ["y"]}}]}}, "composite"),
        (
            {"clients": [{"clientId": "x", "protocolMappers": [{"name": "m", "protocolMapper": "z", "config": {}}]}]},
            "uses the mapper z",
        ),
        ({"accessTokenLifespan": 0}, "cannot be used"),
    ],
)
def test_a_realm_file_that_asks_for_what_the_provider_lacks_is_refused(
    tmp_path: Path, change: dict[str, object], complaint: str
) -> None:
    path = tmp_path / "realm.json"
    path.write_text(json.dumps({"realm": "r", **change}))

    with pytest.raises(RealmFileError, match=complaint):
        load_realm(path)


def test_ids_that_the_realm_file_leaves_out_are_the_same_at_each_start(tmp_path: Path) -> None:
    path = tmp_path / "realm.json"
    path.write_text(json.dumps({"realm": "r", "users": [{"username": "x"}], "groups": [{"name": "g"}]}))

    first, second = load_realm(path), load_realm(path)

    assert first == second
    assert first.users[0].id != first.groups[0].id


def test_the_projects_realm_file_has_every_role_account_and_protection() -> None:
    realm: Realm = load_realm(REALM_FILE)
    raw = json.loads(REALM_FILE.read_text())

    services = {"resource-scheduler", "worker-controller", "lablet-controller", "lds", "grading"}
    assert {role.name for role in realm.roles.realm} == {"admin", "manager", "user", "lab-author", *services}
    assert raw["bruteForceProtected"] is True
    assert raw["registrationAllowed"] is False
    assert realm.revoke_refresh_token
    for service in services:
        client = realm.client(f"lcm-{service}")
        assert client is not None
        assert (client.public_client, client.service_accounts_enabled) == (False, True)
        assert not client.standard_flow_enabled
        assert not client.direct_access_grants_enabled
    for name in (PORTAL[0], CLI[0]):
        client = realm.client(name)
        assert client is not None
        assert client.requires_pkce
    people = {user.username: user for user in realm.users if not user.service_account_client_id}
    assert set(people) == {"admin", "manager", "user", "author", "manager2", "user2"}
    assert {user.credentials[0].value for user in people.values()} == {"test"}
    departments = {name: user.attributes["department"][0] for name, user in people.items()}
    assert departments["manager"] == departments["user"] != departments["manager2"] == departments["user2"]
