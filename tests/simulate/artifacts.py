"""Uploaded files in memory, in place of GridFS."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from lcm_core.contracts.definitions import ArtifactView
from tests.simulate.network import Connection

KEPT_FOR = timedelta(hours=1)


@dataclass(slots=True)
class _File:
    view: ArtifactView
    content: bytes


class Files:
    """The files that every replica shares."""

    def __init__(self) -> None:
        self.by_id: dict[str, _File] = {}


class MemoryArtifacts:
    """Implements ``ArtifactStore``."""

    def __init__(self, files: Files, connection: Connection) -> None:
        self._files = files.by_id
        self._connection = connection

    async def put(self, filename: str, content_type: str, content: bytes, owner: str, now: datetime) -> ArtifactView:
        """See ``ArtifactStore``."""
        del owner

        def write() -> ArtifactView:
            view = ArtifactView(
                id=f"artifact-{len(self._files) + 1}",
                filename=filename,
                content_type=content_type,
                size=len(content),
                sha256=hashlib.sha256(content).hexdigest(),
                uploaded_at=now,
                expires_at=now + KEPT_FOR,
            )
            self._files[view.id] = _File(view, content)
            return view

        return await self._connection.call(write)

    async def find(self, artifact_id: str) -> ArtifactView | None:
        """See ``ArtifactStore``."""
        held = await self._held(artifact_id)
        return held.view if held else None

    async def content(self, artifact_id: str) -> bytes | None:
        """See ``ArtifactStore``."""
        held = await self._held(artifact_id)
        return held.content if held else None

    async def _held(self, artifact_id: str) -> _File | None:
        return await self._connection.call(lambda: self._files.get(artifact_id))

    async def keep(self, artifact_id: str) -> None:
        """See ``ArtifactStore``."""
        del artifact_id
        await self._connection.call(lambda: None)

    async def keep_until(self, artifact_id: str, instant: datetime) -> None:
        """See ``ArtifactStore``: every file is kept for the whole run."""
        del instant
        await self.keep(artifact_id)

    async def expire(self, now: datetime) -> int:
        """See ``ArtifactStore``: nothing expires within a run."""
        del now
        return 0
