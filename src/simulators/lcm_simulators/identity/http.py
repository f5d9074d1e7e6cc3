"""What the endpoints share: finding the realm, reading forms, answering refusals."""

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lcm_simulators.identity.context import RealmContext
from lcm_simulators.identity.errors import BearerRefused, OAuthError, PageError
from lcm_simulators.identity.pages import error_page

Handler = Callable[[RealmContext, Request], Awaitable[Response]]
MAX_BODY = 64 * 1024
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
SECURE = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "X-Robots-Tag": "none",
    "Content-Security-Policy": "frame-src 'self'; frame-ancestors 'self'; object-src 'none'; script-src 'none';",
}


class Realms:
    """The realms of a provider, by name."""

    def __init__(self, contexts: Mapping[str, RealmContext]) -> None:
        self.contexts = dict(contexts)

    def __call__(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """An endpoint that finds the realm in the address and answers refusals in their own shape."""

        async def endpoint(request: Request) -> Response:
            context = self.contexts.get(request.path_params["realm"])
            if context is None:
                return JSONResponse({"error": "Realm does not exist"}, 404)
            response = await _refusals_answered(handler, context, request)
            response.headers.update(SECURE)
            return response

        endpoint.__name__ = handler.__name__
        return endpoint


async def _refusals_answered(handler: Handler, context: RealmContext, request: Request) -> Response:
    try:
        return await handler(context, request)
    except OAuthError as error:
        return JSONResponse(error.body(), error.status, headers=NO_STORE)
    except BearerRefused as refused:
        challenge = {"WWW-Authenticate": refused.challenge(context.realm.realm)}
        return Response(status_code=refused.status, headers=challenge, media_type="text/plain")
    except PageError as error:
        return error_page(context.realm, error.message, error.status)


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form. Raises ``OAuthError`` when it is too large, no text, or names a field twice."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise OAuthError("invalid_request", "The request is too large", 413)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=100)
    except ValueError as error:
        raise OAuthError("invalid_request", "The form cannot be read") from error
    return unique(pairs)


def unique(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Parameters by name. Raises ``OAuthError`` for one given twice (RFC 6749 section 3.1)."""
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise OAuthError("invalid_request", "duplicated parameter")
    return parameters


def bearer(request: Request) -> str:
    """The bearer token of a request. Raises ``BearerRefused`` when there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise BearerRefused
    return token.strip()


def address(request: Request) -> str:
    """Where a request comes from."""
    return request.client.host if request.client else ""
