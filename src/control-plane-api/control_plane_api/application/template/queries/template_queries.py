"""Questions about worker templates."""

from dataclasses import dataclass

from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.authorization.require import require
from control_plane_api.application.base import BaseQuery, Reader
from control_plane_api.application.listing import TEMPLATES, ListRequest
from lcm_core.contracts.common import Page
from lcm_core.contracts.workers import TemplateView


@dataclass(frozen=True, slots=True)
class GetTemplateQuery(BaseQuery[TemplateView]):
    """One template."""

    template_id: str


class GetTemplateReader(Reader[GetTemplateQuery, TemplateView]):
    """The present state."""

    async def handle_async(self, request: GetTemplateQuery) -> TemplateView:
        """The template. Raises ``NotFoundError``."""
        require(request.principal, Action.TEMPLATE_READ)
        return (await self._deps.templates.get(request.template_id)).view(TemplateView)


@dataclass(frozen=True, slots=True)
class ListTemplatesQuery(BaseQuery[Page[TemplateView]]):
    """A page of worker templates."""

    page: ListRequest


class ListTemplatesReader(Reader[ListTemplatesQuery, Page[TemplateView]]):
    """Only those the caller may see."""

    async def handle_async(self, request: ListTemplatesQuery) -> Page[TemplateView]:
        """The page."""
        query = TEMPLATES.query(request.page, request.principal, Action.TEMPLATE_READ)
        found = await self._deps.templates.list(query)
        items = [template.view(TemplateView) for template in found.items]
        return Page[TemplateView].model_construct(items=items, next_cursor=found.next_cursor, total=found.total)
