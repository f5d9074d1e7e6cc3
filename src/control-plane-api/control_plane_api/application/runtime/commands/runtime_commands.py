"""What controllers say about themselves: won elections and heartbeats."""

from dataclasses import dataclass

from control_plane_api.application.base import BaseCommand, Handler
from control_plane_api.application.errors import ForbiddenError
from control_plane_api.application.ports import ControllerStore, Deps, TermStore
from lcm_core.contracts.platform import ControllerHeartbeat, ObtainTerm, TermView


@dataclass(frozen=True, slots=True)
class ObtainTermCommand(BaseCommand[TermView]):
    """A won election."""

    body: ObtainTerm


class ObtainTermHandler(Handler[ObtainTermCommand, TermView]):
    """Grants a term higher than any before."""

    def __init__(self, deps: Deps, terms: TermStore) -> None:
        super().__init__(deps)
        self._terms = terms

    async def handle_async(self, request: ObtainTermCommand) -> TermView:
        """The term. Raises ``ConflictError`` when etcd does not know the election."""
        _only_itself(request.principal.service, request.body.service)
        term = await self._terms.obtain(request.body)
        return TermView(service=request.body.service, shard=request.body.shard, term=term)


@dataclass(frozen=True, slots=True)
class HeartbeatCommand(BaseCommand[None]):
    """A sign of life."""

    body: ControllerHeartbeat


class HeartbeatHandler(Handler[HeartbeatCommand, None]):
    """Keeps the newest one of each replica."""

    def __init__(self, deps: Deps, controllers: ControllerStore) -> None:
        super().__init__(deps)
        self._controllers = controllers

    async def handle_async(self, request: HeartbeatCommand) -> None:
        """Nothing to answer."""
        _only_itself(request.principal.service, request.body.service)
        await self._controllers.record(request.body)


def _only_itself(caller: str, named: str) -> None:
    if caller != named:
        raise ForbiddenError(f"speaking for {named}", f"A service account speaks for itself only, not for {named}.")
