"""Signing in by browser and by device: the embedded provider and a real Keycloak answer alike."""

import time

import httpx
import pytest
from identity_world import (
    CALLBACK,
    CLI,
    PORTAL,
    PROVIDERS,
    Browser,
    Pkce,
    Provider,
    provider_of,
    returned,
    text_of,
)
from keycloak.exceptions import KeycloakAuthenticationError, KeycloakPostError

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
LEAVE = "http://127.0.0.1:8000/"


@pytest.fixture(scope="module", params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> Provider:
    return provider_of(request)


def exchange(provider: Provider, code: str, pkce: Pkce, /, **changes: str) -> httpx.Response:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": pkce.verifier,
        **changes,
    }
    return provider.post("token", **{name: value for name, value in form.items() if value})


def code_of(provider: Provider, pkce: Pkce, browser: Browser | None = None) -> str:
    answer = (browser or Browser()).sign_in(provider.authorization_url(**pkce.parameters), "user")
    return returned(answer)["code"]


def test_a_person_signs_in_and_the_application_gets_tokens_for_the_code(provider: Provider) -> None:
    pkce, browser = Pkce(), Browser()

    answer = browser.sign_in(provider.authorization_url(**pkce.parameters), "manager")

    parameters = returned(answer)
    assert answer.headers["location"].startswith(CALLBACK)
    assert parameters["state"] == "the-state"
    assert parameters["iss"] == provider.issuer
    tokens = exchange(provider, parameters["code"], pkce).json()
    keycloak = provider.openid()
    identity, access = keycloak.decode_token(tokens["id_token"]), keycloak.decode_token(tokens["access_token"])
    assert identity["nonce"] == "the-nonce"
    assert identity["aud"] == "portal-web-app"
    assert identity["sid"] == access["sid"] == parameters["session_state"]
    assert identity["auth_time"] <= identity["iat"]
    assert access["realm_access"]["roles"] == ["manager"]
    refreshed = keycloak.refresh_token(tokens["refresh_token"])
    assert "nonce" not in keycloak.decode_token(refreshed["id_token"])


def test_python_keycloak_carries_out_the_code_flow(provider: Provider) -> None:
    pkce, keycloak = Pkce(), provider.openid()
    url = keycloak.auth_url(redirect_uri=CALLBACK, scope="openid", state="s", nonce="n")

    code = returned(Browser().sign_in(f"{url}&{httpx.QueryParams(pkce.parameters)}", "author"))["code"]

    tokens = keycloak.token(
        grant_type="authorization_code", code=code, redirect_uri=CALLBACK, code_verifier=pkce.verifier
    )
    assert keycloak.userinfo(tokens["access_token"])["preferred_username"] == "author"


def test_a_wrong_password_shows_the_form_again_and_the_right_one_goes_on(provider: Provider) -> None:
    browser, pkce = Browser(), Pkce()
    url = provider.authorization_url(**pkce.parameters)

    again = browser.sign_in(url, "user", "wrong")

    assert again.status_code == 200
    assert "Invalid username or password." in text_of(again)
    assert "code" in returned(browser.sign_in_after_failure(again, username="user", password="test"))


def test_the_form_of_one_browser_cannot_be_sent_by_another(provider: Provider) -> None:
    page = Browser().open(provider.authorization_url(**Pkce().parameters))

    answer = Browser().submit(page, username="user", password="test")

    assert answer.status_code == 400
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": ""}, "PKCE code verifier not specified"),
        ({"code_verifier": "v" * 43}, "PKCE verification failed: Code mismatch"),
        ({"code_verifier": "short"}, "PKCE verification failed: Invalid code verifier"),
        ({"redirect_uri": f"{CALLBACK}/other"}, "Incorrect redirect_uri"),
        ({"code": "junk"}, "Code not valid"),
    ],
)
def test_a_code_is_worth_nothing_without_what_belongs_to_it(
    provider: Provider, changes: dict[str, str], error: str
) -> None:
    pkce = Pkce()
    code = code_of(provider, pkce)

    refused = exchange(provider, code, pkce, **changes)

    assert (refused.status_code, refused.json()) == (400, {"error": "invalid_grant", "error_description": error})
    if "code" not in changes:
        assert exchange(provider, code, pkce).json()["error_description"] == "Code not valid", "the code is used up"


def test_another_client_cannot_exchange_a_code(provider: Provider) -> None:
    pkce = Pkce()
    form = {"code": code_of(provider, pkce), "redirect_uri": CALLBACK, "code_verifier": pkce.verifier}

    refused = provider.post("token", CLI, grant_type="authorization_code", **form)

    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


