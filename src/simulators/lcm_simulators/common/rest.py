"""What the REST APIs of the simulators share: refusals in one form, bodies that are really JSON."""

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

BODY_LIMIT = 2 * 1024 * 1024
_CODES = {404: "not_found", 405: "method_not_allowed"}


class Refusal(Exception):
    """A call that is not done: HTTP status, a code for programs, a sentence for people."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers


async def json_body(request: Request) -> bytes:
    """The body of a call that must carry JSON. Raises ``Refusal`` 415 without one and 413 for a huge one."""
    media = request.headers.get("content-type", "").split(";")[0].strip().lower()
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > BODY_LIMIT:
            raise Refusal(413, "body_too_large", f"A body has at most {BODY_LIMIT} bytes.")
        chunks.append(chunk)
    if not size or not (media == "application/json" or media.endswith("+json")):
        raise Refusal(415, "unsupported_media_type", "Send a JSON body with its content type; {} is enough.")
    return b"".join(chunks)


async def refused(request: Request, error: Exception) -> Response:
    """The answer to a refused call, ``{"error", "message"}``; use it as the exception handler of the application."""
    del request
    if isinstance(error, Refusal):
        return _answer(error.status, error.code, error.message, error.headers)
    if isinstance(error, HTTPException):
        code = _CODES.get(error.status_code, "refused")
        return _answer(error.status_code, code, error.detail, dict(error.headers or {}))
    if isinstance(error, ValidationError):
        return _answer(400, "invalid_body", _sentence(error), None)
    raise error


def _sentence(error: ValidationError) -> str:
    """The first five faults, each with the field it is in."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    found = [
        f"{'.'.join(str(part) for part in fault['loc']) or 'body'}: {fault['msg'].removeprefix('Value error, ')}"
        for fault in faults[:5]
    ]
    more = f" (and {len(faults) - 5} more)" if len(faults) > 5 else ""
    return "; ".join(found) + more


def _answer(status: int, code: str, message: str, headers: dict[str, str] | None) -> Response:
    return JSONResponse({"error": code, "message": message}, status_code=status, headers=headers)
