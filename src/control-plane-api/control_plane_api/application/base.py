"""Base of all commands, queries and their handlers."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from neuroglia.mediation import Command, CommandHandler, Query, QueryHandler

from control_plane_api.application.authorization.principal import Principal
from control_plane_api.application.ports import Deps
from control_plane_api.kernel.aggregate import Resource
from lcm_core.contracts.common import Written

ResultT = TypeVar("ResultT")
AnswerT = TypeVar("AnswerT", covariant=True)


# The framework wants its OperationResult as answer. The platform's handlers answer with wire models and refuse by
# raising, so the answer's type is a parameter of its own.
@dataclass(frozen=True, slots=True)
class BaseCommand(Command[Any], Generic[AnswerT]):
    """A wish to change something, by somebody."""

    principal: Principal


@dataclass(frozen=True, slots=True)
class BaseQuery(Query[Any], Generic[AnswerT]):
    """A question, by somebody."""

    principal: Principal


CommandT = TypeVar("CommandT", bound=BaseCommand[Any])
QueryT = TypeVar("QueryT", bound=BaseQuery[Any])


class Handler(CommandHandler[CommandT, Any], Generic[CommandT, ResultT]):
    """A command handler with everything it may need."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    @abstractmethod
    async def handle_async(self, request: CommandT) -> ResultT:
        """Carry the command out. Raises the errors of ``application.errors``."""


class Reader(QueryHandler[QueryT, Any], Generic[QueryT, ResultT]):
    """A query handler with everything it may need."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    @abstractmethod
    async def handle_async(self, request: QueryT) -> ResultT:
        """Answer the question. Raises the errors of ``application.errors``."""


def written(aggregate: Resource[Any, Any], phase: str) -> Written:
    """The answer to an internal write."""
    return Written(id=aggregate.key, version=aggregate.version, generation=aggregate.generation, phase=phase)
