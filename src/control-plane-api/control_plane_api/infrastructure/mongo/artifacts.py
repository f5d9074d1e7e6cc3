"""Uploaded files in GridFS (ruling 16)."""

import hashlib
from datetime import UTC, datetime, timedelta

from gridfs.asynchronous import AsyncGridFSBucket
from gridfs.errors import NoFile
from ulid import ULID

from control_plane_api.infrastructure.mongo.database import Database
from lcm_core.contracts.definitions import ArtifactView

KEPT_FOR = timedelta(hours=1)
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)


class GridArtifacts:
    """Implements ``ArtifactStore``. A file that nobody takes expires after an hour."""

    def __init__(self, database: Database) -> None:
        self._bucket = AsyncGridFSBucket(database, bucket_name="artifacts")
        self._files = database["artifacts.files"]

    async def put(self, filename: str, content_type: str, content: bytes, owner: str, now: datetime) -> ArtifactView:
        """See ``ArtifactStore``."""
        artifact_id = str(ULID()).lower()
        metadata = {
            "content_type": content_type,
            "sha256": hashlib.sha256(content).hexdigest(),
            "owner": owner,
            "uploaded_at": now,
            "expires_at": now + KEPT_FOR,
        }
        await self._bucket.upload_from_stream_with_id(artifact_id, filename, content, metadata=metadata)
        found = await self.find(artifact_id)
        assert found is not None
        return found

    async def find(self, artifact_id: str) -> ArtifactView | None:
        """See ``ArtifactStore``."""
        document = await self._files.find_one({"_id": artifact_id})
        if document is None:
            return None
        metadata = document["metadata"]
        return ArtifactView(
            id=artifact_id,
            filename=document["filename"],
            content_type=metadata["content_type"],
            size=document["length"],
            sha256=metadata["sha256"],
            uploaded_at=metadata["uploaded_at"],
            expires_at=metadata["expires_at"],
        )

    async def content(self, artifact_id: str) -> bytes | None:
        """See ``ArtifactStore``."""
        try:
            stream = await self._bucket.open_download_stream(artifact_id)
        except NoFile:
            return None
        return bytes(await stream.read())

    async def keep(self, artifact_id: str) -> None:
        """See ``ArtifactStore``."""
        await self.keep_until(artifact_id, FOREVER)

    async def keep_until(self, artifact_id: str, instant: datetime) -> None:
        """See ``ArtifactStore``."""
        await self._files.update_one({"_id": artifact_id}, {"$set": {"metadata.expires_at": instant}})

    async def expire(self, now: datetime) -> int:
        """Delete what nobody took; answers how many."""
        count = 0
        async for document in self._files.find({"metadata.expires_at": {"$lt": now}}, {"_id": 1}).limit(100):
            await self._bucket.delete(document["_id"])
            count += 1
        return count
