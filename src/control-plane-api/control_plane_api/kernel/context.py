"""What the platform knows about the request that is being handled; stamped on events, logs and audit entries."""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Who does what, under which correlation id; ``command`` is the command's class name.

    ``department`` is the actor's.
    """

    actor: str = "system"
    command: str = ""
    correlation_id: str = ""
    department: str = ""


_NOBODY = RequestContext()
_current: ContextVar[RequestContext] = ContextVar("lcm_request_context", default=_NOBODY)


def request_context() -> RequestContext:
    """The context of the running task."""
    return _current.get()


def set_request_context(context: RequestContext) -> None:
    """Set the context of the running task and of the tasks it starts."""
    _current.set(context)
