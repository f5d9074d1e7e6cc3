"""The Task aggregate: something a person must look at."""

from datetime import datetime

from control_plane_api.kernel.aggregate import Resource, ResourceEvent
from lcm_core.contracts.platform import TaskSpec, TaskStatus, UpdateTask
from lcm_core.domain.vocabulary import Kind, TaskState


class TaskOpened(ResourceEvent):
    """A task was opened."""

    title: str

    def cloud_event_type(self) -> str:
        """Published for pagers."""
        return "lcm.task.opened.v1"


class TaskUpdated(ResourceEvent):
    """A task changed."""

    change: str


class TaskClosed(ResourceEvent):
    """A task is done."""

    by: str
    message: str = ""

    def cloud_event_type(self) -> str:
        """Published for pagers."""
        return "lcm.task.closed.v1"


class Task(Resource[TaskSpec, TaskStatus]):
    """State and rules of one task."""

    KIND = Kind.TASK
    SPEC = TaskSpec
    STATUS = TaskStatus

    @classmethod
    def open(cls, task_id: str, spec: TaskSpec, created_by: str, now: datetime) -> "Task":
        """Open a task."""
        task = cls.create(task_id, spec, TaskStatus(), created_by, now)
        task.record(TaskOpened(title=spec.title))
        return task

    def reopen(self, spec: TaskSpec) -> bool:
        """The reason came back, or its words changed; answers whether anything changed."""
        if self.status.phase is TaskState.OPEN and self.spec == spec:
            return False
        reopened = self.status.phase is not TaskState.OPEN
        self.touch_spec()
        self.spec = spec.model_copy(update={"assignee": self.spec.assignee})
        self.status = TaskStatus()
        self.record(TaskOpened(title=spec.title) if reopened else TaskUpdated(change="described"))
        return True

    def update(self, request: UpdateTask, by: str, now: datetime) -> bool:
        """Change what a person may change; answers whether anything changed."""
        changes = request.model_dump(exclude_none=True, exclude={"state"})
        updated = self.spec.model_copy(update=changes)
        changed = updated != self.spec
        if changed:
            self.touch_spec()
            self.spec = updated
            self.record(TaskUpdated(change=", ".join(sorted(changes))))
        if request.state is TaskState.DONE and self.status.phase is TaskState.OPEN:
            self.close(by, "", now)
            changed = True
        elif request.state is TaskState.OPEN and self.status.phase is TaskState.DONE:
            self.status = TaskStatus()
            self.record(TaskOpened(title=self.spec.title))
            changed = True
        return changed

    def close(self, by: str, message: str, now: datetime) -> None:
        """Mark it done."""
        if self.status.phase is TaskState.DONE:
            return
        self.status = TaskStatus(phase=TaskState.DONE, message=message, closed_at=now, closed_by=by)
        self.record(TaskClosed(by=by, message=message))
