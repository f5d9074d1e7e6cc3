"""Secrets at rest move to the newest key, one field at a time, while everybody goes on reading and writing them."""

from collections.abc import Sequence

from control_plane_api.application.ports import Resealed
from control_plane_api.infrastructure.mongo.database import Collection
from lcm_core.security.envelope import Envelope, SecretUnreadable


async def reseal_fields(collection: Collection, fields: Sequence[str], envelope: Envelope) -> Resealed:
    """Seal what an older key sealed again; a secret that was replaced meanwhile stays as it is."""
    seen = renewed = unreadable = 0
    async for document in collection.find({}, dict.fromkeys(fields, 1)):
        for field in fields:
            sealed = document.get(field)
            if not sealed:
                continue
            seen += 1
            try:
                again = envelope.reseal(sealed)
            except SecretUnreadable:
                unreadable += 1
                continue
            if again is not None:
                result = await collection.update_one({"_id": document["_id"], field: sealed}, {"$set": {field: again}})
                renewed += result.modified_count
    return Resealed(seen, renewed, unreadable)
