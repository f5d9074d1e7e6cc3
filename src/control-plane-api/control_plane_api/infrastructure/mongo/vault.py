"""Platform secrets in MongoDB, sealed: CML credentials and licence tokens."""

from datetime import UTC, datetime

from control_plane_api.application.ports import Resealed
from control_plane_api.infrastructure.mongo.database import Collection, Database
from control_plane_api.infrastructure.mongo.resealing import reseal_fields
from lcm_core.security.envelope import Envelope


class MongoVault:
    """Implements ``SecretVault``."""

    def __init__(self, database: Database, envelope: Envelope) -> None:
        self._secrets: Collection = database["secrets"]
        self._envelope = envelope

    async def read(self, name: str) -> str:
        """See ``SecretVault``."""
        document = await self._secrets.find_one({"_id": name})
        return "" if document is None else self._envelope.open(document["sealed"])

    async def write(self, name: str, secret: str) -> None:
        """Store or replace a secret; it is sealed with the newest key."""
        fields = {"sealed": self._envelope.seal(secret), "updated_at": datetime.now(UTC)}
        await self._secrets.update_one({"_id": name}, {"$set": fields}, upsert=True)

    async def reseal(self) -> Resealed:
        """See ``SecretVault``."""
        return await reseal_fields(self._secrets, ("sealed",), self._envelope)

    async def names(self) -> list[str]:
        """Which secrets exist."""
        return sorted([document["_id"] async for document in self._secrets.find({}, {"_id": 1}).limit(1000)])
