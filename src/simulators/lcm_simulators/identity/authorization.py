"""Checks an authorization request and answers it (OpenID Connect Core section 3.1.2, RFC 7636, RFC 9207)."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import RedirectResponse, Response

from lcm_simulators.identity.codes import CHALLENGE, AuthorizationCode
from lcm_simulators.identity.context import RealmContext
from lcm_simulators.identity.errors import OAuthError, PageError
from lcm_simulators.identity.logins import AuthorizationRequest
from lcm_simulators.identity.pages import form_post_page, with_query
from lcm_simulators.identity.realm import Client
from lcm_simulators.identity.redirects import allowed
from lcm_simulators.identity.scopes import granted
from lcm_simulators.identity.sessions import UserSession

RESPONSE_MODES = ("query", "fragment", "form_post")
IMPLICIT = {"token", "id_token"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the client is told at its redirect address."""

    error: str
    description: str = ""


def calling_client(context: RealmContext, parameters: Mapping[str, str]) -> Client:
    """The client of a request whose redirect address is its own. Raises ``PageError``: no one else is told."""
    if not parameters.get("client_id"):
        raise PageError("Invalid Request")
    client = context.realm.client(parameters["client_id"])
    if client is None:
        raise PageError("Client not found.")
    if not client.standard_flow_enabled or not allowed(client, parameters.get("redirect_uri", ""), context.console_url):
        raise PageError("Invalid parameter: redirect_uri")
    return client


def response_mode(parameters: Mapping[str, str]) -> str:
    """How the answer travels: as asked, else in the query, for implicit answers in the fragment."""
    asked = parameters.get("response_mode", "")
    if asked in RESPONSE_MODES:
        return asked
    return "fragment" if set(parameters.get("response_type", "").split()) & IMPLICIT else "query"


def check(client: Client, parameters: Mapping[str, str]) -> AuthorizationRequest | Refusal:
    """The request in order, or what is wrong with it."""
    types = set(parameters.get("response_type", "").split())
    if not types:
        return Refusal("invalid_request", "Missing parameter: response_type")
    if not types <= {"code", *IMPLICIT}:
        return Refusal("unsupported_response_type")
    if types & IMPLICIT:
        return Refusal(
            "unauthorized_client",
            "Client is not allowed to initiate browser login with given response_type. "
            "Implicit flow is disabled for the client.",
        )
    if parameters.get("response_mode", "query") not in RESPONSE_MODES:
        return Refusal("invalid_request", "Invalid parameter: response_mode")
    if refusal := check_challenge(client, parameters):
        return refusal
    max_age = parameters.get("max_age", "")
    if max_age and not max_age.isdecimal():
        return Refusal("invalid_request", "Invalid parameter: max_age")
    try:
        scopes = granted(parameters.get("scope", ""))
    except OAuthError as error:
        return Refusal(error.error, error.description)
    return AuthorizationRequest(
        client_id=client.client_id,
        redirect_uri=parameters["redirect_uri"],
        response_mode=response_mode(parameters),
        scopes=scopes,
        state=parameters.get("state", ""),
        nonce=parameters.get("nonce", ""),
        challenge=parameters.get("code_challenge", ""),
        challenge_method=parameters.get("code_challenge_method", "plain"),
        prompt=tuple(parameters.get("prompt", "").split()),
        max_age=int(max_age) if max_age else None,
        login_hint=parameters.get("login_hint", ""),
    )


def check_challenge(client: Client, parameters: Mapping[str, str]) -> Refusal | None:
    """What is wrong with the PKCE challenge; None when it is in order or neither sent nor required."""
    challenge, method = parameters.get("code_challenge", ""), parameters.get("code_challenge_method", "")
    if client.requires_pkce:
        if not method:
            return Refusal("invalid_request", "Missing parameter: code_challenge_method")
        if method != "S256":
            mismatch = "Invalid parameter: code challenge method is not matching the configured one"
            return Refusal("invalid_request", mismatch)
        if not challenge:
            return Refusal("invalid_request", "Missing parameter: code_challenge")
    if method and method not in {"plain", "S256"}:
        return Refusal("invalid_request", "Invalid parameter: code_challenge_method")
    if (challenge or method) and not CHALLENGE.match(challenge):
        return Refusal("invalid_request", "Invalid parameter: code_challenge")
    return None


def code_for(context: RealmContext, request: AuthorizationRequest, session: UserSession) -> str:
    """A code for the client, in a session of the person who signed in."""
    now = context.now()
    chain = context.sessions.begin_chain(session, request.client_id, now)
    context.sessions.touch(session, now)
    code = AuthorizationCode(
        client_id=request.client_id,
        redirect_uri=request.redirect_uri,
        session_id=session.id,
        chain=chain,
        scopes=request.scopes,
        nonce=request.nonce,
        auth_time=int(session.authenticated_at),
        challenge=request.challenge,
        challenge_method=request.challenge_method,
        expires_at=now + context.codes.lifespan,
    )
    return context.codes.hand_out(code, now)


def grant(context: RealmContext, request: AuthorizationRequest, session: UserSession) -> Response:
    """Send the person back to the client with a code."""
    answer = {"session_state": session.id, "iss": context.issuer, "code": code_for(context, request, session)}
    return send_back(context, request.redirect_uri, request.response_mode, request.state, answer)


def refuse(context: RealmContext, parameters: Mapping[str, str], refusal: Refusal) -> Response:
    """Send the person back to the client with an error."""
    answer = {"error": refusal.error}
    if refusal.description:
        answer["error_description"] = refusal.description
    answer["iss"] = context.issuer
    mode = response_mode(parameters)
    return send_back(context, parameters["redirect_uri"], mode, parameters.get("state", ""), answer)


def send_back(context: RealmContext, uri: str, mode: str, state: str, answer: dict[str, str]) -> Response:
    """An answer at the redirect address; the state travels back unchanged."""
    fields = {"state": state, **answer} if state else answer
    if mode == "form_post":
        return form_post_page(context.realm, uri, fields)
    target = with_query(uri, fields, separator="#" if mode == "fragment" else "?")
    return RedirectResponse(target, 302, headers={"Cache-Control": "no-store, must-revalidate, max-age=0"})
