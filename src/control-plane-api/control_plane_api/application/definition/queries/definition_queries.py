"""Questions about definitions."""

from dataclasses import dataclass

from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.authorization.require import require
from control_plane_api.application.base import BaseQuery, Reader
from control_plane_api.application.listing import DEFINITIONS, ListRequest
from lcm_core.contracts.common import Page
from lcm_core.contracts.definitions import DefinitionView


@dataclass(frozen=True, slots=True)
class GetDefinitionQuery(BaseQuery[DefinitionView]):
    """One definition."""

    definition_id: str


class GetDefinitionReader(Reader[GetDefinitionQuery, DefinitionView]):
    """The present state."""

    async def handle_async(self, request: GetDefinitionQuery) -> DefinitionView:
        """The definition. Raises ``NotFoundError``."""
        require(request.principal, Action.DEFINITION_READ)
        return (await self._deps.definitions.get(request.definition_id)).view(DefinitionView)


@dataclass(frozen=True, slots=True)
class ListDefinitionsQuery(BaseQuery[Page[DefinitionView]]):
    """A page of definitions."""

    page: ListRequest


class ListDefinitionsReader(Reader[ListDefinitionsQuery, Page[DefinitionView]]):
    """Only those the caller may see."""

    async def handle_async(self, request: ListDefinitionsQuery) -> Page[DefinitionView]:
        """The page."""
        query = DEFINITIONS.query(request.page, request.principal, Action.DEFINITION_READ)
        found = await self._deps.definitions.list(query)
        items = [definition.view(DefinitionView) for definition in found.items]
        return Page[DefinitionView].model_construct(items=items, next_cursor=found.next_cursor, total=found.total)
