"""Who may do what: one table, read by the HTTP edge (role part) and by the handlers (ownership part).

A *scope* says on which objects a role may act: ``ANY``, those of the caller's ``DEPARTMENT``, or the caller's ``OWN``.
The widest scope of all roles of a caller holds. The documentation's role table is generated from :data:`POLICY`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from control_plane_api.application.authorization.principal import Principal
from lcm_core.domain.vocabulary import Role


class Scope(IntEnum):
    """How far a permission reaches; a wider scope has a higher value."""

    NONE = 0
    OWN = 1
    DEPARTMENT = 2
    ANY = 3


class Action(StrEnum):
    """Every guarded thing the API does."""

    SESSION_READ = "session.read"
    SESSION_RESERVE = "session.reserve"
    SESSION_CHANGE = "session.change"
    SESSION_OPERATE = "session.operate"
    SESSION_LAUNCH = "session.launch"
    DEFINITION_READ = "definition.read"
    DEFINITION_WRITE = "definition.write"
    ARTIFACT_WRITE = "artifact.write"
    WORKER_READ = "worker.read"
    WORKER_OPERATE = "worker.operate"
    WORKER_TAG = "worker.tag"
    WORKER_CREATE = "worker.create"
    WORKER_TERMINATE = "worker.terminate"
    WORKER_LICENSE = "worker.license"
    TEMPLATE_READ = "template.read"
    TEMPLATE_WRITE = "template.write"
    LAB_READ = "lab.read"
    LAB_OPERATE = "lab.operate"
    TASK_READ = "task.read"
    TASK_CREATE = "task.create"
    TASK_UPDATE = "task.update"
    TASK_DELETE = "task.delete"
    AUDIT_READ = "audit.read"
    INBOUND_READ = "inbound.read"
    INBOUND_REPLAY = "inbound.replay"
    SETTINGS_READ = "settings.read"
    SETTINGS_WRITE = "settings.write"
    QUOTA_READ = "quota.read"
    QUOTA_WRITE = "quota.write"
    JOB_READ = "job.read"
    JOB_RUN = "job.run"
    CONTROLLER_READ = "controller.read"
    CAPACITY_READ = "capacity.read"
    COST_READ = "cost.read"
    STREAM_READ = "stream.read"
    NOTICE_SEND = "notice.send"
    USER_SELF = "user.self"
    USER_REVOKE = "user.revoke"
    # Internal API, one group per controller.
    CONTROLLER_RUNTIME = "internal.runtime"
    TASK_SYSTEM = "internal.task"
    CLAIM_READ = "internal.claims"
    SESSION_PLACE = "internal.place"
    SESSION_TRANSITION = "internal.transition"
    SESSION_CHILDREN = "internal.children"
    WORKER_SCALE = "internal.scale"
    WORKER_REPORT = "internal.worker-report"
    WORKER_CREDENTIALS = "internal.worker-credentials"
    WORKER_LABS = "internal.worker-labs"
    DEFINITION_SYNC = "internal.definition-sync"
    ARTIFACT_READ = "internal.artifact-read"
    INBOUND_EVENTS = "internal.inbound-events"


@dataclass(frozen=True, slots=True)
class Rule:
    """The scope of each role for one action; roles that are not named have none."""

    scopes: dict[Role, Scope]

    def scope(self, roles: Iterable[str]) -> Scope:
        """The widest scope any of the roles has."""
        return max((self.scopes.get(Role(role), Scope.NONE) for role in roles if role in _ROLES), default=Scope.NONE)


_ROLES = frozenset(Role)
_CONTROLLERS = (Role.RESOURCE_SCHEDULER, Role.WORKER_CONTROLLER, Role.LABLET_CONTROLLER)
_PEOPLE = (Role.ADMIN, Role.MANAGER, Role.USER, Role.LAB_AUTHOR)


def _rule(*, everywhere: Iterable[Role] = (), department: Iterable[Role] = (), own: Iterable[Role] = ()) -> Rule:
    scopes = dict.fromkeys(own, Scope.OWN)
    scopes |= dict.fromkeys(department, Scope.DEPARTMENT)
    scopes |= dict.fromkeys(everywhere, Scope.ANY)
    return Rule(scopes)


_ADMIN = (Role.ADMIN,)
_ADMIN_MANAGER = (Role.ADMIN, Role.MANAGER)
_AUTHORS = (Role.ADMIN, Role.LAB_AUTHOR)
_READERS = (*_PEOPLE, *_CONTROLLERS)

POLICY: dict[Action, Rule] = {
    Action.SESSION_READ: _rule(
        everywhere=(Role.ADMIN, *_CONTROLLERS), department=(Role.MANAGER,), own=(Role.USER, Role.LAB_AUTHOR)
    ),
    Action.SESSION_RESERVE: _rule(everywhere=_ADMIN, department=(Role.MANAGER,), own=(Role.USER, Role.LAB_AUTHOR)),
    Action.SESSION_CHANGE: _rule(everywhere=_ADMIN, department=(Role.MANAGER,), own=(Role.USER, Role.LAB_AUTHOR)),
    Action.SESSION_OPERATE: _rule(everywhere=_ADMIN, department=(Role.MANAGER,)),
    Action.SESSION_LAUNCH: _rule(everywhere=_ADMIN, department=(Role.MANAGER,), own=(Role.USER, Role.LAB_AUTHOR)),
    Action.DEFINITION_READ: _rule(everywhere=_READERS),
    Action.DEFINITION_WRITE: _rule(everywhere=_AUTHORS),
    Action.ARTIFACT_WRITE: _rule(everywhere=(*_AUTHORS, Role.MANAGER, Role.LABLET_CONTROLLER)),
    Action.WORKER_READ: _rule(everywhere=_READERS),
    Action.WORKER_OPERATE: _rule(everywhere=_ADMIN_MANAGER),
    Action.WORKER_TAG: _rule(everywhere=_ADMIN_MANAGER),
    Action.WORKER_CREATE: _rule(everywhere=_ADMIN),
    Action.WORKER_TERMINATE: _rule(everywhere=_ADMIN),
    Action.WORKER_LICENSE: _rule(everywhere=_ADMIN),
    Action.TEMPLATE_READ: _rule(everywhere=_READERS),
    Action.TEMPLATE_WRITE: _rule(everywhere=_ADMIN),
    Action.LAB_READ: _rule(everywhere=_READERS),
    Action.LAB_OPERATE: _rule(everywhere=_ADMIN_MANAGER),
    Action.TASK_READ: _rule(
        everywhere=(Role.ADMIN, *_CONTROLLERS), department=(Role.MANAGER,), own=(Role.USER, Role.LAB_AUTHOR)
    ),
    Action.TASK_CREATE: _rule(everywhere=_ADMIN, department=(Role.MANAGER,)),
    Action.TASK_UPDATE: _rule(everywhere=_ADMIN, department=(Role.MANAGER,), own=(Role.USER, Role.LAB_AUTHOR)),
    Action.TASK_DELETE: _rule(everywhere=_ADMIN),
    Action.AUDIT_READ: _rule(everywhere=_ADMIN, department=(Role.MANAGER,)),
    Action.INBOUND_READ: _rule(everywhere=_ADMIN),
    Action.INBOUND_REPLAY: _rule(everywhere=_ADMIN),
    Action.SETTINGS_READ: _rule(everywhere=(Role.ADMIN, Role.MANAGER, *_CONTROLLERS)),
    Action.SETTINGS_WRITE: _rule(everywhere=_ADMIN),
    Action.QUOTA_READ: _rule(everywhere=_ADMIN, department=(Role.MANAGER,), own=(Role.USER, Role.LAB_AUTHOR)),
    Action.QUOTA_WRITE: _rule(everywhere=_ADMIN),
    Action.JOB_READ: _rule(everywhere=_ADMIN_MANAGER),
    Action.JOB_RUN: _rule(everywhere=_ADMIN),
    Action.CONTROLLER_READ: _rule(everywhere=(*_ADMIN_MANAGER, *_CONTROLLERS)),
    Action.CAPACITY_READ: _rule(everywhere=_READERS),
    Action.COST_READ: _rule(everywhere=_ADMIN, department=(Role.MANAGER,), own=(Role.USER, Role.LAB_AUTHOR)),
    Action.STREAM_READ: _rule(everywhere=_PEOPLE),
    Action.NOTICE_SEND: _rule(everywhere=_ADMIN),
    Action.USER_SELF: _rule(everywhere=tuple(Role)),
    Action.USER_REVOKE: _rule(everywhere=_ADMIN),
    Action.CONTROLLER_RUNTIME: _rule(everywhere=_CONTROLLERS),
    Action.TASK_SYSTEM: _rule(everywhere=_CONTROLLERS),
    Action.CLAIM_READ: _rule(everywhere=_CONTROLLERS),
    Action.SESSION_PLACE: _rule(everywhere=(Role.RESOURCE_SCHEDULER,)),
    Action.SESSION_TRANSITION: _rule(everywhere=(Role.LABLET_CONTROLLER, Role.RESOURCE_SCHEDULER)),
    Action.SESSION_CHILDREN: _rule(everywhere=(Role.LABLET_CONTROLLER,)),
    Action.WORKER_SCALE: _rule(everywhere=(Role.RESOURCE_SCHEDULER,)),
    Action.WORKER_REPORT: _rule(everywhere=(Role.WORKER_CONTROLLER,)),
    Action.WORKER_CREDENTIALS: _rule(everywhere=(Role.WORKER_CONTROLLER, Role.LABLET_CONTROLLER)),
    Action.WORKER_LABS: _rule(everywhere=(Role.LABLET_CONTROLLER,)),
    Action.DEFINITION_SYNC: _rule(everywhere=(Role.LABLET_CONTROLLER,)),
    Action.ARTIFACT_READ: _rule(everywhere=(Role.LABLET_CONTROLLER,)),
    Action.INBOUND_EVENTS: _rule(everywhere=(Role.LABLET_CONTROLLER,)),
}


def scope_of(principal: Principal, action: Action) -> Scope:
    """How far the caller's permission for an action reaches."""
    return POLICY[action].scope(principal.roles)


def permits(principal: Principal, action: Action, *, owner: str = "", department: str = "") -> bool:
    """Whether the caller may act on an object of ``owner`` (a user name) and ``department``."""
    match scope_of(principal, action):
        case Scope.ANY:
            return True
        case Scope.DEPARTMENT:
            return owner == principal.username or (bool(department) and department == principal.department)
        case Scope.OWN:
            return bool(owner) and owner == principal.username
        case _:
            return False
