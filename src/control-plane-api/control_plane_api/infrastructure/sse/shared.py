"""One reading of everything for all who connect at about the same time: after a restart, every browser there is."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from control_plane_api.infrastructure.sse.encoding import StreamEvent
from control_plane_api.infrastructure.sse.relay import SseRelay
from control_plane_api.infrastructure.sse.snapshots import Snapshots

SHARED_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything as of a position or later, page by page; ``begun`` is monotonic time."""

    mark: str
    begun: float
    unremembered: int
    pages: asyncio.Task[Sequence[Sequence[StreamEvent]]]


class SharedSnapshots:
    """Hands out readings; whoever gets an older one asks the relay for what changed since its position."""

    def __init__(self, relay: SseRelay, snapshots: Snapshots, timer: Callable[[], float] = time.monotonic) -> None:
        self._relay = relay
        self._snapshots = snapshots
        self._timer = timer
        self._newest: Reading | None = None

    def recent(self) -> Reading:
        """A reading that began at most two seconds ago and lacks nothing that the relay cannot tell again."""
        known = self._newest
        if (
            known is None
            or self._timer() - known.begun > SHARED_SECONDS
            or known.unremembered != self._relay.unremembered
            or (known.pages.done() and known.pages.exception() is not None)
        ):
            return self.fresh()
        return known

    def fresh(self) -> Reading:
        """A reading that begins now."""
        pages = asyncio.create_task(self._everything())
        self._newest = Reading(self._relay.position, self._timer(), self._relay.unremembered, pages)
        asyncio.get_running_loop().call_later(SHARED_SECONDS, self._forget, self._newest)
        return self._newest

    def _forget(self, reading: Reading) -> None:
        """Nothing of the size of the whole platform is kept for longer than it is useful."""
        if self._newest is reading:
            self._newest = None

    async def _everything(self) -> Sequence[Sequence[StreamEvent]]:
        async with aclosing(self._snapshots.everything()) as pages:
            return [page async for page in pages]
