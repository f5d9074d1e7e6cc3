"""Logout: by a client with a refresh token, and by a browser (OpenID Connect RP-Initiated Logout)."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from lcm_simulators.identity import cookies
from lcm_simulators.identity.clients import authenticate
from lcm_simulators.identity.context import RealmContext
from lcm_simulators.identity.errors import OAuthError, PageError
from lcm_simulators.identity.http import Realms, read_form
from lcm_simulators.identity.logins import PendingLogin
from lcm_simulators.identity.pages import logout_page, message_page, with_query
from lcm_simulators.identity.redirects import allowed_after_logout
from lcm_simulators.identity.tokens import IdToken


async def logout(context: RealmContext, request: Request) -> Response:
    """The end-session endpoint."""
    if request.method == "GET":
        return _by_browser(context, request, dict(request.query_params))
    form = await read_form(request)
    if "refresh_token" in form:
        return _by_client(context, request, form)
    return _by_browser(context, request, form)


def _by_client(context: RealmContext, request: Request, form: Mapping[str, str]) -> Response:
    client = authenticate(context.realm, request.headers.get("authorization", ""), form)
    try:
        token = context.tokens.read_refresh(form["refresh_token"])
    except ValueError as error:
        raise OAuthError("invalid_grant", "Invalid refresh token") from error
    if token.azp != client.client_id:
        raise OAuthError("invalid_grant", "Invalid refresh token. Token client and authorized client don't match")
    session = context.sessions.find(token.sid, context.now())
    if session is not None:
        context.sessions.end(session)
    return Response(status_code=204)


def _by_browser(context: RealmContext, request: Request, parameters: Mapping[str, str]) -> Response:
    hint = _hint(context, parameters.get("id_token_hint", ""))
    target = _target(context, parameters, hint)
    if hint is None:
        # Without proof that the client asks for it, the person is asked: another site could have sent them here.
        browser = cookies.browser_of(request)
        login = PendingLogin(browser, context.logins.deadline(context.now()), target=target)
        code = context.logins.open(login, context.now())
        page = logout_page(context.realm, f"{context.endpoints}/logout/logout-confirm", code)
        cookies.remember_browser(context, page, browser)
        return page
    session = context.sessions.find(hint.sid, context.now())
    if session is not None:
        context.sessions.end(session)
    return _leave(context, request, target)


def _hint(context: RealmContext, text: str) -> IdToken | None:
    if not text:
        return None
    try:
        return context.tokens.read_hint(text)
    except ValueError as error:
        raise PageError("Invalid parameter: id_token_hint") from error


def _target(context: RealmContext, parameters: Mapping[str, str], hint: IdToken | None) -> str:
    """Where the person goes afterwards, checked; empty means a page of ours."""
    uri = parameters.get("post_logout_redirect_uri", "")
    if not uri:
        return ""
    client_id = parameters.get("client_id") or (hint.azp if hint is not None else "")
    if not client_id:
        raise PageError("Missing parameters: id_token_hint or client_id is required to use post_logout_redirect_uri")
    client = context.realm.client(client_id)
    if client is None or (hint is not None and hint.azp != client_id):
        raise PageError("Invalid parameter: client_id")
    if not allowed_after_logout(client, uri, context.console_url):
        raise PageError("Invalid redirect uri")
    state = parameters.get("state", "")
    return with_query(uri, {"state": state}) if state else uri


async def confirm(context: RealmContext, request: Request) -> Response:
    """The person really wants to leave."""
    form = await read_form(request)
    code = form.get("session_code", "")
    login = context.logins.find(code, request.cookies.get(cookies.BROWSER, ""), context.now())
    if login is None:
        raise PageError("Logout failed")
    context.logins.close(code)
    return _leave(context, request, login.target)


def _leave(context: RealmContext, request: Request, target: str) -> Response:
    session = cookies.signed_in(context, request)
    if session is not None:
        context.sessions.end(session)
    response = (
        RedirectResponse(target, 302) if target else message_page(context.realm, "Logged out", "You are logged out.")
    )
    cookies.forget(context, response)
    return response


def logout_routes(realms: Realms) -> list[Route]:
    """The routes of this module."""
    base = "/realms/{realm}/protocol/openid-connect/logout"
    return [
        Route(base, realms(logout), methods=["GET", "POST"]),
        Route(f"{base}/logout-confirm", realms(confirm), methods=["POST"]),
    ]
