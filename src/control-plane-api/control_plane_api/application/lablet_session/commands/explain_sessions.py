"""Store why sessions wait."""

from dataclasses import dataclass

from control_plane_api.application.base import BaseCommand, Handler
from control_plane_api.application.errors import NotFoundError
from control_plane_api.domain.lablet_session.session import LabletSession
from lcm_core.contracts.common import BulkItemResult, BulkResult
from lcm_core.contracts.sessions import ExplainSession, ExplanationBatch


@dataclass(frozen=True, slots=True)
class ExplainSessionsCommand(BaseCommand[BulkResult]):
    """Explain."""

    batch: ExplanationBatch


class ExplainSessionsHandler(Handler[ExplainSessionsCommand, BulkResult]):
    """Writes only where the explanation changed and the session still waits."""

    async def handle_async(self, request: ExplainSessionsCommand) -> BulkResult:
        """One result per item."""
        return BulkResult(items=[await self._explain(item) for item in request.batch.items])

    async def _explain(self, item: ExplainSession) -> BulkItemResult:
        def mutate(session: LabletSession) -> None:
            session.explain(item.explanation)

        try:
            session = await self._deps.sessions.update(item.session_id, mutate)
        except NotFoundError as error:
            return BulkItemResult(id=item.session_id, status=404, code=error.code, detail=error.detail)
        return BulkItemResult(id=item.session_id, status=200, version=session.version)
