"""Take an uploaded file."""

import re
from dataclasses import dataclass

from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.authorization.require import require
from control_plane_api.application.base import BaseCommand, Handler
from control_plane_api.application.errors import InvalidError
from lcm_core.contracts.definitions import ArtifactView

LARGEST_BYTES = 32 * 1024 * 1024
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_. -]{0,199}$")


@dataclass(frozen=True, slots=True)
class UploadArtifactCommand(BaseCommand[ArtifactView]):
    """Store a file for an hour, longer when something takes it."""

    filename: str
    content_type: str
    content: bytes


class UploadArtifactHandler(Handler[UploadArtifactCommand, ArtifactView]):
    """Checks name and size; what is inside is checked by whoever takes it."""

    async def handle_async(self, request: UploadArtifactCommand) -> ArtifactView:
        """The stored artifact. Raises ``InvalidError``."""
        require(request.principal, Action.ARTIFACT_WRITE)
        if not _NAME.match(request.filename):
            rule = "letters, digits, dot, dash, underscore and space, 200 at most"
            raise InvalidError.field("BadFilename", "file.filename", f"a file name has {rule}")
        if not request.content:
            raise InvalidError.field("EmptyFile", "file", "the file is empty")
        if len(request.content) > LARGEST_BYTES:
            raise InvalidError.field("FileTooLarge", "file", f"a file may have {LARGEST_BYTES} bytes")
        return await self._deps.artifacts.put(
            request.filename,
            request.content_type[:100],
            request.content,
            request.principal.actor,
            self._deps.clock.now(),
        )
