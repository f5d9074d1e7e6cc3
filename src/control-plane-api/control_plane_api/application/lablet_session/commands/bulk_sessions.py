"""One action on many sessions."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field

from control_plane_api.application.base import BaseCommand, Handler
from control_plane_api.application.errors import ApplicationError
from control_plane_api.application.lablet_session.commands.change_session import (
    ChangeSessionCommand,
    ChangeSessionHandler,
    SessionWish,
)
from control_plane_api.application.lablet_session.commands.end_session import EndSessionCommand, EndSessionHandler
from control_plane_api.application.ports import Deps
from lcm_core.contracts.common import BulkItemResult, BulkResult, RequestModel, Sentence
from lcm_core.contracts.sessions import SessionView


class BulkAction(StrEnum):
    """What may be asked of many sessions."""

    CANCEL = "cancel"
    STOP = "stop"
    RESUME = "resume"
    RESTART = "restart"
    COLLECT_AND_GRADE = "collect-and-grade"
    OBSERVE = "observe"


class BulkSessions(RequestModel):
    """The action and its targets."""

    action: BulkAction
    ids: list[str] = Field(min_length=1, max_length=200)
    reason: Sentence = ""


@dataclass(frozen=True, slots=True)
class BulkSessionsCommand(BaseCommand[BulkResult]):
    """Act on each."""

    body: BulkSessions


class BulkSessionsHandler(Handler[BulkSessionsCommand, BulkResult]):
    """Every session goes through the same handler as a single request."""

    def __init__(self, deps: Deps) -> None:
        super().__init__(deps)
        self._end = EndSessionHandler(deps)
        self._change = ChangeSessionHandler(deps)

    async def handle_async(self, request: BulkSessionsCommand) -> BulkResult:
        """One result per id."""
        return BulkResult(items=[await self._one(request, session_id) for session_id in request.body.ids])

    async def _one(self, request: BulkSessionsCommand, session_id: str) -> BulkItemResult:
        try:
            session = await self._act(request, session_id)
        except ApplicationError as refusal:
            return BulkItemResult(id=session_id, status=refusal.status, code=refusal.code, detail=refusal.detail)
        except ValueError as refusal:
            code = str(getattr(refusal, "code", "IllegalTransition"))
            return BulkItemResult(id=session_id, status=409, code=code, detail=str(refusal))
        return BulkItemResult(id=session_id, status=200, version=session.version)

    async def _act(self, request: BulkSessionsCommand, session_id: str) -> SessionView:
        body, caller = request.body, request.principal
        if body.action is BulkAction.CANCEL:
            return await self._end.handle_async(EndSessionCommand(caller, session_id, body.reason))
        return await self._change.handle_async(ChangeSessionCommand(caller, session_id, SessionWish(body.action)))
