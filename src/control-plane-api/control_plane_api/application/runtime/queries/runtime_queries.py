"""Questions about the platform: controllers, the audit trail, the caller."""

from dataclasses import dataclass

from control_plane_api.application.audit.log import AuditLog, AuditQuery
from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.authorization.require import require
from control_plane_api.application.base import BaseQuery, Reader
from control_plane_api.application.ports import ControllerStore, Deps
from lcm_core.contracts.common import Page
from lcm_core.contracts.platform import AuditEntryView, ControllerView, UserView


@dataclass(frozen=True, slots=True)
class ListControllersQuery(BaseQuery[Page[ControllerView]]):
    """Every replica heard of lately."""


class ListControllersReader(Reader[ListControllersQuery, Page[ControllerView]]):
    """With their health."""

    def __init__(self, deps: Deps, controllers: ControllerStore) -> None:
        super().__init__(deps)
        self._controllers = controllers

    async def handle_async(self, request: ListControllersQuery) -> Page[ControllerView]:
        """The replicas, by service."""
        require(request.principal, Action.CONTROLLER_READ)
        found = await self._controllers.all()
        return Page[ControllerView](items=found, total=len(found))


@dataclass(frozen=True, slots=True)
class SearchAuditQuery(BaseQuery[Page[AuditEntryView]]):
    """A page of the audit trail."""

    query: AuditQuery


class SearchAuditReader(Reader[SearchAuditQuery, Page[AuditEntryView]]):
    """Admins see everything, managers what people and objects of their department did."""

    def __init__(self, deps: Deps, audit: AuditLog) -> None:
        super().__init__(deps)
        self._audit = audit

    async def handle_async(self, request: SearchAuditQuery) -> Page[AuditEntryView]:
        """The page, newest first."""
        require(request.principal, Action.AUDIT_READ, department=request.principal.department)
        return await self._audit.search(request.query, request.principal)


@dataclass(frozen=True, slots=True)
class WhoAmIQuery(BaseQuery[UserView]):
    """The caller."""


class WhoAmIReader(Reader[WhoAmIQuery, UserView]):
    """As the edge verified it."""

    async def handle_async(self, request: WhoAmIQuery) -> UserView:
        """Name, roles and department."""
        caller = request.principal
        return UserView(
            user_id=caller.user_id,
            username=caller.username,
            name=caller.name,
            roles=sorted(caller.roles),
            department=caller.department,
        )
