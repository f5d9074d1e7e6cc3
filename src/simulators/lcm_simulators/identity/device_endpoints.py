"""Endpoints of the device flow (RFC 8628): the terminal's and those of the person's browser."""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from lcm_simulators.identity import cookies
from lcm_simulators.identity.authorization import check_challenge
from lcm_simulators.identity.clients import authenticate
from lcm_simulators.identity.context import RealmContext
from lcm_simulators.identity.device_codes import DeviceCode, DeviceState, new_user_code
from lcm_simulators.identity.errors import OAuthError, PageError
from lcm_simulators.identity.http import NO_STORE, Realms, read_form
from lcm_simulators.identity.logins import PendingLogin
from lcm_simulators.identity.pages import consent_page, login_page, message_page, user_code_page, with_query
from lcm_simulators.identity.scopes import granted
from lcm_simulators.identity.sessions import UserSession

DISABLED = (
    "Client is not allowed to initiate OAuth 2.0 Device Authorization Grant. The flow is disabled for the client."
)
NOBODY_WAITS = "Invalid code, please try again."


async def device_authorization(context: RealmContext, request: Request) -> Response:
    """A device begins."""
    form = await read_form(request)
    client = authenticate(context.realm, request.headers.get("authorization", ""), form)
    if not client.device_flow_enabled:
        raise OAuthError("unauthorized_client", DISABLED)
    if refusal := check_challenge(client, form):
        raise OAuthError(refusal.error, refusal.description)
    now = context.now()
    device = DeviceCode(
        client_id=client.client_id,
        user_code=new_user_code(),
        scopes=granted(form.get("scope", "")),
        expires_at=now + context.devices.lifespan,
        challenge=form.get("code_challenge", ""),
        challenge_method=form.get("code_challenge_method", ""),
    )
    answer = {
        "device_code": context.devices.hand_out(device, now),
        "user_code": device.user_code,
        "verification_uri": f"{context.issuer}/device",
        "verification_uri_complete": f"{context.issuer}/device?user_code={device.user_code}",
        "expires_in": context.devices.lifespan,
        "interval": context.devices.interval,
    }
    return JSONResponse(answer, headers=NO_STORE)


async def enter_user_code(context: RealmContext, request: Request) -> Response:
    """A person types the code, or follows the address that holds it."""
    form = await read_form(request) if request.method == "POST" else {}
    typed = form.get("device_user_code") or request.query_params.get("user_code", "")
    action = f"{context.issuer}/device"
    if not typed:
        return user_code_page(context.realm, action)
    code = context.devices.with_user_code(typed, context.now())
    if code is None:
        return user_code_page(context.realm, action, NOBODY_WAITS)
    now = context.now()
    login = PendingLogin(cookies.browser_of(request), context.logins.deadline(now), device_code=code)
    session = cookies.signed_in(context, request)
    if session is not None:
        return ask_consent(context, login, session)
    action = with_query(
        f"{context.issuer}/login-actions/authenticate", {"session_code": context.logins.open(login, now)}
    )
    page = login_page(context.realm, action)
    cookies.remember_browser(context, page, login.browser)
    return page


def ask_consent(context: RealmContext, login: PendingLogin, session: UserSession) -> Response:
    """Ask the signed-in person whether the device may act for them."""
    device = context.devices.find(login.device_code)
    client = context.realm.client(device.client_id) if device is not None else None
    if device is None or client is None:
        raise PageError(NOBODY_WAITS)
    code = context.logins.open(replace(login, session_id=session.id), context.now())
    page = consent_page(context.realm, f"{context.issuer}/login-actions/consent", code, client.name or client.client_id)
    cookies.remember_browser(context, page, login.browser)
    return page


async def consent(context: RealmContext, request: Request) -> Response:
    """The person has decided."""
    form, now = await read_form(request), context.now()
    code = form.get("code", "")
    login = context.logins.find(code, request.cookies.get(cookies.BROWSER, ""), now)
    context.logins.close(code)
    device = context.devices.find(login.device_code) if login is not None else None
    session = context.sessions.find(login.session_id, now) if login is not None else None
    if login is None or device is None or session is None or device.expires_at <= now:
        raise PageError(NOBODY_WAITS)
    if "accept" not in form:
        device.state = DeviceState.DENIED
        return RedirectResponse(f"{context.issuer}/device/status?error=access_denied", 302)
    device.chain = context.sessions.begin_chain(session, device.client_id, now)
    context.sessions.touch(session, now)
    device.session_id = session.id
    device.state = DeviceState.APPROVED
    return RedirectResponse(f"{context.issuer}/device/status", 302)


async def status(context: RealmContext, request: Request) -> Response:
    """Tells the person to go back to the device."""
    if request.query_params.get("error"):
        return message_page(context.realm, "Device Login Failed", "Consent denied for connecting the device.")
    return message_page(
        context.realm, "Device Login Successful", "You may close this window and go back to your device."
    )


def device_routes(realms: Realms) -> list[Route]:
    """The routes of this module."""
    base = "/realms/{realm}"
    return [
        Route(f"{base}/protocol/openid-connect/auth/device", realms(device_authorization), methods=["POST"]),
        Route(f"{base}/device", realms(enter_user_code), methods=["GET", "POST"]),
        Route(f"{base}/login-actions/consent", realms(consent), methods=["POST"]),
        Route(f"{base}/device/status", realms(status), methods=["GET"]),
    ]
