"""Managing users with python-keycloak: the embedded provider and a real Keycloak answer alike."""

import time
import uuid
from collections.abc import Iterator

import httpx
import pytest
from identity_world import (
    CLI,
    PROVIDERS,
    REALM,
    Browser,
    Pkce,
    Provider,
    provider_of,
    returned,
    text_of,
)
from keycloak import KeycloakAdmin
from keycloak.exceptions import KeycloakGetError, KeycloakPostError


@pytest.fixture(scope="module", params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> Provider:
    return provider_of(request)


@pytest.fixture(scope="module")
def users(provider: Provider) -> KeycloakAdmin:
    return provider.users()


@pytest.fixture
def person(users: KeycloakAdmin) -> Iterator[tuple[str, str]]:
    """Id and name of a user who exists for one test; the password is `first`."""
    name = f"person-{uuid.uuid4().hex[:8]}"
    user_id = users.create_user(
        {
            "username": name,
            "email": f"{name}@lablets.example",
            "firstName": "Pat",
            "lastName": "Person",
            "enabled": True,
            "attributes": {"department": ["security"]},
            "groups": ["/users"],
            "credentials": [{"type": "password", "value": "first", "temporary": False}],
        }
    )
    yield user_id, name
    if users.get_users({"username": name, "exact": True}):
        users.delete_user(user_id)


def may_sign_in(provider: Provider, name: str, password: str) -> bool:
    answer = provider.post("token", CLI, grant_type="password", username=name, password=password)
    assert answer.status_code in {200, 400, 401}, answer.text
    return answer.status_code == 200


def test_a_new_user_has_the_roles_of_its_group(provider: Provider, person: tuple[str, str]) -> None:
    keycloak = provider.openid()

    claims = keycloak.decode_token(keycloak.token(person[1], "first")["access_token"])

    assert claims["sub"] == person[0]
    assert "user" in claims["realm_access"]["roles"]
    assert claims["department"] == "security"
    assert "lcm-api" in claims["aud"]


def test_users_are_found_by_name_address_and_part_of_them(users: KeycloakAdmin, person: tuple[str, str]) -> None:
    user_id, name = person

    assert users.get_user_id(name) == user_id
    assert [user["id"] for user in users.get_users({"email": f"{name}@lablets.example"})] == [user_id]
    assert [user["id"] for user in users.get_users({"search": name[:12]})] == [user_id]
    assert users.get_users({"search": "no such person"}) == []
    assert users.users_count({"search": name}) == 1
    found = users.get_user(user_id)
    assert (found["firstName"], found["attributes"]) == ("Pat", {"department": ["security"]})
    names = [user["username"] for user in users.get_users({})]
    assert names == sorted(names)
    assert not [one for one in names if one.startswith("service-account")]
    assert len(users.get_users({"first": 1, "max": 2})) == 2


def test_a_user_name_and_an_address_belong_to_one_user(users: KeycloakAdmin, person: tuple[str, str]) -> None:
    for taken in ({"username": person[1].upper()}, {"username": "other", "email": f"{person[1]}@lablets.example"}):
        with pytest.raises(KeycloakPostError) as refused:
            users.create_user(taken)
        assert refused.value.response_code == 409


def test_a_disabled_user_can_neither_sign_in_nor_go_on(
    provider: Provider, users: KeycloakAdmin, person: tuple[str, str]
) -> None:
    tokens = provider.openid().token(person[1], "first")

    users.update_user(person[0], {"enabled": False})

    assert not may_sign_in(provider, person[1], "first")
    with pytest.raises(KeycloakPostError):
        provider.openid().refresh_token(tokens["refresh_token"])
    assert users.get_user(person[0])["firstName"] == "Pat", "what the change did not name stays"


def test_a_reset_password_replaces_the_old_one(
    provider: Provider, users: KeycloakAdmin, person: tuple[str, str]
) -> None:
    users.set_user_password(person[0], "second", temporary=False)

    assert may_sign_in(provider, person[1], "second")
    assert not may_sign_in(provider, person[1], "first")


def test_a_temporary_password_must_be_changed_at_the_first_sign_in(
    provider: Provider, users: KeycloakAdmin, person: tuple[str, str]
) -> None:
    users.set_user_password(person[0], "once", temporary=True)
    assert not may_sign_in(provider, person[1], "once")
    browser = Browser()

    page = browser.follow(browser.sign_in(provider.authorization_url(**Pkce().parameters), person[1], "once"))
    again = browser.submit(page, **{"password-new": "mine", "password-confirm": "other"})
    assert "Passwords don't match." in text_of(again)
    answer = browser.submit(again, **{"password-new": "mine", "password-confirm": "mine"})

    assert "code" in returned(answer)
    assert may_sign_in(provider, person[1], "mine")


def test_sessions_are_listed_and_ended_one_by_one_or_all_together(
    provider: Provider, users: KeycloakAdmin, person: tuple[str, str]
) -> None:
    keycloak = provider.openid()
    first, second, third = (keycloak.token(person[1], "first") for _ in range(3))
    sessions = users.get_sessions(person[0])
    assert {session["id"] for session in sessions} == {one["session_state"] for one in (first, second, third)}
    assert {tuple(session["clients"].values()) for session in sessions} == {("portal-web-app",)}

    end_session(provider, users, first["session_state"])

    with pytest.raises(KeycloakPostError, match="Session not active"):
        keycloak.refresh_token(first["refresh_token"])
    second = keycloak.refresh_token(second["refresh_token"])
    users.user_logout(person[0])
    assert users.get_sessions(person[0]) == []
    for tokens in (second, third):
        with pytest.raises(KeycloakPostError, match="Session not active"):
            keycloak.refresh_token(tokens["refresh_token"])


def end_session(provider: Provider, users: KeycloakAdmin, session_id: str) -> None:
    """python-keycloak has no call for this one."""
    users.connection.refresh_token()
    token = users.connection.token["access_token"]
    url = f"{provider.url}/admin/realms/{REALM}/sessions/{session_id}"
    assert httpx.delete(url, headers={"Authorization": f"Bearer {token}"}).status_code == 204


def test_a_role_can_be_given_and_taken(provider: Provider, users: KeycloakAdmin, person: tuple[str, str]) -> None:
    roles = {role["name"]: role for role in provider.master().get_realm_roles()}
    assert set(roles) >= {"admin", "manager", "user", "lab-author", "lds", "grading", "worker-controller"}

    users.assign_realm_roles(person[0], [roles["lab-author"]])

    assert "lab-author" in roles_in_token(provider, person[1])
    assert "lab-author" in {role["name"] for role in users.get_realm_roles_of_user(person[0])}
    users.delete_realm_roles_of_user(person[0], [roles["lab-author"]])
    assert "lab-author" not in roles_in_token(provider, person[1])


def test_a_user_can_change_groups(provider: Provider, users: KeycloakAdmin, person: tuple[str, str]) -> None:
    groups = {group["name"]: group["id"] for group in users.get_groups()}
    assert set(groups) == {"administrators", "managers", "users", "lab-authors"}
    assert [group["path"] for group in users.get_user_groups(person[0])] == ["/users"]

    users.group_user_add(person[0], groups["managers"])
    users.group_user_remove(person[0], groups["users"])

    roles = roles_in_token(provider, person[1])
    assert "manager" in roles
    assert "user" not in roles


def roles_in_token(provider: Provider, username: str) -> list[str]:
    keycloak = provider.openid()
    claims = keycloak.decode_token(keycloak.token(username, "first")["access_token"])
    roles: list[str] = claims["realm_access"]["roles"]
    return roles


def test_a_deleted_user_is_gone_with_all_sessions(
    provider: Provider, users: KeycloakAdmin, person: tuple[str, str]
) -> None:
    tokens = provider.openid().token(person[1], "first")

    users.delete_user(person[0])

    assert not may_sign_in(provider, person[1], "first")
    with pytest.raises(KeycloakPostError):
        provider.openid().refresh_token(tokens["refresh_token"])
    with pytest.raises(KeycloakGetError) as missing:
        users.get_user(person[0])
    assert missing.value.response_code == 404


def test_after_ten_wrong_passwords_the_right_one_does_not_help_until_the_lock_is_lifted(
    provider: Provider, users: KeycloakAdmin, person: tuple[str, str]
) -> None:
    user_id, name = person
    deadline = time.monotonic() + 30
    # Keycloak does not count a try that comes while it is still busy with the one before.
    while not users.get_bruteforce_detection_status(user_id)["disabled"]:
        assert time.monotonic() < deadline, "wrong passwords lock nobody out"
        assert not may_sign_in(provider, name, "wrong")
    assert users.get_bruteforce_detection_status(user_id)["numFailures"] == 10

    assert not may_sign_in(provider, name, "first")
    form = Browser().sign_in(provider.authorization_url(**Pkce().parameters), name, "first")
    assert form.status_code == 200
    assert "Invalid username or password." in text_of(form)

    users.clear_bruteforce_attempts_for_user(user_id)
    while not may_sign_in(provider, name, "first"):
        assert time.monotonic() < deadline, "the lock was lifted, and the right password does not help"


@pytest.mark.parametrize(
    ("path", "status"), [("users", 403), ("users/count", 403), ("roles", 403), ("keys", 403), ("clients", 403)]
)
def test_a_service_account_without_the_role_manages_nothing(provider: Provider, path: str, status: int) -> None:
    token = provider.openid(("lcm-lds", "lcm-lds-dev-secret")).token(grant_type="client_credentials")["access_token"]
    url = f"{provider.url}/admin/realms/{REALM}/{path}"

    assert httpx.get(url, headers={"Authorization": f"Bearer {token}"}).status_code == status
    assert httpx.get(url, headers={"Authorization": "Bearer junk"}).status_code == 401
    assert httpx.get(url).status_code == 401


def test_the_service_account_of_the_console_manages_users_and_nothing_else(provider: Provider) -> None:
    token = provider.openid().token(grant_type="client_credentials")["access_token"]
    base = f"{provider.url}/admin/realms/{REALM}"

    claims = provider.openid().decode_token(token)
    assert set(claims["resource_access"]["realm-management"]["roles"]) >= {"manage-users", "view-users"}
    for path, status in [("users", 200), ("groups", 200), ("keys", 403), ("clients", 403)]:
        assert httpx.get(f"{base}/{path}", headers={"Authorization": f"Bearer {token}"}).status_code == status
