"""Lists as every kind of aggregate offers them: allowed filters and sort orders as data, and the caller's own part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from control_plane_api.application.authorization.policy import Action, Scope, scope_of
from control_plane_api.application.authorization.principal import Principal
from control_plane_api.application.errors import ForbiddenError, InvalidError
from control_plane_api.application.ports import ListQuery


@dataclass(frozen=True, slots=True)
class ListRequest:
    """One page as asked for. ``filters`` holds query parameters; commas separate alternatives."""

    filters: Mapping[str, str] = field(default_factory=dict)
    sort: str = ""
    cursor: str = ""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class ListRules:
    """What may be asked of one kind: parameter name to stored path.

    ``indexed`` names the filters that find few of many. Every write of a document pays for each index, so the filters
    of small collections, and those that are rarely asked, have none.
    """

    filters: Mapping[str, str]
    sorts: Mapping[str, str]
    indexed: Sequence[str] = ()
    owner_path: str = ""
    department_path: str = ""

    def indexed_paths(self) -> tuple[str, ...]:
        """Stored paths of the filters that have an index."""
        return tuple(self.filters[name] for name in self.indexed)

    def query(self, request: ListRequest, principal: Principal, action: Action) -> ListQuery:
        """The store's query. Raises ``InvalidError`` for an unknown filter or order, ``ForbiddenError``."""
        unknown = sorted(set(request.filters) - set(self.filters))
        if unknown:
            allowed = ", ".join(sorted(self.filters))
            raise InvalidError.field("UnknownFilter", f"query.{unknown[0]}", f"this list filters by {allowed}")
        filters: dict[str, object] = {
            self.filters[name]: _alternatives(value) for name, value in request.filters.items() if value != ""
        }
        filters |= self._own_part(principal, action, filters)
        name = request.sort.removeprefix("-") or "created_at"
        sorts = {"created_at": "created_at", **self.sorts}
        if name not in sorts:
            raise InvalidError.field("UnknownSort", "query.sort", f"this list sorts by {', '.join(sorted(sorts))}")
        descending = request.sort.startswith("-") or not request.sort
        return ListQuery(filters, sorts[name], descending, request.cursor, request.limit)

    def _own_part(self, principal: Principal, action: Action, asked: Mapping[str, object]) -> dict[str, object]:
        """The filter that keeps foreign objects out; a contradicting filter of the caller finds nothing."""
        match scope_of(principal, action):
            case Scope.ANY:
                return {}
            case Scope.DEPARTMENT if self.department_path:
                return _restricted(self.department_path, principal.department, asked)
            case Scope.OWN if self.owner_path:
                return _restricted(self.owner_path, principal.username, asked)
            case _:
                raise ForbiddenError(action)


def _restricted(path: str, mine: str, asked: Mapping[str, object]) -> dict[str, object]:
    wanted = asked.get(path, mine)
    fits = wanted == mine or (isinstance(wanted, list) and mine in wanted)
    return {path: mine if fits and mine else {"$in": []}}


def _alternatives(value: str) -> object:
    parts = [part for part in value.split(",") if part]
    if len(parts) > 1:
        return parts
    return {"true": True, "false": False}.get(value, value)


SESSIONS = ListRules(
    filters={
        "phase": "status.phase",
        "owner": "spec.owner",
        "department": "spec.department",
        "definition_id": "spec.definition_id",
        "definition_name": "spec.definition_name",
        "worker_id": "status.placement.worker_id",
        "outcome": "status.outcome",
        "reservation_id": "spec.reservation_id",
    },
    sorts={"slot_start": "spec.slot.start", "phase_since": "status.phase_since", "owner": "spec.owner"},
    indexed=("phase", "owner", "department", "definition_id", "worker_id"),
    owner_path="spec.owner",
    department_path="spec.department",
)
WORKERS = ListRules(
    filters={
        "phase": "status.phase",
        "region": "spec.region",
        "template_id": "spec.template_id",
        "desired": "spec.desired",
        "schedulable": "status.schedulable",
    },
    sorts={"name": "spec.name", "phase_since": "status.phase_since"},
    indexed=("phase",),
)
TEMPLATES = ListRules(filters={"enabled": "spec.enabled"}, sorts={"name": "spec.name"})
DEFINITIONS = ListRules(
    filters={"phase": "status.phase", "name": "spec.name", "graded": "spec.graded"},
    sorts={"name": "spec.name"},
    indexed=("name",),
)
LAB_RECORDS = ListRules(
    filters={
        "phase": "status.phase",
        "worker_id": "spec.worker_id",
        "session_id": "spec.session_id",
        "source": "spec.source",
    },
    sorts={"title": "spec.title"},
    indexed=("phase", "worker_id", "session_id"),
)
QUOTAS = ListRules(
    filters={"scope": "spec.scope", "subject": "spec.subject"},
    sorts={"subject": "spec.subject"},
    indexed=("subject",),
    owner_path="spec.subject",
    department_path="spec.subject",
)
TASKS = ListRules(
    filters={
        "phase": "status.phase",
        "severity": "spec.severity",
        "assignee": "spec.assignee",
        "department": "spec.department",
        "target_id": "spec.target_id",
    },
    sorts={"title": "spec.title"},
    indexed=("phase", "target_id"),
    owner_path="spec.assignee",
    department_path="spec.department",
)
