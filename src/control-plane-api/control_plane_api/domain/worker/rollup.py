"""Metrics history in three resolutions, each kept for a bounded time.

A chart shows some hundreds of points whatever its span: raw samples for hours, five-minute means for days, hourly means
for weeks. Percents and network rates are averaged over a bucket; of nodes, labs and failed status checks the most is
kept, so that a short peak or failure still shows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lcm_core.contracts.workers import WorkerMetrics

AVERAGED = ("cpu_percent", "memory_percent", "storage_percent", "network_in", "network_out")
MOST = ("running_nodes", "running_labs", "status_check_failed")
Number = int | float


@dataclass(frozen=True, slots=True)
class Resolution:
    """``seconds`` is the length of a bucket; ``shown`` the longest span that is charted with it."""

    seconds: int
    kept: timedelta
    shown: timedelta


RAW = Resolution(0, kept=timedelta(days=2), shown=timedelta(hours=12))
ROLLUPS = (
    Resolution(300, kept=timedelta(days=14), shown=timedelta(days=4)),
    Resolution(3600, kept=timedelta(days=90), shown=timedelta.max),
)


def resolution_for(span: timedelta) -> Resolution:
    """The finest resolution that still shows so long a span as some hundreds of points."""
    return next(each for each in (RAW, *ROLLUPS) if span <= each.shown)


def bucket_of(at: datetime, resolution: Resolution) -> datetime:
    """Start of the bucket an instant lies in."""
    return datetime.fromtimestamp(at.timestamp() // resolution.seconds * resolution.seconds, UTC)


def additions(sample: WorkerMetrics) -> tuple[dict[str, Number], dict[str, Number]]:
    """What a sample adds to the sums and counts of a bucket, and what the bucket holds at least."""
    known = sample.model_dump(include={*AVERAGED, *MOST}, exclude_none=True)
    added = {f"sum.{name}": float(known[name]) for name in AVERAGED if name in known}
    added |= {f"count.{name}": 1 for name in AVERAGED if name in known}
    return added, {f"most.{name}": int(known[name]) for name in MOST if name in known}


def mean_of(
    at: datetime, sums: Mapping[str, Number], counts: Mapping[str, int], most: Mapping[str, int]
) -> WorkerMetrics:
    """A bucket as a sample."""
    means = {name: round(total / counts[name], 3) for name, total in sums.items() if counts.get(name)}
    return WorkerMetrics.model_validate({"at": at, "source": "mean", **means, **most})
