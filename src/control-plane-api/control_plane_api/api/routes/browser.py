"""``/auth`` for browsers: the code flow with the identity provider, the session, and its end."""

from typing import Annotated

from fastapi import Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from control_plane_api.api.addresses import TrustedProxies
from control_plane_api.api.call import Call
from control_plane_api.api.guard import api_router, public
from control_plane_api.application.audit.log import AuditLog
from control_plane_api.application.errors import UnauthenticatedError
from control_plane_api.application.runtime.commands.sign_in import SIGN_IN
from control_plane_api.infrastructure.identity.browser import LOGIN_SECONDS, BrowserSessions
from control_plane_api.infrastructure.sessions.model import BrowserSession
from control_plane_api.infrastructure.sessions.origins import Origin, origin_of
from lcm_core.contracts.common import UtcTime, View
from lcm_core.contracts.platform import UserView

router = api_router("/auth", tags=["sign in"])
LOGIN_COOKIE = "lcm_login"
LOGIN_PATH = "/api/auth"


class SessionState(View):
    """Whether this browser is signed in. ``csrf_token`` must come with every write, as ``X-CSRF-Token``."""

    authenticated: bool
    user: UserView | None = None
    csrf_token: str = ""
    expires_at: UtcTime | None = None


class SignedOut(View):
    """Where to go to leave the identity provider as well."""

    logout_url: str = ""


def _sessions(request: Request) -> BrowserSessions:
    sessions: BrowserSessions = request.app.state.browser
    return sessions


def _origin(request: Request) -> Origin:
    return origin_of(request, request.app.state.public_url)


@router.get("/login", status_code=302, response_class=RedirectResponse, summary="Sign in with a browser")
@public
async def begin(call: Call, next_path: Annotated[str, Query(alias="next", max_length=1000)] = "/") -> Response:
    """Sends the browser to the identity provider; it comes back to the page named by ``next``."""
    origin = _origin(call.request)
    url, sealed = _sessions(call.request).begin(origin, next_path)
    response = RedirectResponse(url, 302)
    response.set_cookie(
        LOGIN_COOKIE, sealed, LOGIN_SECONDS, path=LOGIN_PATH, secure=origin.secure, httponly=True, samesite="lax"
    )
    return response


@router.get("/callback", status_code=302, response_class=RedirectResponse, summary="Come back from the sign-in")
@public
async def finish(
    call: Call,
    state: Annotated[str, Query(max_length=200)] = "",
    code: Annotated[str, Query(max_length=4000)] = "",
    error: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """The identity provider sends the browser here."""
    if error or not code:
        raise UnauthenticatedError(f"The identity provider did not sign you in ({error or 'no code'}); start again.")
    origin = _origin(call.request)
    sessions = _sessions(call.request)
    done = await sessions.finish(call.request.cookies.get(LOGIN_COOKIE, ""), state, code)
    await sessions.forget(call.request)
    proxies: TrustedProxies = call.request.app.state.proxies
    audit: AuditLog = call.request.app.state.edge.audit
    details = {"address": proxies.address_of(call.request)}
    await audit.accepted(done.principal, SIGN_IN, "user", done.principal.user_id, details)
    response = RedirectResponse(done.next_path, 302)
    response.set_cookie(origin.cookie, done.cookie, path="/", secure=origin.secure, httponly=True, samesite="lax")
    response.delete_cookie(LOGIN_COOKIE, path=LOGIN_PATH, secure=origin.secure, httponly=True, samesite="lax")
    return response


@router.get("/session", response_model=SessionState, summary="Is this browser signed in?")
@public
async def session(call: Call) -> Response:
    """Never an error: nobody is signed in until somebody is."""
    return call.respond(_state(await _sessions(call.request).session_of(call.request)))


@router.post("/refresh", response_model=SessionState, summary="Refresh the session now")
@public
async def refresh(call: Call) -> Response:
    """Reads the user's roles again."""
    known = await _sessions(call.request).session_of(call.request)
    if known is None:
        raise UnauthenticatedError("This browser is not signed in.")
    return call.respond(_state(await _sessions(call.request).refreshed(known.key, at_once=True)))


@router.post("/logout", response_model=SignedOut, summary="Sign out")
@public
async def logout(call: Call) -> Response:
    """Here and at the identity provider; signing out twice is fine."""
    known = await _sessions(call.request).session_of(call.request)
    if known is None:
        return call.respond(SignedOut())
    origin = _origin(call.request)
    response = call.respond(SignedOut(logout_url=await _sessions(call.request).end(known, origin)))
    response.delete_cookie(origin.cookie, path="/", secure=origin.secure, httponly=True, samesite="lax")
    return response


def _state(known: BrowserSession | None) -> SessionState:
    if known is None:
        return SessionState(authenticated=False)
    user = UserView(
        user_id=known.user_id,
        username=known.username,
        name=known.name,
        roles=known.roles,
        department=known.department,
    )
    return SessionState(authenticated=True, user=user, csrf_token=known.csrf_token, expires_at=known.expires_at)
