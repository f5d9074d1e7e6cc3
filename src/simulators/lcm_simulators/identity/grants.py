"""The grants of the token endpoint."""

from collections.abc import Callable, Mapping

from lcm_simulators.identity.codes import CHALLENGE, verifier_fits
from lcm_simulators.identity.context import RealmContext
from lcm_simulators.identity.device_codes import DeviceState
from lcm_simulators.identity.errors import OAuthError
from lcm_simulators.identity.issue import Answer, Continuation, with_session, without_session
from lcm_simulators.identity.realm import Client
from lcm_simulators.identity.scopes import granted
from lcm_simulators.identity.tokens import Grant

Form = Mapping[str, str]
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


def password(context: RealmContext, client: Client, form: Form, address: str) -> Answer:
    """User name and password (RFC 6749 section 4.3): a session of its own each time."""
    if not client.direct_access_grants_enabled:
        raise OAuthError("unauthorized_client", "Client not allowed for direct access grants")
    scopes = granted(form.get("scope", ""))
    user = context.check_password(form.get("username", ""), form.get("password", ""), address)
    if user is None:
        raise OAuthError("invalid_grant", "Invalid user credentials")
    if not user.enabled:
        raise OAuthError("invalid_grant", "Account disabled")
    if user.required_actions:
        raise OAuthError("invalid_grant", "Account is not fully set up")
    session = context.sessions.begin(user.id, context.now(), address=address, browser=False)
    chain = context.sessions.begin_chain(session, client.client_id, context.now())
    grant = Grant(user, client, scopes, "onrtro")
    return with_session(context, grant, Continuation(session, chain))


def client_credentials(context: RealmContext, client: Client, form: Form, address: str) -> Answer:
    """The client for itself (RFC 6749 section 4.4)."""
    del address
    if client.public_client:
        raise OAuthError("unauthorized_client", "Public client not allowed to retrieve service account", 401)
    user = context.users.service_account(client.client_id)
    if not client.service_accounts_enabled or user is None:
        raise OAuthError("unauthorized_client", "Client not enabled to retrieve service account", 401)
    if not user.enabled:
        raise OAuthError("invalid_request", "User 'service-account' disabled", 401)
    return without_session(context, Grant(user, client, granted(form.get("scope", "")), "trrtcc"))


def refresh(context: RealmContext, client: Client, form: Form, address: str) -> Answer:
    """A refresh token (RFC 6749 section 6): each is good once, and a second use ends the client's session."""
    del address
    text = form.get("refresh_token", "")
    if not text:
        raise OAuthError("invalid_request", "No refresh token")
    try:
        token = context.tokens.read_refresh(text)
    except ValueError as error:
        raise OAuthError("invalid_grant", "Invalid refresh token") from error
    if token.azp != client.client_id:
        raise OAuthError("invalid_grant", "Invalid refresh token. Token client and authorized client don't match")
    now = context.now()
    session = context.sessions.find(token.sid, now)
    if session is None:
        raise OAuthError("invalid_grant", "Session not active")
    if token.exp <= now:
        raise OAuthError("invalid_grant", "Token is not active")
    mine = session.clients.get(client.client_id)
    if mine is None:
        raise OAuthError("invalid_grant", "Session doesn't have required client")
    if context.realm.revoke_refresh_token and mine.chains.get(token.reuse_id) != token.jti:
        context.sessions.detach(session, client.client_id)
        raise OAuthError("invalid_grant", "Maximum allowed refresh token reuse exceeded")
    user = context.users.get(token.sub)
    if user is None or not user.enabled:
        raise OAuthError("invalid_grant", "User disabled")
    scopes = tuple(token.scope.split())
    grant = Grant(user, client, scopes, "onrtrt", auth_time=token.auth_time)
    return with_session(context, grant, Continuation(session, token.reuse_id))


def authorization_code(context: RealmContext, client: Client, form: Form, address: str) -> Answer:
    """A code from the browser (RFC 6749 section 4.1.3) with its PKCE verifier (RFC 7636)."""
    del address
    text, now = form.get("code", ""), context.now()
    if not text:
        raise OAuthError("invalid_request", "Missing parameter: code")
    code = context.codes.take(text, now)
    if code is None:
        _end_replayed(context, text)
        raise OAuthError("invalid_grant", "Code not valid")
    session = context.sessions.find(code.session_id, now)
    if code.client_id != client.client_id:
        raise OAuthError("invalid_grant", "Auth error: Found different client_id in clientSession")
    if form.get("redirect_uri", "") != code.redirect_uri:
        raise OAuthError("invalid_grant", "Incorrect redirect_uri")
    _check_verifier(form.get("code_verifier", ""), code.challenge, code.challenge_method)
    if session is None or client.client_id not in session.clients:
        raise OAuthError("invalid_grant", "Session not active")
    user = context.users.get(session.user_id)
    if user is None or not user.enabled:
        raise OAuthError("invalid_grant", "User disabled")
    grant = Grant(user, client, code.scopes, "onrtac", nonce=code.nonce, auth_time=code.auth_time)
    return with_session(context, grant, Continuation(session, code.chain))


def device_code(context: RealmContext, client: Client, form: Form, address: str) -> Answer:
    """A device asks whether its person has signed in (RFC 8628 section 3.4)."""
    del address
    text, now = form.get("device_code", ""), context.now()
    if not text:
        raise OAuthError("invalid_request", "Missing parameter: device_code")
    device = context.devices.find(text)
    if device is None or device.client_id != client.client_id:
        raise OAuthError("invalid_grant", "Device code not valid")
    if device.expires_at <= now:
        context.devices.close(text)
        raise OAuthError("expired_token", "Device code is expired")
    too_soon, device.asked_at = now - device.asked_at < context.devices.interval, now
    if too_soon:
        raise OAuthError("slow_down", "Slow down")
    if device.state is DeviceState.PENDING:
        raise OAuthError("authorization_pending", "The authorization request is still pending")
    context.devices.close(text)
    if device.state is DeviceState.DENIED:
        raise OAuthError("access_denied", "The end user denied the authorization request")
    _check_verifier(form.get("code_verifier", ""), device.challenge, device.challenge_method)
    session = context.sessions.find(device.session_id, now)
    user = context.users.get(session.user_id) if session is not None else None
    if session is None or user is None or not user.enabled:
        raise OAuthError("invalid_grant", "Session not active")
    grant = Grant(user, client, device.scopes, "onrtdg", auth_time=int(session.started_at))
    return with_session(context, grant, Continuation(session, device.chain))


GRANTS: dict[str, Callable[[RealmContext, Client, Form, str], Answer]] = {
    "password": password,
    "client_credentials": client_credentials,
    "refresh_token": refresh,
    "authorization_code": authorization_code,
    DEVICE_GRANT: device_code,
}


def _check_verifier(verifier: str, challenge: str, method: str) -> None:
    if not challenge:
        return
    if not verifier:
        raise OAuthError("invalid_grant", "PKCE code verifier not specified")
    if not CHALLENGE.match(verifier):
        raise OAuthError("invalid_grant", "PKCE verification failed: Invalid code verifier")
    if not verifier_fits(verifier, challenge, method):
        raise OAuthError("invalid_grant", "PKCE verification failed: Code mismatch")


def _end_replayed(context: RealmContext, text: str) -> None:
    """Whoever presents a used code may have stolen it: what it gave is taken back (RFC 6749 section 4.1.2)."""
    code = context.codes.replayed(text)
    session = context.sessions.find(code.session_id, context.now()) if code is not None else None
    if code is not None and session is not None:
        context.sessions.detach(session, code.client_id)
