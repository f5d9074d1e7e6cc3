"""Plain ASGI middleware around the whole application: size limit of bodies and security headers."""

import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from control_plane_api.api.problems import problem, problem_response

UPLOAD_BYTES = 33 * 1024 * 1024
"""An artifact of 32 MiB and what surrounds it in a multipart body."""
DRAINED_BYTES = 64 * 1024 * 1024
"""What a refused sender may still send before it is cut off."""
_UPLOADS = re.compile(r"^/api/(internal/)?artifacts/?$")
_CONTENT_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_DOCS_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' https://cdn.jsdelivr.net; "
    "style-src 'self' 'unsafe-inline' https://cdn.jsdelivr.net; img-src 'self' data: https://fastapi.tiangolo.com; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""FastAPI's documentation page loads Swagger UI from its usual place and starts it with an inline script."""


def _fixed_headers(policy: str) -> tuple[tuple[bytes, bytes], ...]:
    return (
        (b"x-content-type-options", b"nosniff"),
        (b"content-security-policy", policy.encode()),
        (b"referrer-policy", b"same-origin"),
        (b"x-frame-options", b"DENY"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-resource-policy", b"same-origin"),
    )


_HEADERS, _DOCS_HEADERS = _fixed_headers(_CONTENT_POLICY), _fixed_headers(_DOCS_POLICY)
_HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


class _TooLarge(Exception):
    """The body grew beyond its limit while it was read."""


class BodyLimit:
    """Refuses bodies that are longer than allowed, by their declared and by their real length."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        limit = UPLOAD_BYTES if _UPLOADS.match(scope["path"]) else self._limit
        declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        if declared.isdigit() and int(declared) > limit:
            await _refuse(limit, scope, receive, send)
            return
        received, started = 0, False

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise _TooLarge
            return message

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive if declared else counted, watched)
        except _TooLarge:
            if started:
                raise
            await _refuse(limit, scope, receive, send)


async def _refuse(limit: int, scope: Scope, receive: Receive, send: Send) -> None:
    # Read on for a while: a connection that is closed over unread bytes is reset, and the client never sees why.
    left = DRAINED_BYTES
    while left > 0:
        message = await receive()
        left -= len(message.get("body", b"")) or 1
        if message["type"] != "http.request" or not message.get("more_body", False):
            break
    document = problem(413, "Too large", "BodyTooLarge", f"A body here may have {limit} bytes.", scope["path"])
    await problem_response(document, {"Connection": "close"})(scope, receive, send)


class SecurityHeaders:
    """Adds the headers that tell browsers what a page may do; ``https`` says that browsers come over TLS only."""

    def __init__(self, app: ASGIApp, https: bool) -> None:
        self._app = app
        transport = (_HTTPS_ONLY,) if https else ()
        self._headers, self._docs_headers = (*_HEADERS, *transport), (*_DOCS_HEADERS, *transport)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        fixed = self._docs_headers if path == "/api/docs" else self._headers

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message["headers"], *fixed]
                if path.startswith("/api") and not any(name.lower() == b"cache-control" for name, _ in headers):
                    headers.append((b"cache-control", b"no-store"))
                message["headers"] = headers
            await send(message)

        await self._app(scope, receive, with_headers)
