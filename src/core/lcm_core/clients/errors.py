"""Typed errors of HTTP APIs that answer with RFC 9457 problem documents.

A caller decides by type: ``TransientApiError`` may succeed when repeated later, every other error needs a new decision.
"""

from lcm_core.contracts.common import Problem


class ApiError(Exception):
    """Base of every failed API call; ``problem`` is None when no answer came."""

    def __init__(self, message: str, problem: Problem | None = None) -> None:
        super().__init__(message)
        self.problem = problem

    @property
    def code(self) -> str:
        """The problem's CamelCase code, or the name of the error's type."""
        return (self.problem.code if self.problem else "") or type(self).__name__

    @property
    def sentence(self) -> str:
        """What went wrong, in the server's words when it had any."""
        if self.problem is None:
            return str(self)
        fields = "; ".join(f"{error.field}: {error.message}" for error in self.problem.errors)
        text = self.problem.detail or self.problem.title
        return f"{text} ({fields})" if fields else text


class TransientApiError(ApiError):
    """May pass by itself: connection lost, time-out, 429, 5xx. ``retry_after`` is in seconds when the server said."""

    def __init__(self, message: str, problem: Problem | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, problem)
        self.retry_after = retry_after


class Unreachable(TransientApiError):
    """No answer: the connection failed or timed out. The call may or may not have had its effect."""


class Unavailable(TransientApiError):
    """502, 503 or 504: the service cannot do this now; the problem says why."""


class Throttled(TransientApiError):
    """429: too many requests."""


class ServerFault(TransientApiError):
    """Another 5xx answer."""


class Unauthenticated(ApiError):
    """401 although a fresh token was used."""


class Forbidden(ApiError):
    """403: the caller's role or ownership does not allow this."""


class NotFound(ApiError):
    """404 or 410: the object does not exist (any more)."""


class Conflict(ApiError):
    """409: the object's state does not allow this."""

    @property
    def current(self) -> str | None:
        """The state the object is in (problem member ``current``), when the server said."""
        value = self._member("current")
        return str(value) if value is not None else None

    @property
    def allowed(self) -> tuple[str, ...]:
        """What is legal in that state (problem member ``allowed``), when the server said."""
        value = self._member("allowed")
        return tuple(str(each) for each in value) if isinstance(value, list) else ()

    def _member(self, name: str) -> object:
        extra = self.problem.model_extra if self.problem else None
        return (extra or {}).get(name)


class StaleTerm(Conflict):
    """409 with code ``StaleTerm``: the control plane has seen a newer leader of this service and shard."""


class PreconditionFailed(ApiError):
    """412: the object's version is not the expected one; read again and decide again."""


class Invalid(ApiError):
    """400, 413, 415 or 422: the request itself is wrong; ``problem.errors`` names the fields."""


class UnexpectedAnswer(ApiError):
    """An answer outside the contract: another status, or a body that does not fit the model."""
