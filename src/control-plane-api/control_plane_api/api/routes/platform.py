"""``/tasks``, ``/audit``, ``/controllers``."""

from typing import Annotated

from fastapi import Path, Query
from starlette.responses import Response

from control_plane_api.api.call import Call
from control_plane_api.api.guard import api_router, guard
from control_plane_api.api.lists import LARGEST_PAGE, list_parameters
from control_plane_api.application.audit.log import AuditQuery
from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.cloudevents.queries import ListDeadLettersQuery, RetryDeadLetterCommand
from control_plane_api.application.listing import TASKS, ListRequest
from control_plane_api.application.runtime.queries.runtime_queries import ListControllersQuery, SearchAuditQuery
from control_plane_api.application.task.commands.task_commands import (
    CreateTaskCommand,
    DeleteTaskCommand,
    UpdateTaskCommand,
)
from control_plane_api.application.task.queries.task_queries import GetTaskQuery, ListTasksQuery
from lcm_core.contracts.common import Page, UtcTime
from lcm_core.contracts.outbound import DeadLetterView
from lcm_core.contracts.platform import AuditEntryView, ControllerView, CreateTask, TaskView, UpdateTask

tasks_router = api_router("/tasks", tags=["tasks"])
router = api_router(tags=["platform"])
TaskId = Annotated[str, Path(min_length=1, max_length=120)]
Words = Annotated[str, Query(max_length=200)]


@tasks_router.post("", status_code=201, response_model=TaskView, summary="Create a task")
@guard(Action.TASK_CREATE)
async def create_task(call: Call, body: CreateTask) -> Response:
    """For a person of one's department."""
    made = await call.execute(CreateTaskCommand(call.principal, body))
    return call.respond(made, status=201, headers={"Location": f"/api/tasks/{made.id}"})


@tasks_router.get("", response_model=Page[TaskView], summary="List tasks")
@guard(Action.TASK_READ)
async def list_tasks(call: Call, page: ListRequest = list_parameters(TASKS, "Task")) -> Response:
    """Admins see all, managers those of their department, others their own."""
    return call.respond(await call.execute(ListTasksQuery(call.principal, page)))


@tasks_router.get("/{task_id}", response_model=TaskView, summary="Look at a task")
@guard(Action.TASK_READ)
async def get_task(call: Call, task_id: TaskId) -> Response:
    """One task."""
    return call.respond(await call.execute(GetTaskQuery(call.principal, task_id)))


@tasks_router.put("/{task_id}", response_model=TaskView, summary="Change a task")
@guard(Action.TASK_UPDATE)
async def update_task(call: Call, task_id: TaskId, body: UpdateTask) -> Response:
    """Unset fields keep their value."""
    return call.respond(await call.execute(UpdateTaskCommand(call.principal, task_id, body, call.expected_version)))


@tasks_router.delete("/{task_id}", status_code=204, summary="Delete a task")
@guard(Action.TASK_DELETE)
async def delete_task(call: Call, task_id: TaskId) -> Response:
    """Admins only."""
    await call.execute(DeleteTaskCommand(call.principal, task_id))
    return call.respond(None)


@router.get("/controllers", response_model=Page[ControllerView], summary="List controller replicas")
@guard(Action.CONTROLLER_READ)
async def controllers(call: Call) -> Response:
    """Who leads, how deep the queues are, and the last sentence per key."""
    return call.respond(await call.execute(ListControllersQuery(call.principal)))


@router.get("/cloudevents/dead-letters", response_model=Page[DeadLetterView], summary="List undelivered events")
@guard(Action.JOB_READ)
async def dead_letters(call: Call, limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 50) -> Response:
    """CloudEvents that the sink refused for good, or did not take for a day; newest first."""
    return call.respond(await call.execute(ListDeadLettersQuery(call.principal, limit)))


@router.post("/cloudevents/dead-letters/{event_id}/retry", status_code=204, summary="Send an event again")
@guard(Action.JOB_RUN)
async def retry_dead_letter(call: Call, event_id: Annotated[str, Path(min_length=1, max_length=80)]) -> Response:
    """It leaves with the next batch, perhaps after newer events of the same object."""
    await call.execute(RetryDeadLetterCommand(call.principal, event_id))
    return call.respond(None)


@router.get("/audit", response_model=Page[AuditEntryView], summary="Search the audit trail")
@guard(Action.AUDIT_READ)
async def audit(
    call: Call,
    actor: Words = "",
    target_id: Words = "",
    command: Words = "",
    result: Annotated[str, Query(pattern="^(|accepted|denied)$")] = "",
    since: UtcTime | None = None,
    until: UtcTime | None = None,
    cursor: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 50,
) -> Response:
    """Newest first."""
    query = AuditQuery(actor, target_id, command, result, since, until, cursor, limit)
    return call.respond(await call.execute(SearchAuditQuery(call.principal, query)))
