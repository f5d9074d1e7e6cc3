"""Metrics samples of workers in MongoDB, with their own key in etcd (ruling 6)."""

from collections.abc import Sequence
from datetime import UTC, datetime

from control_plane_api.domain.worker.rollup import RAW, ROLLUPS, Resolution, additions, bucket_of, mean_of
from control_plane_api.infrastructure.mongo.database import Collection, Database, ensure_index
from lcm_core.contracts.workers import WorkerMetrics
from lcm_core.domain.vocabulary import LabPhase
from lcm_core.etcd import EtcdError, EtcdStore, encode_value, object_key
from lcm_core.etcd.keys import METRICS


class MongoMetrics:
    """Implements ``MetricsStore``."""

    def __init__(self, database: Database, etcd: EtcdStore) -> None:
        self._latest: Collection = database["worker_metrics"]
        self._samples: Collection = database["worker_metric_samples"]
        self._rollups: dict[int, Collection] = {
            each.seconds: database[f"worker_metric_means_{each.seconds}"] for each in ROLLUPS
        }
        self._labs: Collection = database["lab_records"]
        self._etcd = etcd

    async def create_indexes(self) -> None:
        """History by worker and time; what is old expires by itself."""
        for resolution in (RAW, *ROLLUPS):
            collection = self._collection(resolution)
            await ensure_index(collection, [("worker_id", 1), ("at", 1)])
            kept = int(resolution.kept.total_seconds())
            await ensure_index(collection, [("stored_at", 1)], expireAfterSeconds=kept)

    def _collection(self, resolution: Resolution) -> Collection:
        return self._rollups[resolution.seconds] if resolution.seconds else self._samples

    async def record(self, worker_id: str, sample: WorkerMetrics) -> None:
        """See ``MetricsStore``. Unset fields keep the newest known value, because sources report different ones."""
        known = (await self.latest([worker_id])).get(worker_id)
        if sample.running_labs is None:
            sample = sample.model_copy(update={"running_labs": await self._running_labs(worker_id)})
        merged = sample
        if known is not None:
            if known.at > sample.at:
                return
            merged = known.model_copy(update=sample.model_dump(exclude_none=True))
        body = merged.model_dump(mode="json")
        now = datetime.now(UTC)
        await self._latest.update_one({"_id": worker_id}, {"$set": {"sample": body}}, upsert=True)
        await self._samples.insert_one({"worker_id": worker_id, "at": merged.at, "stored_at": now, "sample": body})
        for resolution in ROLLUPS:
            await self._add(worker_id, sample, resolution, now)
        # The version is the sample's second, which only ever grows for one worker.
        value = encode_value(int(merged.at.timestamp()), {"at": body["at"]})
        try:
            await self._etcd.put_guarded(object_key("workers", worker_id, METRICS), value)
        except EtcdError:
            return  # A lost notification of a metric is repaired by the next sample.

    async def _running_labs(self, worker_id: str) -> int:
        """CML's load figures count nodes only; how many labs run is known from their records."""
        running = {"spec.worker_id": worker_id, "status.phase": {"$in": [LabPhase.STARTING, LabPhase.BOOTED]}}
        return await self._labs.count_documents(running)

    async def _add(self, worker_id: str, sample: WorkerMetrics, resolution: Resolution, now: datetime) -> None:
        """Count a sample in its bucket."""
        begin = bucket_of(sample.at, resolution)
        added, most = additions(sample)
        change: dict[str, object] = {"$set": {"worker_id": worker_id, "at": begin, "stored_at": now}}
        if added:
            change["$inc"] = added
        if most:
            change["$max"] = most
        name = f"{worker_id}/{int(begin.timestamp())}"
        await self._rollups[resolution.seconds].update_one({"_id": name}, change, upsert=True)

    async def latest(self, worker_ids: Sequence[str]) -> dict[str, WorkerMetrics]:
        """See ``MetricsStore``."""
        cursor = self._latest.find({"_id": {"$in": list(worker_ids)}})
        return {document["_id"]: WorkerMetrics.model_validate(document["sample"]) async for document in cursor}

    async def history(self, worker_id: str, since: datetime, limit: int, resolution: Resolution) -> list[WorkerMetrics]:
        """See ``MetricsStore``."""
        condition = {"worker_id": worker_id, "at": {"$gte": since}}
        found = self._collection(resolution).find(condition).sort([("at", -1)]).limit(limit)
        documents = list(reversed(await found.to_list()))
        if not resolution.seconds:
            return [WorkerMetrics.model_validate(document["sample"]) for document in documents]
        return [
            mean_of(document["at"], document.get("sum", {}), document.get("count", {}), document.get("most", {}))
            for document in documents
        ]
