"""Loading sessions on behalf of a caller."""

from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.authorization.principal import Principal
from control_plane_api.application.authorization.require import require, require_visible
from control_plane_api.application.ports import Deps
from control_plane_api.domain.lablet_session.session import LabletSession


async def load_for(deps: Deps, principal: Principal, session_id: str, action: Action) -> LabletSession:
    """The session, if the caller may see it (else 404) and do this to it (else 403)."""
    session = await deps.sessions.get(session_id)
    owner, department = session.spec.owner, session.spec.department
    require_visible(principal, Action.SESSION_READ, "lablet session", session_id, owner=owner, department=department)
    require(principal, action, owner=owner, department=department)
    return session
