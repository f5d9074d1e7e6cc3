"""Events of one controller: the push stream of `/ws/ui` and the per-lab event history."""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

from lcm_simulators.cml.model import State

HISTORY = 1_000
QUEUE = 10_000


class EventBus:
    """Fans events out to WebSocket subscribers; a subscriber that does not read is cut off when its queue is full."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._subscribers: set[asyncio.Queue[dict[str, object] | None]] = set()
        self._history: dict[str, deque[dict[str, object]]] = {}

    def subscribe(self) -> "asyncio.Queue[dict[str, object] | None]":
        """A queue of events; None in it means: disconnect."""
        queue: asyncio.Queue[dict[str, object] | None] = asyncio.Queue(QUEUE)
        self._subscribers.add(queue)
        return queue

    def unsubscribe(self, queue: "asyncio.Queue[dict[str, object] | None]") -> None:
        """Stop delivering."""
        self._subscribers.discard(queue)

    @property
    def watched(self) -> bool:
        """Whether anyone listens."""
        return bool(self._subscribers)

    def history(self, lab_id: str) -> list[dict[str, object]]:
        """The last events of a lab, oldest first."""
        return list(self._history.get(lab_id, ()))

    def forget(self, lab_id: str) -> None:
        """Drop the history of a deleted lab."""
        self._history.pop(lab_id, None)

    def lab(self, lab_id: str, subtype: str, data: dict[str, object] | None = None) -> None:
        """A lab was created, modified, deleted, or changed its state."""
        self._remember(lab_id, subtype, "Lab", lab_id, data)
        self.publish("lab_event", subtype, "Lab", lab_id, lab_id, data)

    def element(self, lab_id: str, subtype: str, kind: str, element_id: str, data: dict[str, object] | None) -> None:
        """A node, interface, link or annotation was created, modified or deleted."""
        self._remember(lab_id, subtype, kind, element_id, None)
        self.publish("lab_element_event", subtype, kind, element_id, lab_id, data)

    def state(self, lab_id: str, kind: str, element_id: str, previous: State, state: State) -> None:
        """A node, interface or link changed its state."""
        if kind == "Node":
            self._remember(lab_id, state.value, kind, element_id, None, previous.value)
        self.publish("state_change", state.value, kind, element_id, lab_id, None)

    def publish(
        self, event_type: str, event: str, kind: str, element_id: str, lab_id: str, data: dict[str, object] | None
    ) -> None:
        """Send one frame of the `/ws/ui` vocabulary to every subscriber."""
        if not self._subscribers:
            return
        frame: dict[str, object] = {
            "event_type": event_type, "event": event, "element_type": kind,
            "element_id": element_id, "lab_id": lab_id, "data": data,
        }  # fmt: skip
        for queue in list(self._subscribers):
            try:
                queue.put_nowait(frame)
            except asyncio.QueueFull:
                self._subscribers.discard(queue)

    def close(self) -> None:
        """Disconnect every subscriber."""
        for queue in self._subscribers:
            while queue.full():
                queue.get_nowait()
            queue.put_nowait(None)
        self._subscribers.clear()

    def _remember(
        self, lab_id: str, event: str, kind: str, element_id: str,
        data: dict[str, object] | None, previous: str | None = None,
    ) -> None:  # fmt: skip
        at = datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="seconds")
        entry: dict[str, object] = {
            "lab_id": lab_id, "event": event.upper(), "element_type": kind, "element_id": element_id,
            "data": data, "previous": previous, "timestamp": at,
        }  # fmt: skip
        self._history.setdefault(lab_id, deque(maxlen=HISTORY)).append(entry)
