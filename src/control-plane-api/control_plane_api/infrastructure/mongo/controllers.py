"""Heartbeats of controller replicas in MongoDB."""

from datetime import UTC, datetime, timedelta

from control_plane_api.infrastructure.mongo.database import Collection, Database, ensure_index
from lcm_core.contracts.platform import ControllerHeartbeat, ControllerView

ALIVE_FOR = timedelta(seconds=15)
"""Replicas report every few seconds; one that misses several is shown as gone."""
FORGOTTEN_SECONDS = 24 * 3600
LIMIT = 200


class MongoControllers:
    """Implements ``ControllerStore``."""

    def __init__(self, database: Database) -> None:
        self._replicas: Collection = database["controllers"]

    async def create_indexes(self) -> None:
        """Replicas that are gone expire by themselves."""
        await ensure_index(self._replicas, [("seen_at", 1)], expireAfterSeconds=FORGOTTEN_SECONDS)

    async def record(self, heartbeat: ControllerHeartbeat) -> None:
        """See ``ControllerStore``."""
        fields = {"seen_at": datetime.now(UTC), "heartbeat": heartbeat.model_dump(mode="json")}
        key = f"{heartbeat.service}/{heartbeat.identity}"
        await self._replicas.update_one({"_id": key}, {"$set": fields}, upsert=True)

    async def all(self) -> list[ControllerView]:
        """See ``ControllerStore``."""
        now = datetime.now(UTC)
        documents = await self._replicas.find({}).sort([("_id", 1)]).limit(LIMIT).to_list()
        return [
            ControllerView.model_validate(
                {
                    **document["heartbeat"],
                    "seen_at": document["seen_at"],
                    "alive": now - document["seen_at"] < ALIVE_FOR,
                }
            )
            for document in documents
        ]
