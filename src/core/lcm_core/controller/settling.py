"""How long a lookup says nothing: a call that nobody hears of any more may have its effect after it.

Terms keep a controller that lost its lead from the control plane, but nothing takes back a call that it made outside,
or one whose answer did not come in time. Who depends on such a call having had its effect, or never having it, waits.
The wait is measured in real seconds by the process that waits and only while it leads: no clock that is set, and none
of another process, makes it shorter. A successor begins anew.
"""

from lcm_core.clock import Clock, SystemClock
from lcm_core.controller.leadership import current_context


class Settling:
    """Since when this process has known of calls that nobody hears of.

    Args:
        seconds: real seconds within which such a call has its effect, or never.
        clock: real time.
    """

    def __init__(self, seconds: float, clock: Clock | None = None) -> None:
        self._seconds = seconds
        self._clock = clock or SystemClock()
        self._since: dict[str, dict[str, float]] = {}

    def remaining(self, owner: str, what: str) -> float:
        """Real seconds to wait until the call has settled, 0 when it has; counted from the first question on."""
        now, context = self._clock.monotonic(), current_context()
        waited = now - self._since.setdefault(owner, {}).setdefault(what, now)
        if context is not None:
            # Another leader may have called between two leaderships of this process.
            waited = min(waited, context.leadership.age)
        return max(0.0, self._seconds - waited)

    def since_leadership(self) -> float:
        """Real seconds until whatever earlier leaders called has settled."""
        context = current_context()
        return 0.0 if context is None else max(0.0, self._seconds - context.leadership.age)

    def over(self, owner: str, what: str = "") -> None:
        """Nothing is open any more of that, or of all of the owner; a further call is waited for from its start."""
        if what:
            self._since.get(owner, {}).pop(what, None)
        if not what or not self._since.get(owner):
            self._since.pop(owner, None)
