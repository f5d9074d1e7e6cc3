"""Events that could not be delivered, and another try."""

from dataclasses import dataclass

from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.authorization.require import require
from control_plane_api.application.base import BaseCommand, BaseQuery, Handler, Reader
from control_plane_api.application.errors import NotFoundError
from control_plane_api.application.ports import DeadLetters, Deps
from lcm_core.contracts.common import Page
from lcm_core.contracts.outbound import DeadLetterView


@dataclass(frozen=True, slots=True)
class ListDeadLettersQuery(BaseQuery[Page[DeadLetterView]]):
    """The newest undelivered events."""

    limit: int


class ListDeadLettersReader(Reader[ListDeadLettersQuery, Page[DeadLetterView]]):
    """For operators."""

    def __init__(self, deps: Deps, letters: DeadLetters) -> None:
        super().__init__(deps)
        self._letters = letters

    async def handle_async(self, request: ListDeadLettersQuery) -> Page[DeadLetterView]:
        """Newest first."""
        require(request.principal, Action.JOB_READ)
        return Page[DeadLetterView](items=await self._letters.list(request.limit))


@dataclass(frozen=True, slots=True)
class RetryDeadLetterCommand(BaseCommand[None]):
    """Send an event again."""

    event_id: str


class RetryDeadLetterHandler(Handler[RetryDeadLetterCommand, None]):
    """Puts it back; the publisher sends it next."""

    def __init__(self, deps: Deps, letters: DeadLetters) -> None:
        super().__init__(deps)
        self._letters = letters

    async def handle_async(self, request: RetryDeadLetterCommand) -> None:
        """Raises ``NotFoundError`` for an event that is not in the list."""
        require(request.principal, Action.JOB_RUN)
        if not await self._letters.retry(request.event_id):
            raise NotFoundError("dead letter", request.event_id)
