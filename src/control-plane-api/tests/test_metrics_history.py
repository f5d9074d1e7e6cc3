"""Charts of any span: raw samples, five-minute means and hourly means, each bounded."""

from datetime import UTC, datetime, timedelta

import pytest

from control_plane_api.domain.worker.rollup import RAW, ROLLUPS, bucket_of, resolution_for
from control_plane_api.infrastructure.mongo.database import Database
from control_plane_api.infrastructure.mongo.metrics import MongoMetrics
from lcm_core.contracts.workers import WorkerMetrics
from lcm_core.etcd import EtcdClient

BEGIN = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
FIVE_MINUTES, HOURLY = ROLLUPS
EVERYTHING = 2000


@pytest.fixture
async def history(database: Database, own_etcd: EtcdClient) -> MongoMetrics:
    store = MongoMetrics(database, own_etcd)
    await store.create_indexes()
    return store


@pytest.mark.parametrize(
    ("span", "seconds"),
    [
        (timedelta(hours=1), 0),
        (timedelta(hours=12), 0),
        (timedelta(hours=13), 300),
        (timedelta(days=7), 3600),
        (timedelta(days=400), 3600),
    ],
)
def test_a_longer_span_is_shown_in_coarser_steps(span: timedelta, seconds: int) -> None:
    assert resolution_for(span).seconds == seconds


def test_no_span_needs_more_points_than_a_chart_gets_and_nothing_is_shown_that_is_not_kept() -> None:
    for resolution in (RAW, *ROLLUPS):
        step = max(resolution.seconds, 60)
        shown = min(resolution.shown, resolution.kept)
        assert shown / timedelta(seconds=step) <= 2200
    assert RAW.shown <= RAW.kept
    assert FIVE_MINUTES.shown <= FIVE_MINUTES.kept


def test_buckets_begin_at_whole_steps() -> None:
    at = BEGIN + timedelta(minutes=7, seconds=31)
    assert bucket_of(at, FIVE_MINUTES) == BEGIN + timedelta(minutes=5)
    assert bucket_of(at, HOURLY) == BEGIN


async def test_means_are_kept_beside_the_samples(history: MongoMetrics) -> None:
    for minute in range(10):
        sample = WorkerMetrics(
            at=BEGIN + timedelta(minutes=minute), cpu_percent=10.0 * minute, running_nodes=minute % 4
        )
        await history.record("w1", sample)
    await history.record("other", WorkerMetrics(at=BEGIN, cpu_percent=99.0))

    raw = await history.history("w1", BEGIN, EVERYTHING, RAW)
    assert [each.cpu_percent for each in raw] == [10.0 * minute for minute in range(10)]
    means = await history.history("w1", BEGIN, EVERYTHING, FIVE_MINUTES)
    assert [(each.at, each.cpu_percent, each.running_nodes) for each in means] == [
        (BEGIN, 20.0, 3),
        (BEGIN + timedelta(minutes=5), 70.0, 3),
    ]
    [hour] = await history.history("w1", BEGIN, EVERYTHING, HOURLY)
    assert (hour.at, hour.cpu_percent, hour.source) == (BEGIN, 45.0, "mean")


async def test_sources_that_report_different_things_do_not_dilute_each_other(history: MongoMetrics) -> None:
    await history.record("w1", WorkerMetrics(at=BEGIN, cpu_percent=80.0, source="cml"))
    await history.record("w1", WorkerMetrics(at=BEGIN + timedelta(seconds=30), network_in=1000.0, source="cloudwatch"))
    await history.record("w1", WorkerMetrics(at=BEGIN + timedelta(seconds=60), status_check_failed=True))
    [mean] = await history.history("w1", BEGIN, EVERYTHING, FIVE_MINUTES)
    assert (mean.cpu_percent, mean.network_in, mean.status_check_failed) == (80.0, 1000.0, True)
    assert mean.memory_percent is None


async def test_running_labs_are_counted_from_their_records(history: MongoMetrics, database: Database) -> None:
    for name, worker, phase in (("a", "w1", "booted"), ("b", "w1", "stopped"), ("c", "w2", "booted")):
        record = {"_id": name, "spec": {"worker_id": worker}, "status": {"phase": phase}}
        await database["lab_records"].insert_one(record)
    await history.record("w1", WorkerMetrics(at=BEGIN, running_nodes=3))
    assert (await history.latest(["w1"]))["w1"].running_labs == 1


async def test_every_resolution_expires(history: MongoMetrics, database: Database) -> None:
    for resolution, name in zip(
        (RAW, *ROLLUPS), ("worker_metric_samples", "worker_metric_means_300", "worker_metric_means_3600"), strict=True
    ):
        indexes = await database[name].index_information()
        kept = [index["expireAfterSeconds"] for index in indexes.values() if "expireAfterSeconds" in index]
        assert kept == [resolution.kept.total_seconds()]
