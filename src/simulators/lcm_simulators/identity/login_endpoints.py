"""Endpoints for browsers: signing in, with the form and without."""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lcm_simulators.identity import authorization, cookies
from lcm_simulators.identity.context import RealmContext
from lcm_simulators.identity.device_endpoints import ask_consent
from lcm_simulators.identity.errors import OAuthError, PageError
from lcm_simulators.identity.http import Realms, address, read_form, unique
from lcm_simulators.identity.logins import AuthorizationRequest, PendingLogin
from lcm_simulators.identity.pages import login_page, new_password_page, with_query
from lcm_simulators.identity.passwords import hashed_credential
from lcm_simulators.identity.realm import UPDATE_PASSWORD, User
from lcm_simulators.identity.sessions import UserSession

STALE = (
    "This sign-in page has expired or belongs to another browser. Go back to the application and sign in again; "
    "cookies must be enabled."
)


async def authorize(context: RealmContext, request: Request) -> Response:
    """The authorization endpoint."""
    try:
        parameters = (
            await read_form(request) if request.method == "POST" else unique(request.query_params.multi_items())
        )
    except OAuthError as error:
        raise PageError("Invalid Request") from error
    client = authorization.calling_client(context, parameters)
    wanted = authorization.check(client, parameters)
    if isinstance(wanted, authorization.Refusal):
        return authorization.refuse(context, parameters, wanted)
    session = cookies.signed_in(context, request)
    if session is not None and not _must_show_password(context, wanted, session):
        return authorization.grant(context, wanted, session)
    if "none" in wanted.prompt:
        return authorization.refuse(context, parameters, authorization.Refusal("login_required"))
    browser = cookies.browser_of(request)
    login = PendingLogin(browser=browser, expires_at=context.logins.deadline(context.now()), request=wanted)
    if session is not None:
        login = PendingLogin(login.browser, login.expires_at, request=wanted, session_id=session.id)
    return show_form(context, login, login_hint=wanted.login_hint)


def _must_show_password(context: RealmContext, wanted: AuthorizationRequest, session: UserSession) -> bool:
    if "login" in wanted.prompt:
        return True
    return wanted.max_age is not None and context.now() - session.authenticated_at > wanted.max_age


def show_form(context: RealmContext, login: PendingLogin, *, login_hint: str = "", error: str = "") -> Response:
    """The sign-in form of a new pending login, and the cookie that ties it to the browser."""
    code = context.logins.open(login, context.now())
    action = with_query(f"{context.issuer}/login-actions/authenticate", {"session_code": code})
    again = context.sessions.find(login.session_id, context.now()) if login.session_id else None
    known = context.users.get(again.user_id) if again is not None else None
    name = known.username if known is not None else login_hint
    page = login_page(context.realm, action, username=name, fixed=known is not None, error=error)
    cookies.remember_browser(context, page, login.browser)
    return page


async def authenticate(context: RealmContext, request: Request) -> Response:
    """The form was sent."""
    form = await read_form(request)
    code, now = request.query_params.get("session_code", ""), context.now()
    login = context.logins.find(code, request.cookies.get(cookies.BROWSER, ""), now)
    if login is None:
        raise PageError(STALE)
    context.logins.close(code)
    again = context.sessions.find(login.session_id, now) if login.session_id else None
    expected = context.users.get(again.user_id) if again is not None else None
    name = expected.username if expected is not None else form.get("username", "")
    user = context.check_password(name, form.get("password", ""), address(request))
    if user is None:
        return show_form(context, login, login_hint=name, error="Invalid username or password.")
    if not user.enabled:
        return show_form(context, login, login_hint=name, error="Account is disabled, contact your administrator.")
    if UPDATE_PASSWORD in user.required_actions:
        return ask_new_password(context, replace(login, user_id=user.id))
    return _signed_in(context, request, login, user)


def ask_new_password(context: RealmContext, login: PendingLogin, error: str = "") -> Response:
    """The person must choose a password of their own."""
    code = context.logins.open(login, context.now())
    action = with_query(f"{context.issuer}/login-actions/required-action", {"session_code": code})
    return new_password_page(context.realm, action, error)


async def required_action(context: RealmContext, request: Request) -> Response:
    """The new password was sent."""
    form = await read_form(request)
    code = request.query_params.get("session_code", "")
    login = context.logins.find(code, request.cookies.get(cookies.BROWSER, ""), context.now())
    user = context.users.get(login.user_id) if login is not None else None
    if login is None or user is None or not user.enabled:
        raise PageError(STALE)
    context.logins.close(code)
    password = form.get("password-new", "")
    if not password:
        return ask_new_password(context, login, "Please specify password.")
    if password != form.get("password-confirm", ""):
        return ask_new_password(context, login, "Passwords don't match.")
    actions = [action for action in user.required_actions if action != UPDATE_PASSWORD]
    user = user.model_copy(update={"credentials": [hashed_credential(password)], "required_actions": actions})
    context.users.save(user)
    return _signed_in(context, request, login, user)


def _signed_in(context: RealmContext, request: Request, login: PendingLogin, user: User) -> Response:
    again = context.sessions.find(login.session_id, context.now()) if login.session_id else None
    session = _session_of(context, request, user, again)
    response = _go_on(context, login, session)
    cookies.remember_session(context, response, session)
    return response


def _session_of(context: RealmContext, request: Request, user: User, again: UserSession | None) -> UserSession:
    """The session to go on with: the same one when its user only showed the password again."""
    now = context.now()
    if again is not None and again.user_id == user.id:
        again.authenticated_at = now
        context.sessions.touch(again, now)
        return again
    return context.sessions.begin(user.id, now, address=address(request), browser=True)


def _go_on(context: RealmContext, login: PendingLogin, session: UserSession) -> Response:
    if login.request is not None:
        return authorization.grant(context, login.request, session)
    return ask_consent(context, login, session)


def login_routes(realms: Realms) -> list[Route]:
    """The routes of this module."""
    return [
        Route("/realms/{realm}/protocol/openid-connect/auth", realms(authorize), methods=["GET", "POST"]),
        Route("/realms/{realm}/login-actions/authenticate", realms(authenticate), methods=["POST"]),
        Route("/realms/{realm}/login-actions/required-action", realms(required_action), methods=["POST"]),
    ]
