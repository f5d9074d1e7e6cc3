"""Credentials of workers, read when needed and kept in memory for a short while only."""

import time
from dataclasses import dataclass

from lcm_core.clients.control_plane import ControlPlaneClient
from lcm_core.contracts.workers import WorkerCredentials

KEPT_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class _Kept:
    read: float
    credentials: WorkerCredentials


class Credentials:
    """The secret store as seen through the control plane."""

    def __init__(self, control_plane: ControlPlaneClient) -> None:
        self._control_plane = control_plane
        self._kept: dict[str, _Kept] = {}

    async def of(self, worker_id: str) -> WorkerCredentials:
        """Credentials of a worker. Raises ``ApiError``."""
        kept = self._kept.get(worker_id)
        if kept is None or time.monotonic() - kept.read > KEPT_SECONDS:
            kept = _Kept(time.monotonic(), await self._control_plane.worker_credentials(worker_id))
            self._kept[worker_id] = kept
        return kept.credentials

    def forget(self, worker_id: str) -> None:
        """Read them again the next time: they were refused, or the worker is gone."""
        self._kept.pop(worker_id, None)