def test_a_code_that_is_presented_twice_takes_back_the_tokens_it_gave(provider: Provider) -> None:
    pkce = Pkce()
    code = code_of(provider, pkce)
    tokens = exchange(provider, code, pkce).json()

    assert exchange(provider, code, pkce).json()["error"] == "invalid_grant"

    with pytest.raises(KeycloakPostError):
        provider.openid().refresh_token(tokens["refresh_token"])
    with pytest.raises(KeycloakAuthenticationError):
        provider.openid().userinfo(tokens["access_token"])


@pytest.mark.parametrize(
    ("changes", "error", "description"),
    [
        ({"code_challenge_method": ""}, "invalid_request", "Missing parameter: code_challenge_method"),
        (
            {"code_challenge_method": "plain"},
            "invalid_request",
            "Invalid parameter: code challenge method is not matching the configured one",
        ),
        ({"code_challenge": "short"}, "invalid_request", "Invalid parameter: code_challenge"),
        ({"response_type": ""}, "invalid_request", "Missing parameter: response_type"),
        ({"response_type": "magic"}, "unsupported_response_type", ""),
        ({"response_mode": "magic"}, "invalid_request", "Invalid parameter: response_mode"),
        ({"scope": "openid everything"}, "invalid_scope", "Invalid scopes: openid everything"),
        ({"prompt": "none"}, "login_required", ""),
    ],
)
def test_a_faulty_request_is_reported_to_the_application(
    provider: Provider, changes: dict[str, str], error: str, description: str
) -> None:
    answer = Browser().open(provider.authorization_url(**{**Pkce().parameters, **changes}))

    parameters = returned(answer)
    assert answer.headers["location"].startswith(CALLBACK)
    assert (parameters["error"], parameters.get("error_description", "")) == (error, description)
    assert parameters["state"] == "the-state"
    assert "code" not in parameters


def test_the_implicit_flow_is_off(provider: Provider) -> None:
    answer = Browser().open(provider.authorization_url(**Pkce().parameters, response_type="token"))

    assert answer.headers["location"].startswith(f"{CALLBACK}#")
    assert returned(answer)["error"] == "unauthorized_client"


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "http://evil.example/callback"},
        {"redirect_uri": "http://127.0.0.1:8000.evil.example/callback"},
        {"redirect_uri": "http://127.0.0.1:8000@evil.example/callback"},
        {"redirect_uri": "http://127.0.0.1:9999/callback"},
        {"redirect_uri": ""},
        {"client_id": "nobody"},
        {"client_id": ""},
        {"client_id": "lcm-lds"},
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_the_clients_own(provider: Provider, changes: dict[str, str]) -> None:
    answer = Browser().open(provider.authorization_url(**{**Pkce().parameters, **changes}))

    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_a_command_line_may_listen_at_any_port_of_the_loopback_address(provider: Provider) -> None:
    url = provider.authorization_url(
        **Pkce().parameters, client_id="lcm-cli", redirect_uri="http://127.0.0.1:54321/done"
    )

    answer = Browser().sign_in(url, "user")

    assert answer.headers["location"].startswith("http://127.0.0.1:54321/done?")
    assert "code" in returned(answer)


def test_a_signed_in_person_needs_no_password_the_next_time(provider: Provider) -> None:
    browser, pkce = Browser(), Pkce()
    first = returned(browser.sign_in(provider.authorization_url(**pkce.parameters), "user"))

    silent = returned(browser.open(provider.authorization_url(**pkce.parameters, prompt="none")))

    assert silent["session_state"] == first["session_state"]
    assert exchange(provider, silent["code"], pkce).status_code == 200


def test_an_application_can_ask_for_the_password_again(provider: Provider) -> None:
    browser, pkce = Browser(), Pkce()
    first = returned(browser.sign_in(provider.authorization_url(**pkce.parameters), "user"))

    page = browser.open(provider.authorization_url(**pkce.parameters, prompt="login"))

    assert page.status_code == 200
    assert "user" in page.text
    wrong = browser.submit(page, password="wrong")
    assert wrong.status_code == 200
    right = browser.sign_in_after_failure(wrong, password="test")
    assert returned(right)["session_state"] == first["session_state"]


def test_an_application_can_ask_for_a_recent_sign_in(provider: Provider) -> None:
    browser, pkce = Browser(), Pkce()
    browser.sign_in(provider.authorization_url(**pkce.parameters), "user")

    long_enough = browser.open(provider.authorization_url(**pkce.parameters, max_age="1000"))

    assert "code" in returned(long_enough)
    deadline = time.monotonic() + 10
    while browser.open(provider.authorization_url(**pkce.parameters, max_age="0")).status_code != 200:
        assert time.monotonic() < deadline, "a sign-in of a second ago still passes for one of this second"
        time.sleep(0.1)


