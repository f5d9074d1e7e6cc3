"""Refusals of the application layer; the HTTP edge turns each into a problem document."""

from collections.abc import Mapping, Sequence

from lcm_core.contracts.common import FieldError


class ApplicationError(Exception):
    """A request that cannot be carried out. ``code`` is stable and meant for programs, the text for people."""

    status = 400
    title = "Bad request"

    def __init__(self, code: str, detail: str, extra: Mapping[str, object] | None = None) -> None:
        self.code = code
        self.detail = detail
        self.extra = dict(extra or {})
        super().__init__(detail)


class NotFoundError(ApplicationError):
    """The object does not exist, or the caller may not know that it does."""

    status = 404
    title = "Not found"

    def __init__(self, kind: str, object_id: str) -> None:
        super().__init__("NotFound", f"There is no {kind} with id {object_id}.")


class ForbiddenError(ApplicationError):
    """The caller's role or ownership does not allow it."""

    status = 403
    title = "Forbidden"

    def __init__(self, action: str, detail: str = "") -> None:
        self.action = action
        super().__init__("Forbidden", detail or f"Your roles do not allow {action} on this object.")


class ConflictError(ApplicationError):
    """The present state does not allow it; ``extra`` says the state and what would be legal."""

    status = 409
    title = "Conflict"


class PreconditionError(ApplicationError):
    """The object changed since the caller read it."""

    status = 412
    title = "Precondition failed"

    def __init__(self, kind: str, object_id: str, expected: int, found: int) -> None:
        detail = f"The {kind} {object_id} is at version {found}, not {expected}; read it again."
        super().__init__("VersionMismatch", detail, {"expected_version": expected, "current_version": found})


class InvalidError(ApplicationError):
    """The input breaks a rule that only the application can check."""

    status = 422
    title = "Invalid input"

    def __init__(self, code: str, errors: Sequence[FieldError]) -> None:
        self.errors = list(errors)
        super().__init__(code, "; ".join(f"{error.field}: {error.message}" for error in errors))

    @classmethod
    def field(cls, code: str, field: str, message: str) -> "InvalidError":
        """One field broke one rule."""
        return cls(code, [FieldError(field=field, message=message)])


class UnavailableError(ApplicationError):
    """Something the platform needs is away; trying later may work."""

    status = 503
    title = "Unavailable"


class UnauthenticatedError(ApplicationError):
    """Nobody knows who calls."""

    status = 401
    title = "Not signed in"

    def __init__(self, detail: str = "Sign in, or send an access token as a Bearer token.") -> None:
        super().__init__("Unauthenticated", detail)


class ThrottledError(ApplicationError):
    """Too many attempts; ``retry_seconds`` says when another one makes sense."""

    status = 429
    title = "Too many requests"

    def __init__(self, code: str, detail: str, retry_seconds: float) -> None:
        self.retry_seconds = retry_seconds
        super().__init__(code, detail)
