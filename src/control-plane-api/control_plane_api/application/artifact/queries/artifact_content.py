"""Read an artifact."""

from dataclasses import dataclass

from control_plane_api.application.base import BaseQuery, Reader
from control_plane_api.application.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class ArtifactContentQuery(BaseQuery[bytes]):
    """The bytes of an artifact; the edge lets only the lablet controller in."""

    artifact_id: str


class ArtifactContentReader(Reader[ArtifactContentQuery, bytes]):
    """From the artifact store."""

    async def handle_async(self, request: ArtifactContentQuery) -> bytes:
        """The bytes. Raises ``NotFoundError``."""
        content = await self._deps.artifacts.content(request.artifact_id)
        if content is None:
            raise NotFoundError("artifact", request.artifact_id)
        return content