def test_the_answer_can_travel_in_a_form(provider: Provider) -> None:
    answer = Browser().sign_in(provider.authorization_url(**Pkce().parameters, response_mode="form_post"), "user")

    page = answer.text.lower()
    assert answer.status_code == 200
    assert f'action="{CALLBACK}"' in page
    assert 'name="code"' in page
    assert 'value="the-state"' in page


def test_leaving_with_the_id_token_ends_the_session_and_returns_to_the_application(provider: Provider) -> None:
    browser, pkce = Browser(), Pkce()
    tokens = exchange(provider, code_of(provider, pkce, browser), pkce).json()
    query = httpx.QueryParams(id_token_hint=tokens["id_token"], post_logout_redirect_uri=LEAVE, state="bye")

    answer = browser.open(f"{provider.endpoints}/logout?{query}")

    assert answer.headers["location"] == f"{LEAVE}?state=bye"
    silent = returned(browser.open(provider.authorization_url(**pkce.parameters, prompt="none")))
    assert silent["error"] == "login_required"
    with pytest.raises(KeycloakPostError, match="Session not active"):
        provider.openid().refresh_token(tokens["refresh_token"])


def test_a_person_who_comes_without_the_id_token_is_asked_before_leaving(provider: Provider) -> None:
    browser, pkce = Browser(), Pkce()
    tokens = exchange(provider, code_of(provider, pkce, browser), pkce).json()
    query = httpx.QueryParams(client_id=PORTAL[0], post_logout_redirect_uri=LEAVE)

    page = browser.open(f"{provider.endpoints}/logout?{query}")

    assert page.status_code == 200
    assert provider.openid().userinfo(tokens["access_token"]), "still signed in"
    assert browser.submit(page, confirmLogout="Logout").headers["location"] == LEAVE
    silent = returned(browser.open(provider.authorization_url(**pkce.parameters, prompt="none")))
    assert silent["error"] == "login_required"


def test_leaving_never_leads_to_a_foreign_address(provider: Provider) -> None:
    tokens = provider.openid().token("user", "test")
    query = httpx.QueryParams(id_token_hint=tokens["id_token"], post_logout_redirect_uri="http://evil.example/")

    answer = Browser().open(f"{provider.endpoints}/logout?{query}")

    assert answer.status_code == 400
    assert "location" not in answer.headers


def begin_device(provider: Provider, pkce: Pkce) -> dict[str, str]:
    answer = provider.post("auth/device", CLI, scope="openid", **pkce.parameters)
    assert answer.status_code == 200, answer.text
    begun: dict[str, str] = answer.json()
    return begun


def device_tokens(provider: Provider, begun: dict[str, str], pkce: Pkce) -> httpx.Response:
    return provider.post(
        "token",
        CLI,
        grant_type=DEVICE_GRANT,
        device_code=begun["device_code"],
        code_verifier=pkce.verifier,
    )


def test_a_terminal_gets_tokens_after_its_person_signed_in_elsewhere_and_agreed(provider: Provider) -> None:
    pkce, browser = Pkce(), Browser()
    begun = begin_device(provider, pkce)
    assert begun["verification_uri"] == f"{provider.issuer}/device"
    assert (begun["expires_in"], begun["interval"]) == (600, 5)

    form = browser.follow(browser.open(begun["verification_uri_complete"]))
    consent = browser.follow(browser.submit(form, username="admin", password="test"))
    done = browser.follow(browser.submit(consent, accept="Yes"))

    assert "Device Login Successful" in text_of(done)
    tokens = device_tokens(provider, begun, pkce).json()
    claims = provider.openid(CLI).decode_token(tokens["access_token"])
    assert (claims["preferred_username"], claims["azp"]) == ("admin", "lcm-cli")
    assert claims["realm_access"]["roles"] == ["admin"]
    assert provider.openid(CLI).refresh_token(tokens["refresh_token"])["access_token"]
    assert device_tokens(provider, begun, pkce).json()["error"] == "invalid_grant", "the device code is used up"


def test_a_terminal_waits_at_its_pace_until_its_person_decides(provider: Provider) -> None:
    pkce = Pkce()
    begun = begin_device(provider, pkce)

    assert device_tokens(provider, begun, pkce).json()["error"] == "authorization_pending"
    assert device_tokens(provider, begun, pkce).json()["error"] == "slow_down"


def test_a_terminal_whose_person_refuses_gets_nothing(provider: Provider) -> None:
    pkce, browser = Pkce(), Browser()
    begun = begin_device(provider, pkce)
    form = browser.follow(browser.open(begun["verification_uri_complete"]))
    consent = browser.follow(browser.submit(form, username="user", password="test"))

    browser.follow(browser.submit(consent, cancel="No"))

    assert device_tokens(provider, begun, pkce).json()["error"] == "access_denied"


def test_only_the_command_line_may_use_the_device_flow(provider: Provider) -> None:
    answer = provider.post("auth/device", PORTAL, **Pkce().parameters)

    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")
