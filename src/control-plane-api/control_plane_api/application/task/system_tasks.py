"""Tasks that the platform opens and closes by itself: one per key, however often its reason is seen."""

from control_plane_api.application.errors import NotFoundError
from control_plane_api.application.ports import Deps
from control_plane_api.domain.task.task import Task
from lcm_core.contracts.platform import CloseTask, OpenTask, TaskSpec


async def open_task(deps: Deps, body: OpenTask, actor: str) -> Task:
    """Opens, describes again or reopens the task of a key."""
    spec = TaskSpec(**body.model_dump())
    key = _key(body.dedup_key)
    task = Task.open(key, spec, actor, deps.clock.now())
    if await deps.tasks.add(task):
        return task

    def mutate(current: Task) -> None:
        current.reopen(spec)

    return await deps.tasks.update(key, mutate)


async def close_task(deps: Deps, body: CloseTask, actor: str) -> None:
    """Closes the task of a key if there is one."""

    def mutate(current: Task) -> None:
        current.close(actor, body.message, deps.clock.now())

    try:
        await deps.tasks.update(_key(body.dedup_key), mutate)
    except NotFoundError:
        return


def _key(dedup_key: str) -> str:
    return f"task-{dedup_key}"
