"""What the platform knows about the request that is being handled; stamped on events, logs and audit entries."""

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Repeatable:
    """A request that carries an ``Idempotency-Key``.

    ``entry`` is the hexadecimal identity of caller, route and key; ``first_at`` is when it came first. With ``again``
    an earlier attempt ended without an answer and may have had its effect.
    """

    entry: str
    first_at: datetime
    again: bool


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Who does what, under which correlation id; ``command`` is the command's class name.

    ``department`` is the actor's; ``repeatable`` is there when the caller may send the request again.
    """

    actor: str = "system"
    command: str = ""
    correlation_id: str = ""
    department: str = ""
    repeatable: Repeatable | None = None


_NOBODY = RequestContext()
_current: ContextVar[RequestContext] = ContextVar("lcm_request_context", default=_NOBODY)


def request_context() -> RequestContext:
    """The context of the running task."""
    return _current.get()


def set_request_context(context: RequestContext) -> None:
    """Set the context of the running task and of the tasks it starts."""
    _current.set(context)
