"""Commands on worker templates."""

from dataclasses import dataclass

from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.authorization.require import require
from control_plane_api.application.base import BaseCommand, Handler
from control_plane_api.application.errors import ConflictError
from control_plane_api.domain.worker.template import WorkerTemplate
from lcm_core.contracts.workers import TemplateSpec, TemplateView


@dataclass(frozen=True, slots=True)
class CreateTemplateCommand(BaseCommand[TemplateView]):
    """Define a template; its name is its id."""

    body: TemplateSpec


class CreateTemplateHandler(Handler[CreateTemplateCommand, TemplateView]):
    """Stores a new template."""

    async def handle_async(self, request: CreateTemplateCommand) -> TemplateView:
        """The new template. Raises ``ConflictError`` when the name is taken."""
        require(request.principal, Action.TEMPLATE_WRITE)
        now = self._deps.clock.now()
        template = WorkerTemplate.define(request.body.name, request.body, request.principal.actor, now)
        if not await self._deps.templates.add(template):
            raise ConflictError("NameTaken", f"A template named {request.body.name} exists already.")
        return template.view(TemplateView)


@dataclass(frozen=True, slots=True)
class ReviseTemplateCommand(BaseCommand[TemplateView]):
    """Replace a template's specification."""

    template_id: str
    body: TemplateSpec
    expected_version: int | None = None


class ReviseTemplateHandler(Handler[ReviseTemplateCommand, TemplateView]):
    """Stores the change; running workers keep what they were launched with."""

    async def handle_async(self, request: ReviseTemplateCommand) -> TemplateView:
        """The changed template."""
        require(request.principal, Action.TEMPLATE_WRITE)

        def mutate(template: WorkerTemplate) -> None:
            if template.spec.name != request.body.name:
                raise ConflictError("NameFixed", "The name of a template is its id and cannot change.")
            template.revise(request.body)

        template = await self._deps.templates.update(
            request.template_id, mutate, expected_version=request.expected_version
        )
        return template.view(TemplateView)
