"""The ownership part of authorization, used by handlers."""

from control_plane_api.application.authorization.policy import Action, permits
from control_plane_api.application.authorization.principal import Principal
from control_plane_api.application.errors import ForbiddenError, NotFoundError


def require(principal: Principal, action: Action, *, owner: str = "", department: str = "") -> None:
    """Raise ``ForbiddenError`` unless the caller may do this to an object of that owner and department."""
    if not permits(principal, action, owner=owner, department=department):
        raise ForbiddenError(action)


def require_visible(
    principal: Principal, read: Action, kind: str, object_id: str, *, owner: str = "", department: str = ""
) -> None:
    """Raise ``NotFoundError`` for an object the caller may not even know about."""
    if not permits(principal, read, owner=owner, department=department):
        raise NotFoundError(kind, object_id)
