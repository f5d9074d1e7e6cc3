"""Login, logout and the tests of a token."""

from __future__ import annotations

from pydantic import Field

from lcm_simulators.cml.api.lookup import Body
from lcm_simulators.cml.api.router import route
from lcm_simulators.cml.routing import Answer, ApiError, Call

AUTHENTICATION_FAILED = "Authentication failed!"


class Credentials(Body):
    """User name and password."""

    username: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=1, max_length=256)


def _token(call: Call) -> tuple[Credentials, str]:
    credentials = call.read(Credentials)
    token = call.controller.sign_in(credentials.username, credentials.password)
    if token is None:
        raise ApiError(403, AUTHENTICATION_FAILED)
    return credentials, token


@route("POST", "/authenticate", public=True, early=True)
def authenticate(call: Call) -> object:
    """The bare token."""
    return _token(call)[1]


@route("POST", "/auth_extended", public=True, early=True)
def auth_extended(call: Call) -> object:
    """The token with what a client wants to know of its user."""
    credentials, token = _token(call)
    user = call.controller.user_of(token)
    identity = user.id if user else None
    admin = bool(user and user.admin)
    return {"username": credentials.username, "id": identity, "token": token, "admin": admin, "error": None}


@route("GET", "/authok", early=True)
def authok(call: Call) -> object:
    """Whether the token is good (2.9 and older)."""
    return "OK"


@route("GET", "/authentication", early=True)
def authentication(call: Call) -> object:
    """Whose token it is (2.10)."""
    if call.controller.config.release < (2, 10):
        raise ApiError(404, "Not Found")
    user = call.caller
    return {"id": user.id, "username": user.username, "admin": user.admin, "token": None, "error": None}


@route("DELETE", "/logout", early=True)
def logout(call: Call) -> object:
    """End this session, or all sessions of the user."""
    token = call.headers.get("authorization", "").partition(" ")[2].strip()
    call.controller.sign_out(call.caller, token, everywhere=bool(call.flag("clear_all_sessions")))
    return True


@route("GET", "/web_session_timeout", early=True)
def web_session_timeout(call: Call) -> object:
    """Lifetime of a token in seconds."""
    return call.controller.state.preferences.session_timeout


@route("PATCH", "/web_session_timeout/{seconds}", early=True)
def set_web_session_timeout(call: Call) -> object:
    """Change the lifetime of tokens issued from now on."""
    call.require_admin()
    text = call.params["seconds"]
    if not text.isdigit() or not 300 <= int(text) <= 604_800:
        raise ApiError(400, "The session timeout must be 300 to 604800 seconds.")
    call.controller.state.preferences.session_timeout = int(text)
    call.controller.changed()
    return Answer(body="OK")
