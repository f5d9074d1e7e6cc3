"""The browser's cookies: which form is theirs, and who is signed in."""

import secrets

from starlette.requests import Request
from starlette.responses import Response

from lcm_simulators.identity.context import RealmContext
from lcm_simulators.identity.sessions import UserSession

BROWSER = "AUTH_SESSION_ID"
IDENTITY = "KEYCLOAK_IDENTITY"


def browser_of(request: Request) -> str:
    """The secret that ties forms to this browser; a new one when it has none."""
    return request.cookies.get(BROWSER) or secrets.token_urlsafe(32)


def signed_in(context: RealmContext, request: Request) -> UserSession | None:
    """The living session of this browser whose user may still sign in."""
    try:
        cookie = context.tokens.read_browser(request.cookies.get(IDENTITY, ""), context.now())
    except ValueError:
        return None
    session = context.sessions.find(cookie.sid, context.now())
    user = context.users.get(session.user_id) if session is not None else None
    return session if user is not None and user.enabled and user.id == cookie.sub else None


def remember_browser(context: RealmContext, response: Response, browser: str) -> None:
    """Set the cookie that ties forms to this browser."""
    _set(context, response, BROWSER, browser)


def remember_session(context: RealmContext, response: Response, session: UserSession) -> None:
    """Set the cookie that spares the person the next password."""
    lifespan = context.realm.sso_session_max_lifespan
    text = context.tokens.browser(session.user_id, session.id, context.now(), lifespan)
    _set(context, response, IDENTITY, text)


def forget(context: RealmContext, response: Response) -> None:
    """Delete both cookies."""
    for name in (BROWSER, IDENTITY):
        response.delete_cookie(name, path=_path(context))


def _set(context: RealmContext, response: Response, name: str, value: str) -> None:
    secure = context.issuer.startswith("https://")
    response.set_cookie(name, value, path=_path(context), httponly=True, samesite="lax", secure=secure)


def _path(context: RealmContext) -> str:
    return f"/realms/{context.realm.realm}/"
