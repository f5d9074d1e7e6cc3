"""Questions about tasks."""

from dataclasses import dataclass

from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.authorization.require import require_visible
from control_plane_api.application.base import BaseQuery, Reader
from control_plane_api.application.listing import TASKS, ListRequest
from lcm_core.contracts.common import Page
from lcm_core.contracts.platform import TaskView


@dataclass(frozen=True, slots=True)
class GetTaskQuery(BaseQuery[TaskView]):
    """One task."""

    task_id: str


class GetTaskReader(Reader[GetTaskQuery, TaskView]):
    """The present state."""

    async def handle_async(self, request: GetTaskQuery) -> TaskView:
        """The task. Raises ``NotFoundError``."""
        task = await self._deps.tasks.get(request.task_id)
        owner, department = task.spec.assignee, task.spec.department
        require_visible(
            request.principal, Action.TASK_READ, "task", request.task_id, owner=owner, department=department
        )
        return task.view(TaskView)


@dataclass(frozen=True, slots=True)
class ListTasksQuery(BaseQuery[Page[TaskView]]):
    """A page of tasks."""

    page: ListRequest


class ListTasksReader(Reader[ListTasksQuery, Page[TaskView]]):
    """Only those the caller may see."""

    async def handle_async(self, request: ListTasksQuery) -> Page[TaskView]:
        """The page."""
        query = TASKS.query(request.page, request.principal, Action.TASK_READ)
        found = await self._deps.tasks.list(query)
        items = [task.view(TaskView) for task in found.items]
        return Page[TaskView].model_construct(items=items, next_cursor=found.next_cursor, total=found.total)
