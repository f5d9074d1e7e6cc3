"""Dispatch of commands and queries.

The framework's mediator finds handlers by reflection on each call and drops what it cannot build. This one is given
every handler and behavior at start, so a missing dependency stops the start, and a call is one dictionary lookup.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from neuroglia.mediation import Mediator, RequestHandler
from neuroglia.mediation.pipeline_behavior import PipelineBehavior

from control_plane_api.application.base import BaseCommand, BaseQuery
from control_plane_api.kernel.errors import WiringError

ResultT = TypeVar("ResultT")
Handlers = Mapping[type, "RequestHandler[Any, Any]"]
Next = Callable[[], Awaitable[Any]]


class SafeMediator(Mediator):
    """Same interface as the framework's mediator; events do not pass through it, but through the outbox."""

    def __init__(self, provider: Any, handlers: Handlers, behaviors: "Sequence[PipelineBehavior[Any, Any]]") -> None:
        super().__init__(provider)
        self._handlers = dict(handlers)
        self._behaviors = tuple(behaviors)

    @property
    def handled(self) -> frozenset[type]:
        """Every request type that has a handler."""
        return frozenset(self._handlers)

    async def execute(self, request: BaseCommand[ResultT] | BaseQuery[ResultT]) -> ResultT:
        """Handle a request; raises whatever the handler raises."""
        result: ResultT = await self.execute_async(request)
        return result

    async def execute_async(self, request: Any) -> Any:
        """See ``Mediator``. Raises ``WiringError`` for a request that nobody handles."""
        handler = self._handlers.get(type(request))
        if handler is None:
            raise WiringError(f"nobody handles {type(request).__name__}")
        if not self._behaviors:
            return await handler.handle_async(request)
        return await self._through(0, request, handler)

    async def _through(self, index: int, request: Any, handler: "RequestHandler[Any, Any]") -> Any:
        if index == len(self._behaviors):
            return await handler.handle_async(request)
        return await self._behaviors[index].handle_async(request, lambda: self._through(index + 1, request, handler))

    async def publish_async(self, notification: object) -> None:
        """Refused: what happened to an aggregate is recorded on it and travels through its outbox."""
        raise WiringError(f"{type(notification).__name__} must be recorded on its aggregate, not published in memory")
