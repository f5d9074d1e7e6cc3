"""The consistency barrier: after a write of its own, a key is not decided again on a cache older than that write."""

from collections.abc import Mapping

from lcm_core.controller.informer import Informer
from lcm_core.observability import metrics

Place = tuple[str, str]
"""Collection and object id."""


class ConsistencyBarrier:
    """Remembers the versions that reconciles of a key wrote, and waits for the informers to see them.

    Args:
        controller: label of the metrics.
        informers: by collection; writes to other collections are not waited for.
        timeout_seconds: longest wait before a decision; then the control plane's version check has to do.
    """

    def __init__(self, controller: str, informers: Mapping[str, Informer[object]], timeout_seconds: float) -> None:
        self._informers = informers
        self._timeout = timeout_seconds
        self._timeouts = metrics.BARRIER_TIMEOUTS.labels(controller)
        self._written: dict[str, dict[Place, int]] = {}

    def wrote(self, key: str, writes: Mapping[Place, int]) -> None:
        """A reconcile of the key made these writes."""
        relevant = {place: version for place, version in writes.items() if place[0] in self._informers}
        if relevant:
            self._written.setdefault(key, {}).update(relevant)

    async def settle(self, key: str) -> bool:
        """Wait until the caches hold every write of the key; False when the wait was given up."""
        written = self._written.pop(key, None)
        if written is None:
            return True
        for (collection, object_id), version in written.items():
            if not await self._informers[collection].wait_version(object_id, version, self._timeout):
                self._timeouts.inc()
                return False
        return True
