"""Tokens for people and services: the embedded provider and a real Keycloak answer alike."""

import base64
import hashlib

import httpx
import pytest
from identity_world import API, CLI, PORTAL, PROVIDERS, Provider, provider_of
from keycloak.exceptions import KeycloakAuthenticationError, KeycloakPostError
from pydantic import SecretStr

from control_plane_api.application.errors import UnauthenticatedError
from control_plane_api.infrastructure.identity.passwords import PasswordCheck
from lcm_core.clients.errors import Forbidden
from lcm_core.security.tokens import ClientCredentials
from lcm_core.security.verification import InvalidToken, TokenVerifier

PEOPLE = [
    ("admin", "admin", "networking"),
    ("manager", "manager", "networking"),
    ("user", "user", "networking"),
    ("author", "lab-author", "networking"),
    ("manager2", "manager", "security"),
    ("user2", "user", "security"),
]
SERVICES = ["resource-scheduler", "worker-controller", "lablet-controller", "lds", "grading"]


class HandClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture(scope="module", params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> Provider:
    return provider_of(request)


def verifier(provider: Provider, http: httpx.AsyncClient, audience: str = "lcm-api") -> TokenVerifier:
    return TokenVerifier(issuer=provider.issuer, audience=audience, jwks_url=f"{provider.endpoints}/certs", http=http)


def test_the_discovery_document_names_the_endpoints_where_they_are(provider: Provider) -> None:
    document = provider.openid().well_known()

    assert document["issuer"] == provider.issuer
    expected = {
        "authorization_endpoint": "auth",
        "token_endpoint": "token",
        "jwks_uri": "certs",
        "userinfo_endpoint": "userinfo",
        "introspection_endpoint": "token/introspect",
        "revocation_endpoint": "revoke",
        "end_session_endpoint": "logout",
        "device_authorization_endpoint": "auth/device",
    }
    assert {name: document[name] for name in expected} == {
        name: f"{provider.endpoints}/{path}" for name, path in expected.items()
    }


@pytest.mark.parametrize(("username", "role", "department"), PEOPLE)
def test_a_password_gives_a_token_with_role_and_department(
    provider: Provider, username: str, role: str, department: str
) -> None:
    keycloak = provider.openid()

    claims = keycloak.decode_token(keycloak.token(username, "test")["access_token"])

    assert claims["iss"] == provider.issuer
    assert claims["aud"] == "lcm-api"
    assert claims["azp"] == "portal-web-app"
    assert claims["typ"] == "Bearer"
    assert claims["sub"]
    assert claims["sid"]
    assert claims["exp"] - claims["iat"] == 300
    assert claims["preferred_username"] == username
    assert claims["email"] == f"{username}@lablets.example"
    assert claims["name"] == f"{claims['given_name']} {claims['family_name']}"
    assert claims["realm_access"]["roles"] == [role]
    assert claims["department"] == department
    assert set(claims["scope"].split()) == {"openid", "email", "profile"}
    assert "resource_access" not in claims


def test_a_person_may_sign_in_with_the_e_mail_address_too(provider: Provider) -> None:
    keycloak = provider.openid()

    claims = keycloak.decode_token(keycloak.token("User@Lablets.example", "test")["access_token"])

    assert claims["preferred_username"] == "user"


def test_the_answer_of_the_token_endpoint_is_that_of_keycloak(provider: Provider) -> None:
    answer = provider.post("token", grant_type="password", username="user", password="test", scope="openid")

    body = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert (body["expires_in"], body["token_type"], body["not-before-policy"]) == (300, "Bearer", 0)
    assert body["refresh_expires_in"] in {7199, 7200}, "the session may have begun at the end of a second"
    assert set(body["scope"].split()) == {"openid", "email", "profile"}
    assert set(body) >= {"scope", "access_token", "refresh_token", "id_token", "session_state"}


def test_without_the_scope_openid_there_is_no_id_token(provider: Provider) -> None:
    body = provider.post("token", grant_type="password", username="user", password="test").json()

    assert "id_token" not in body
    assert set(body["scope"].split()) == {"email", "profile"}


def test_the_id_token_is_for_the_client_and_vouches_for_the_access_token(provider: Provider) -> None:
    keycloak = provider.openid()
    tokens = keycloak.token("manager", "test")

    claims = keycloak.decode_token(tokens["id_token"])

    half = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    assert claims["aud"] == "portal-web-app"
    assert claims["typ"] == "ID"
    assert claims["at_hash"] == base64.urlsafe_b64encode(half).rstrip(b"=").decode()
    assert claims["sid"] == tokens["session_state"]
    assert "realm_access" not in claims


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_signs_in_with_an_account_of_its_own(provider: Provider, service: str) -> None:
    keycloak = provider.openid((f"lcm-{service}", f"lcm-{service}-dev-secret"))

    answer = keycloak.token(grant_type="client_credentials")

    claims = keycloak.decode_token(answer["access_token"])
    assert claims["realm_access"]["roles"] == [service]
    assert claims["preferred_username"] == f"service-account-lcm-{service}"
    assert claims["azp"] == f"lcm-{service}"
    assert claims["aud"] == "lcm-api"
    assert "sid" not in claims
    assert "refresh_token" not in answer


@pytest.mark.parametrize(
    ("username", "password"), [("user", "wrong"), ("user", ""), ("nobody", "guess"), ("service-account-lcm-lds", "")]
)
def test_a_wrong_password_and_an_unknown_user_are_refused_alike(
    provider: Provider, username: str, password: str
) -> None:
    answer = provider.post("token", grant_type="password", username=username, password=password)

    assert answer.status_code in {400, 401}
    assert answer.json() == {"error": "invalid_grant", "error_description": "Invalid user credentials"}


def test_python_keycloak_sees_a_wrong_client_secret_as_failed_authentication(provider: Provider) -> None:
    with pytest.raises(KeycloakAuthenticationError) as refused:
        provider.openid((PORTAL[0], "wrong")).token("user", "test")

    assert refused.value.response_code == 401


def test_a_client_may_name_itself_by_http_basic(provider: Provider) -> None:
    url = f"{provider.endpoints}/token"
    form = {"grant_type": "client_credentials"}

    assert httpx.post(url, data=form, auth=httpx.BasicAuth(*PORTAL)).status_code == 200
    assert httpx.post(url, data=form, auth=httpx.BasicAuth(PORTAL[0], "wrong")).status_code == 401


@pytest.mark.parametrize(
    ("client", "form", "status", "error"),
    [
        (("nobody", "x"), {"grant_type": "client_credentials"}, 401, "invalid_client"),
        (API, {"grant_type": "client_credentials"}, 401, "unauthorized_client"),
        (CLI, {"grant_type": "client_credentials"}, 401, "unauthorized_client"),
        (API, {"grant_type": "password", "username": "user", "password": "test"}, 400, "unauthorized_client"),
        (PORTAL, {}, 400, "invalid_request"),
        (PORTAL, {"grant_type": "magic"}, 400, "unsupported_grant_type"),
        (PORTAL, {"grant_type": "refresh_token"}, 400, "invalid_request"),
        (PORTAL, {"grant_type": "refresh_token", "refresh_token": "junk"}, 400, "invalid_grant"),
        (PORTAL, {"grant_type": "authorization_code"}, 400, "invalid_request"),
        (
            PORTAL,
            {"grant_type": "password", "username": "user", "password": "test", "scope": "openid everything"},
            400,
            "invalid_scope",
        ),
    ],
)
def test_what_a_client_may_not_do_is_refused_with_the_error_of_keycloak(
    provider: Provider, client: tuple[str, str], form: dict[str, str], status: int, error: str
) -> None:
    answer = provider.post("token", client, **form)

    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_each_refresh_token_is_good_once_and_a_second_use_ends_the_sign_in(provider: Provider) -> None:
    keycloak = provider.openid()
    first = keycloak.token("user", "test")
    second = keycloak.refresh_token(first["refresh_token"])
    assert second["refresh_token"] != first["refresh_token"]
    assert second["session_state"] == first["session_state"]

    with pytest.raises(KeycloakPostError, match="Maximum allowed refresh token reuse exceeded"):
        keycloak.refresh_token(first["refresh_token"])

    with pytest.raises(KeycloakPostError, match="have required client"):
        keycloak.refresh_token(second["refresh_token"])
    with pytest.raises(KeycloakAuthenticationError):
        keycloak.userinfo(second["access_token"])


def test_a_client_cannot_use_the_refresh_token_of_another(provider: Provider) -> None:
    token = provider.openid().token("user", "test")["refresh_token"]

    answer = provider.post("token", CLI, grant_type="refresh_token", refresh_token=token)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert provider.openid().refresh_token(token)["access_token"]


def test_an_access_token_does_not_pass_for_a_refresh_token(provider: Provider) -> None:
    token = provider.openid().token("user", "test")["access_token"]

    answer = provider.post("token", grant_type="refresh_token", refresh_token=token)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_logout_ends_every_token_of_the_session(provider: Provider) -> None:
    keycloak = provider.openid()
    tokens, other = keycloak.token("user", "test"), keycloak.token("user", "test")

    keycloak.logout(tokens["refresh_token"])

    with pytest.raises(KeycloakPostError, match="Session not active"):
        keycloak.refresh_token(tokens["refresh_token"])
    with pytest.raises(KeycloakAuthenticationError):
        keycloak.userinfo(tokens["access_token"])
    assert provider.openid(API).introspect(tokens["access_token"]) == {"active": False}
    assert keycloak.refresh_token(other["refresh_token"])["access_token"], "another sign-in of the same user goes on"


def test_userinfo_tells_who_a_token_speaks_for(provider: Provider) -> None:
    keycloak = provider.openid()

    known = keycloak.userinfo(keycloak.token("manager2", "test")["access_token"])

    assert known["preferred_username"] == "manager2"
    assert known["email"] == "manager2@lablets.example"
    assert known["department"] == "security"
    assert "realm_access" not in known


def test_userinfo_wants_a_token_with_the_scope_openid(provider: Provider) -> None:
    token = provider.post("token", grant_type="password", username="user", password="test").json()["access_token"]
    url = f"{provider.endpoints}/userinfo"

    assert httpx.get(url, headers={"Authorization": f"Bearer {token}"}).status_code == 403
    assert httpx.get(url, headers={"Authorization": "Bearer junk"}).status_code == 401
    nobody = httpx.get(url)
    assert nobody.status_code == 401
    assert nobody.headers["www-authenticate"].startswith("Bearer")


def test_introspection_tells_the_audience_of_a_token_and_nobody_else(provider: Provider) -> None:
    token = provider.openid().token("admin", "test")["access_token"]

    seen = provider.openid(API).introspect(token)

    assert seen["active"] is True
    assert (seen["username"], seen["client_id"], seen["token_type"]) == ("admin", "portal-web-app", "Bearer")
    assert seen["realm_access"]["roles"] == ["admin"]
    assert provider.openid(("lcm-lds", "lcm-lds-dev-secret")).introspect(token) == {"active": False}
    assert provider.openid(API).introspect("junk") == {"active": False}
    assert provider.post("token/introspect", CLI, token=token).status_code == 403
    assert provider.post("token/introspect", (API[0], "wrong"), token=token).status_code == 401


def test_a_revoked_refresh_token_takes_its_session_along(provider: Provider) -> None:
    keycloak = provider.openid()
    tokens = keycloak.token("user", "test")

    assert provider.post("revoke", token=tokens["refresh_token"]).status_code == 200

    with pytest.raises(KeycloakPostError, match="Session not active"):
        keycloak.refresh_token(tokens["refresh_token"])
    assert provider.openid(API).introspect(tokens["access_token"]) == {"active": False}


def test_a_revoked_access_token_is_good_for_nothing_and_its_session_goes_on(provider: Provider) -> None:
    keycloak = provider.openid()
    tokens = keycloak.token("user", "test")

    assert provider.post("revoke", token=tokens["access_token"]).status_code == 200

    assert provider.openid(API).introspect(tokens["access_token"]) == {"active": False}
    assert keycloak.refresh_token(tokens["refresh_token"])["access_token"]


def test_a_client_cannot_revoke_the_tokens_of_another(provider: Provider) -> None:
    tokens = provider.openid().token("user", "test")

    assert provider.post("revoke", CLI, token=tokens["refresh_token"]).status_code == 400

    assert provider.openid().refresh_token(tokens["refresh_token"])["access_token"]


async def test_the_platform_verifies_tokens_by_the_published_keys(provider: Provider) -> None:
    token = provider.openid().token("manager2", "test")["access_token"]
    async with httpx.AsyncClient() as http:
        principal = await verifier(provider, http).verify(token)
        with pytest.raises(InvalidToken):
            await verifier(provider, http, audience="another-api").verify(token)
        head, claims, signature = token.split(".")
        with pytest.raises(InvalidToken):
            await verifier(provider, http).verify(f"{head}.{claims}.{signature[::-1]}")

    assert (principal.username, principal.department, principal.client_id) == (
        "manager2",
        "security",
        "portal-web-app",
    )
    assert principal.roles == {"manager"}


async def test_a_controller_obtains_its_token_and_a_wrong_secret_is_forbidden(provider: Provider) -> None:
    async with httpx.AsyncClient() as http:

        def source(secret: str) -> ClientCredentials:
            return ClientCredentials(f"{provider.endpoints}/token", "lcm-worker-controller", SecretStr(secret), http)

        token = await source("lcm-worker-controller-dev-secret").token()
        with pytest.raises(Forbidden):
            await source("wrong").token()
        principal = await verifier(provider, http).verify(token)

    assert principal.client_id == "lcm-worker-controller"
    assert principal.roles == {"worker-controller"}


async def test_the_control_plane_checks_passwords(provider: Provider) -> None:
    async with httpx.AsyncClient() as http:
        check = PasswordCheck(
            f"{provider.endpoints}/token", PORTAL[0], SecretStr(PORTAL[1]), http, verifier(provider, http)
        )
        principal = await check.check("author", SecretStr("test"))
        with pytest.raises(UnauthenticatedError):
            await check.check("author", SecretStr("wrong"))
        await check.check("author", SecretStr("test"))

    assert principal.username == "author"
    assert principal.roles == {"lab-author"}


async def test_after_a_rotation_new_and_old_tokens_are_verified_without_a_restart(provider: Provider) -> None:
    keycloak, clock = provider.openid(), HandClock()
    old = keycloak.token("user", "test")["access_token"]
    before = {key["kid"] for key in keycloak.certs()["keys"]}
    async with httpx.AsyncClient() as http:
        verify = TokenVerifier(
            issuer=provider.issuer,
            audience="lcm-api",
            jwks_url=f"{provider.endpoints}/certs",
            http=http,
            clock=clock,  # type: ignore[arg-type]  # only its monotonic time is asked for
        )
        await verify.verify(old)

        rotate_keys(provider)

        new = keycloak.token("user", "test")["access_token"]
        clock.seconds += 60
        assert (await verify.verify(new)).username == "user"
        assert (await verify.verify(old)).username == "user"
    after = {key["kid"] for key in keycloak.certs()["keys"]}
    assert len(after - before) == 1
    assert before <= after


def rotate_keys(provider: Provider) -> None:
    """What an administrator does: add a key provider of a higher priority."""
    master = provider.master()
    keys = [name for name in master.get_keys()["keys"] if name["type"] == "RSA"]
    master.create_component(
        {
            "name": "rotated",
            "providerId": "rsa-generated",
            "providerType": "org.keycloak.keys.KeyProvider",
            "config": {"priority": [str(100 + len(keys))], "algorithm": ["RS256"]},
        }
    )
