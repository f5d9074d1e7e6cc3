"""CloudWatch as the worker controller uses it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class InstanceMetrics:
    """The newest data points of one instance; percent is 0–100, network in bytes per second, None where no point came.

    Points may be several minutes late, and none come while the instance is stopped.
    """

    at: datetime
    cpu_percent: float | None = None
    network_in: float | None = None
    network_out: float | None = None
    status_check_failed: bool | None = None


class CloudWatchError(Exception):
    """CloudWatch gave no usable answer; metrics are missed, nothing else."""


class CloudWatch(Protocol):
    """CloudWatch."""

    async def latest(
        self, region: str, instance_ids: Sequence[str], *, until: datetime, window_seconds: int, period_seconds: int
    ) -> Mapping[str, InstanceMetrics]:
        """Newest points within the window before ``until``, batched; instances without any are left out.

        ``period_seconds`` is a multiple of 60. Raises ``CloudWatchError``.
        """
