"""What the stream shows of each object: the same wire models as the API, read once per change."""

from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from control_plane_api.application.authorization.policy import Action, Scope, scope_of
from control_plane_api.application.authorization.principal import Principal
from control_plane_api.application.ports import ControllerStore, Deps, ListQuery
from control_plane_api.infrastructure.sse.encoding import StreamEvent, encode
from control_plane_api.kernel.aggregate import Resource
from lcm_core.contracts.administration import SettingsView
from lcm_core.contracts.common import ResourceView
from lcm_core.contracts.definitions import DefinitionView
from lcm_core.contracts.platform import ControllerHeartbeat, ControllerView, TaskView
from lcm_core.contracts.sessions import SessionView
from lcm_core.contracts.workers import LabRecordView, TemplateView, WorkerView

PAGE = 200


@dataclass(frozen=True, slots=True)
class Shown:
    """One kind on the stream: the permission that shows it, and where its owner and department stand."""

    kind: str
    read: Action
    store: Callable[[Deps], Any]
    view: type[ResourceView]
    owner: str = ""


SHOWN: Mapping[str, Shown] = {
    "workers": Shown("worker", Action.WORKER_READ, lambda deps: deps.workers, WorkerView),
    "sessions": Shown("session", Action.SESSION_READ, lambda deps: deps.sessions, SessionView, "owner"),
    "definitions": Shown("definition", Action.DEFINITION_READ, lambda deps: deps.definitions, DefinitionView),
    "templates": Shown("template", Action.TEMPLATE_READ, lambda deps: deps.templates, TemplateView),
    "lab-records": Shown("lab_record", Action.LAB_READ, lambda deps: deps.lab_records, LabRecordView),
    "settings": Shown("settings", Action.SETTINGS_READ, lambda deps: deps.settings, SettingsView),
    "tasks": Shown("task", Action.TASK_READ, lambda deps: deps.tasks, TaskView, "assignee"),
}
"""By etcd collection."""

ACTION_OF_KIND = {shown.kind: shown.read for shown in SHOWN.values()} | {
    "worker.metrics": Action.WORKER_READ,
    "controller": Action.CONTROLLER_READ,
}


def may_see(principal: Principal, event: StreamEvent) -> bool:
    """Whether an event concerns something the caller may read."""
    action = ACTION_OF_KIND.get(event.kind)
    if action is None:
        return not event.owner or event.owner == principal.username
    match scope_of(principal, action):
        case Scope.ANY:
            return True
        case Scope.DEPARTMENT:
            return event.owner == principal.username or (
                bool(event.department) and (event.department == principal.department)
            )
        case Scope.OWN:
            return bool(event.owner) and event.owner == principal.username
        case _:
            return False


class Snapshots:
    """Reads objects and encodes them."""

    def __init__(self, deps: Deps, controllers: ControllerStore) -> None:
        self._deps = deps
        self._controllers = controllers

    async def read(self, collection: str, object_ids: Iterable[str]) -> list[StreamEvent]:
        """Snapshot events of those objects that exist, deletion events of the others."""
        shown = SHOWN[collection]
        wanted = list(object_ids)
        found = await shown.store(self._deps).get_many(wanted)
        metrics = await self._deps.metrics.latest(wanted) if shown.kind == "worker" else {}
        events = []
        for object_id in wanted:
            aggregate = found.get(object_id)
            if aggregate is None:
                events.append(_deleted(shown, object_id))
            else:
                events.append(self._encode(shown, aggregate, metrics))
        return events

    async def metrics(self, worker_ids: Iterable[str]) -> list[StreamEvent]:
        """The newest sample of each worker."""
        latest = await self._deps.metrics.latest(list(worker_ids))
        return [
            StreamEvent(
                "worker.metrics",
                worker_id,
                encode("worker.metrics", {"worker_id": worker_id, "metrics": sample.model_dump(mode="json")}),
            )
            for worker_id, sample in latest.items()
        ]

    @staticmethod
    def controller(status: bytes) -> StreamEvent:
        """A controller replica from what it says of itself. Raises ``ValueError`` for something else."""
        said = ControllerHeartbeat.model_validate_json(status)
        view = ControllerView(**said.model_dump(), seen_at=datetime.now(UTC), alive=True)
        return _controller(view)

    async def controllers(self, names: Collection[str] | None = None) -> list[StreamEvent]:
        """Controller replicas as last heard of: all of them, or those of ``service/identity``, which are gone."""
        found = await self._controllers.all()
        if names is None:
            return [_controller(view) for view in found]
        gone = [view for view in found if f"{view.service}/{view.identity}" in names]
        return [_controller(view.model_copy(update={"alive": False})) for view in gone]

    async def everything(self) -> AsyncGenerator[list[StreamEvent], None]:
        """All objects of all kinds, page by page."""
        for shown in SHOWN.values():
            cursor = ""
            while True:
                page = await shown.store(self._deps).list(ListQuery(cursor=cursor, limit=PAGE))
                metrics = {}
                if shown.kind == "worker":
                    metrics = await self._deps.metrics.latest([aggregate.key for aggregate in page.items])
                yield [self._encode(shown, aggregate, metrics) for aggregate in page.items]
                cursor = page.next_cursor
                if not cursor:
                    break
        yield await self.controllers()

    @staticmethod
    def _encode(shown: Shown, aggregate: Resource[Any, Any], metrics: Mapping[str, Any]) -> StreamEvent:
        extra = {"metrics": metrics.get(aggregate.key)} if shown.kind == "worker" else {}
        body = aggregate.view(shown.view, **extra).model_dump_json().encode()
        return StreamEvent(
            shown.kind,
            aggregate.key,
            encode(f"{shown.kind}.snapshot", body),
            str(getattr(aggregate.spec, shown.owner, "")) if shown.owner else "",
            str(getattr(aggregate.spec, "department", "")),
        )


def _controller(view: ControllerView) -> StreamEvent:
    body = view.model_dump_json().encode()
    return StreamEvent("controller", f"{view.service}/{view.identity}", encode("controller.snapshot", body))


def _deleted(shown: Shown, object_id: str) -> StreamEvent:
    """Only the id, which says nothing about anybody; whoever never saw the object ignores it."""
    return StreamEvent(f"{shown.kind}.deleted", object_id, encode(f"{shown.kind}.deleted", {"id": object_id}))
