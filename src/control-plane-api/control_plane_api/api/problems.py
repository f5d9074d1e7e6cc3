"""Every error as a problem document (RFC 9457); no message of an unexpected exception ever leaves the process."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from prometheus_client import Counter
from pymongo.errors import PyMongoError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from control_plane_api.application.errors import (
    ApplicationError,
    ForbiddenError,
    InvalidError,
    ThrottledError,
    UnauthenticatedError,
    UnavailableError,
)
from control_plane_api.kernel.context import request_context
from control_plane_api.kernel.errors import RuleError
from lcm_core.contracts.common import FieldError, Problem
from lcm_core.domain.state_table import IllegalTransition
from lcm_core.etcd import EtcdError

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
CRASHES = Counter("lcm_http_crashes_total", "Requests that ended in an unexpected exception")
_TITLES = {404: "Not found", 405: "Method not allowed", 413: "Too large", 415: "Unsupported media type"}


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The problem as a response."""
    return Response(
        problem.model_dump_json(exclude_defaults=False),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=dict(headers or {}),
    )


def problem(
    status: int,
    title: str,
    code: str,
    detail: str,
    instance: str = "",
    *,
    errors: Sequence[FieldError] = (),
    extra: Mapping[str, object] | None = None,
) -> Problem:
    """A problem document; its type is a stable URN made from the code."""
    return Problem.model_validate(
        {
            **(extra or {}),
            "type": f"urn:lcm:problem:{code}",
            "title": title,
            "status": status,
            "detail": detail,
            "instance": instance,
            "code": code,
            "errors": list(errors),
            "correlation_id": request_context().correlation_id,
        }
    )


def _of_application(error: ApplicationError, path: str) -> tuple[Problem, dict[str, str]]:
    errors = error.errors if isinstance(error, InvalidError) else []
    headers: dict[str, str] = {}
    if isinstance(error, UnauthenticatedError):
        headers["WWW-Authenticate"] = 'Bearer realm="lcm"'
    if isinstance(error, UnavailableError):
        headers["Retry-After"] = "1"
    if isinstance(error, ThrottledError):
        headers["Retry-After"] = str(int(error.retry_seconds))
    return (
        problem(error.status, error.title, error.code, error.detail, path, errors=errors, extra=error.extra),
        headers,
    )


def to_problem(error: Exception, path: str) -> tuple[Problem, dict[str, str]]:
    """The problem document of any exception, and headers that go with it."""
    match error:
        case ApplicationError():
            return _of_application(error, path)
        case IllegalTransition():
            state = {"current_state": str(error.current), "legal": [str(phase) for phase in error.legal]}
            return problem(409, "Conflict", "IllegalTransition", str(error), path, extra=state), {}
        case RuleError():
            return problem(409, "Conflict", error.code, str(error), path), {}
        case RequestValidationError():
            return _invalid(error, path), {}
        case HTTPException():
            title = _TITLES.get(error.status_code, "Refused")
            return problem(error.status_code, title, title.replace(" ", ""), str(error.detail), path), dict(
                error.headers or {}
            )
        case OverflowError():
            detail = "A number is too large to be stored: whole numbers lie between -2^63 and 2^63 - 1."
            return problem(422, "Invalid input", "NumberTooLarge", detail, path), {}
        case PyMongoError():
            log.warning("The database did not carry out a request: %s", error)
            detail = "The database cannot be used now; nothing was changed unless a repetition says so."
            return problem(503, "Unavailable", "DatabaseAway", detail, path), {"Retry-After": "1"}
        case EtcdError():
            log.warning("etcd did not carry out a request: %s", error)
            return problem(503, "Unavailable", "EtcdAway", "etcd cannot be used now.", path), {"Retry-After": "1"}
        case TimeoutError():
            detail = "The request took too long; repeat it with the same Idempotency-Key to learn what became of it."
            return problem(503, "Unavailable", "RequestTimeout", detail, path), {"Retry-After": "1"}
    CRASHES.inc()
    log.error("%s failed unexpectedly", path, exc_info=error)
    detail = "Something unexpected happened; the log has the details under this correlation id."
    return problem(500, "Internal error", "InternalError", detail, path), {}


def _invalid(error: RequestValidationError, path: str) -> Problem:
    errors = [FieldError(field=_field(item["loc"]), message=str(item["msg"])) for item in error.errors()]
    detail = "; ".join(f"{item.field}: {item.message}" for item in errors[:5])
    return problem(422, "Invalid input", "ValidationFailed", detail, path, errors=errors)


def _field(location: Sequence[Any]) -> str:
    """``slot.start`` for a body field, ``query.limit`` or ``path.id`` for the others."""
    parts = [str(part) for part in location]
    if parts and parts[0] == "body":
        parts = parts[1:] or ["body"]
    return ".".join(parts)


async def _respond(request: Request, error: Exception) -> Response:
    document, headers = to_problem(error, request.url.path)
    return problem_response(document, headers)


def install_problems(app: FastAPI) -> None:
    """Answer every exception of the application with a problem document."""
    expected: tuple[type[Exception], ...] = (
        ApplicationError,
        IllegalTransition,
        RuleError,
        RequestValidationError,
        HTTPException,
        OverflowError,
        PyMongoError,
        EtcdError,
        TimeoutError,
    )
    for kind in expected:
        app.add_exception_handler(kind, _respond)


__all__ = ["ForbiddenError", "install_problems", "problem", "problem_response", "to_problem"]
