"""Commands on operator tasks."""

from dataclasses import dataclass

from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.authorization.require import require, require_visible
from control_plane_api.application.base import BaseCommand, Handler, written
from control_plane_api.application.errors import NotFoundError
from control_plane_api.application.task.system_tasks import close_task, open_task
from control_plane_api.domain.task.task import Task
from control_plane_api.kernel.identifiers import new_id
from lcm_core.contracts.common import Written
from lcm_core.contracts.platform import CloseTask, CreateTask, OpenTask, TaskSpec, TaskView, UpdateTask


@dataclass(frozen=True, slots=True)
class CreateTaskCommand(BaseCommand[TaskView]):
    """A task made by a person."""

    body: CreateTask


class CreateTaskHandler(Handler[CreateTaskCommand, TaskView]):
    """Stores the task in the caller's department unless an admin names another."""

    async def handle_async(self, request: CreateTaskCommand) -> TaskView:
        """The new task."""
        body, principal = request.body, request.principal
        department = body.department or principal.department
        require(principal, Action.TASK_CREATE, department=department)
        spec = TaskSpec(
            title=body.title,
            description=body.description,
            severity=body.severity,
            assignee=body.assignee,
            department=department,
        )
        task = Task.open(new_id(), spec, principal.actor, self._deps.clock.now())
        if not await self._deps.tasks.add(task):
            task = await self._deps.tasks.get(task.key)
        return task.view(TaskView)


@dataclass(frozen=True, slots=True)
class UpdateTaskCommand(BaseCommand[TaskView]):
    """Change a task."""

    task_id: str
    body: UpdateTask
    expected_version: int | None = None


class UpdateTaskHandler(Handler[UpdateTaskCommand, TaskView]):
    """Assignees, their managers and admins may change a task."""

    async def handle_async(self, request: UpdateTaskCommand) -> TaskView:
        """The changed task."""
        task = await self._deps.tasks.get(request.task_id)
        owner, department = task.spec.assignee, task.spec.department
        require_visible(
            request.principal, Action.TASK_READ, "task", request.task_id, owner=owner, department=department
        )
        require(request.principal, Action.TASK_UPDATE, owner=owner, department=department)

        def mutate(current: Task) -> None:
            current.update(request.body, request.principal.actor, self._deps.clock.now())

        task = await self._deps.tasks.update(request.task_id, mutate, expected_version=request.expected_version)
        return task.view(TaskView)


@dataclass(frozen=True, slots=True)
class DeleteTaskCommand(BaseCommand[None]):
    """Remove a task."""

    task_id: str


class DeleteTaskHandler(Handler[DeleteTaskCommand, None]):
    """Purges the task."""

    async def handle_async(self, request: DeleteTaskCommand) -> None:
        """Raises ``NotFoundError`` for an unknown task."""
        require(request.principal, Action.TASK_DELETE)
        if not await self._deps.tasks.remove(request.task_id):
            raise NotFoundError("task", request.task_id)


@dataclass(frozen=True, slots=True)
class OpenTaskCommand(BaseCommand[Written]):
    """A task opened by the system."""

    body: OpenTask


class OpenTaskHandler(Handler[OpenTaskCommand, Written]):
    """One task per key: opens, describes again or reopens."""

    async def handle_async(self, request: OpenTaskCommand) -> Written:
        """Where the task stands now."""
        task = await open_task(self._deps, request.body, request.principal.actor)
        return written(task, task.status.phase)


@dataclass(frozen=True, slots=True)
class CloseTaskCommand(BaseCommand[None]):
    """The reason of a system task went away."""

    body: CloseTask


class CloseTaskHandler(Handler[CloseTaskCommand, None]):
    """Closes the task if there is one."""

    async def handle_async(self, request: CloseTaskCommand) -> None:
        """Unknown keys are fine."""
        await close_task(self._deps, request.body, request.principal.actor)
