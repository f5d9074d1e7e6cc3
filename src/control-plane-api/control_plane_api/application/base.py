"""Base of all commands, queries and their handlers."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from neuroglia.mediation import Command, CommandHandler, Query, QueryHandler

from control_plane_api.application.authorization.principal import Principal
from control_plane_api.application.ports import Deps
from control_plane_api.kernel.aggregate import Resource
from lcm_core.contracts.common import Written

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class BaseCommand(Command[ResultT], Generic[ResultT]):
    """A wish to change something, by somebody."""

    principal: Principal


@dataclass(frozen=True, slots=True)
class BaseQuery(Query[ResultT], Generic[ResultT]):
    """A question, by somebody."""

    principal: Principal


CommandT = TypeVar("CommandT", bound=Command)  # type: ignore[type-arg]
QueryT = TypeVar("QueryT", bound=Query)  # type: ignore[type-arg]


class Handler(CommandHandler[CommandT, ResultT], Generic[CommandT, ResultT]):
    """A command handler with everything it may need."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps


class Reader(QueryHandler[QueryT, ResultT], Generic[QueryT, ResultT]):
    """A query handler with everything it may need."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps


def written(aggregate: "Resource", phase: str) -> Written:  # type: ignore[type-arg]
    """The answer to an internal write."""
    return Written(id=aggregate.key, version=aggregate.version, generation=aggregate.generation, phase=phase)
