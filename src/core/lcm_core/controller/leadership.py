"""One leadership: the right of this process to act for one shard of one service, until its deadline.

The *deadline* is the instant at which this process stops acting by itself, a margin before etcd can let the lease
expire and elect another. The *term* is the fencing number that the control plane gave this leadership.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from lcm_core.clock import Clock


class LeadershipLost(Exception):
    """This process must not act for the shard any more; nothing was sent."""


class Leadership:
    """State of one leadership, shared by the election that renews it and the work done under it."""

    def __init__(self, service: str, shard: int, identity: str, clock: Clock, deadline: float) -> None:
        self.service = service
        self.shard = shard
        self.identity = identity
        self.term = 0
        self.ending = asyncio.Event()
        """Set when the work should finish what is in flight and return: graceful stop or hand-over."""
        self.lost = asyncio.Event()
        """Set when the work must stop at once."""
        self.lost_because = ""
        self._clock = clock
        self._began = clock.monotonic()
        self._deadline = deadline

    @property
    def age(self) -> float:
        """Real seconds since the shard was won; whoever led it before may have acted until then."""
        return self._clock.monotonic() - self._began

    @property
    def valid(self) -> bool:
        """Whether acting is still allowed; false from the deadline on even if nobody noticed yet."""
        return not self.lost.is_set() and self._clock.monotonic() < self._deadline

    @property
    def remaining(self) -> float:
        """Seconds until the deadline."""
        return max(0.0, self._deadline - self._clock.monotonic())

    def require(self) -> None:
        """Raise ``LeadershipLost`` unless acting is allowed; call it right before each effect outside."""
        if not self.valid:
            raise LeadershipLost(
                f"{self.service} shard {self.shard} is no longer led by {self.identity}: "
                f"{self.lost_because or 'the lease was not renewed in time'}"
            )

    def extend(self, deadline: float) -> None:
        """The lease was renewed."""
        self._deadline = deadline

    def lose(self, because: str) -> None:
        """Stop acting now, for a reason in one sentence; the first reason stands."""
        if not self.lost.is_set():
            self.lost_because = because
            self.lost.set()


@dataclass(slots=True)
class ReconcileContext:
    """What runs in this task: which key, for which leadership, and which versions it wrote."""

    key: str
    leadership: Leadership
    writes: dict[tuple[str, str], int] = field(default_factory=dict)


_CONTEXT: ContextVar[ReconcileContext | None] = ContextVar("lcm_reconcile", default=None)


@contextmanager
def reconcile_context(key: str, leadership: Leadership) -> Iterator[ReconcileContext]:
    """Everything awaited inside acts for the key under the leadership."""
    context = ReconcileContext(key, leadership)
    token = _CONTEXT.set(context)
    try:
        yield context
    finally:
        _CONTEXT.reset(token)


def current_context() -> ReconcileContext | None:
    """The context of the running reconcile; None outside of one (an HTTP request, a test)."""
    return _CONTEXT.get()


def record_write(collection: str, object_id: str, version: int) -> None:
    """Tell the consistency barrier that this reconcile wrote a version; call it with each write's answer.

    ``collection`` is the etcd name ("sessions", "workers", "definitions", "lab-records", "tasks"). Outside of a
    reconcile it does nothing.
    """
    context = _CONTEXT.get()
    if context is not None:
        place = (collection, object_id)
        context.writes[place] = max(version, context.writes.get(place, 0))


def fencing_headers(service: str) -> Callable[[], dict[str, str]]:
    """Header source of an ``ApiClient``: controller, shard and term of the reconcile that makes the call.

    Outside of a reconcile only the controller's name is sent; the control plane refuses fenced commands without term.
    Raises ``LeadershipLost`` instead of letting a leader past its deadline send anything.
    """

    def headers() -> dict[str, str]:
        context = _CONTEXT.get()
        if context is None:
            return {"X-LCM-Controller": service}
        context.leadership.require()
        return {
            "X-LCM-Controller": service,
            "X-LCM-Shard": str(context.leadership.shard),
            "X-LCM-Term": str(context.leadership.term),
        }

    return headers
