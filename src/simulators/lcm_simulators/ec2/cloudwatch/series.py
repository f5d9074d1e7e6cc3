"""Published points of a metric, and their aggregation into the periods that a caller asks for."""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil, floor

from lcm_simulators.ec2.cloudwatch.load import Load
from lcm_simulators.ec2.instances.model import Impairment, Instance

BASIC_SECONDS, DETAILED_SECONDS = 300, 60
_DISK_BYTES_PER_NODE = 90_000.0
_DISK_BYTES_IDLE = 250_000.0
_IO_SIZE = 16_384.0
_JITTER = 0.03
LoadAt = Callable[[float], Load]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its unit, its value for a minute of load, and whether the values of minutes add up."""

    unit: str
    per_minute: Callable[[Load], float]
    adds_up: bool = False
    check: str = ""


def _disk(load: Load) -> float:
    return _DISK_BYTES_IDLE + load.running_nodes * _DISK_BYTES_PER_NODE


METRICS = {
    "CPUUtilization": Metric("Percent", lambda load: load.cpu_percent),
    "NetworkIn": Metric("Bytes", lambda load: load.network_in, adds_up=True),
    "NetworkOut": Metric("Bytes", lambda load: load.network_out, adds_up=True),
    "NetworkPacketsIn": Metric("Count", lambda load: load.network_in / 700, adds_up=True),
    "NetworkPacketsOut": Metric("Count", lambda load: load.network_out / 700, adds_up=True),
    "DiskReadBytes": Metric("Bytes", lambda load: _disk(load) / 2, adds_up=True),
    "DiskWriteBytes": Metric("Bytes", _disk, adds_up=True),
    "DiskReadOps": Metric("Count", lambda load: _disk(load) / 2 / _IO_SIZE, adds_up=True),
    "DiskWriteOps": Metric("Count", lambda load: _disk(load) / _IO_SIZE, adds_up=True),
    "StatusCheckFailed": Metric("Count", lambda load: 0.0, check="any"),
    "StatusCheckFailed_Instance": Metric("Count", lambda load: 0.0, check="instance"),
    "StatusCheckFailed_System": Metric("Count", lambda load: 0.0, check="system"),
}


@dataclass(frozen=True, slots=True)
class Point:
    """One published value, at the start of its span (seconds)."""

    start: float
    value: float


def points(instance: Instance, name: str, load_at: LoadAt, window: tuple[float, float], now: float) -> Iterator[Point]:
    """The points whose span begins inside `window` and has ended by `now`, oldest first."""
    metric = METRICS[name]
    step = DETAILED_SECONDS if metric.check or instance.detailed_monitoring else BASIC_SECONDS
    for index in range(ceil(window[0] / step), ceil(window[1] / step)):
        start, end = float(index * step), float((index + 1) * step)
        ran = _seconds_running(instance, start, end)
        if ran <= 0 or end > now:
            continue
        if metric.check:
            yield Point(start, _check_failed(instance, metric.check, end, now))
            continue
        value = metric.per_minute(load_at(end)) * _wobble(instance.instance_id, name, index)
        yield Point(start, value * ran / 60 if metric.adds_up else min(value, 100.0))


def _seconds_running(instance: Instance, start: float, end: float) -> float:
    return sum(max(0.0, min(end, end if run.end is None else run.end) - max(start, run.start)) for run in instance.runs)


def _check_failed(instance: Instance, check: str, end: float, now: float) -> float:
    """Whether the check failed: known of the present only, so it shows in points of the last two minutes."""
    if instance.impairment is None or end < now - 2 * DETAILED_SECONDS:
        return 0.0
    # A dead host takes the system on it along, so that both checks fail.
    return float(check != "system" or instance.impairment is Impairment.SYSTEM)


def _wobble(instance_id: str, name: str, index: int) -> float:
    """A factor near 1 that is always the same for a point."""
    share = zlib.crc32(f"{instance_id}/{name}/{index}".encode()) / 0xFFFFFFFF
    return 1.0 + _JITTER * (2 * share - 1)


def aggregated(found: Iterator[Point], period: int, statistic: str) -> list[Point]:
    """One point per period that holds any, oldest first."""
    groups: dict[int, list[float]] = {}
    for point in found:
        groups.setdefault(floor(point.start / period) * period, []).append(point.value)
    fold = STATISTICS[statistic]
    return [Point(float(start), fold(values)) for start, values in groups.items()]


STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "Average": lambda values: sum(values) / len(values),
    "Sum": sum,
    "Minimum": min,
    "Maximum": max,
    "SampleCount": lambda values: float(len(values)),
}
