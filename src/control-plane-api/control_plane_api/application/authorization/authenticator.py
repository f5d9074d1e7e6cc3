"""How the edge learns who calls; each way to sign in is one ``Authenticator``."""

from collections.abc import Sequence
from typing import Protocol

from starlette.requests import HTTPConnection

from control_plane_api.application.authorization.principal import Principal


class Authenticator(Protocol):
    """One way to prove who one is."""

    async def authenticate(self, connection: HTTPConnection) -> Principal | None:
        """The caller; None when the request carries no proof of this kind.

        Raises ``UnauthenticatedError`` for a proof that is not acceptable, ``UnavailableError`` when it cannot be
        checked now.
        """

    async def still_valid(self, principal: Principal) -> bool:
        """Whether a caller who was accepted earlier is so still; asked about long streams."""


class Authenticators:
    """All ways, tried in order."""

    def __init__(self, ways: Sequence[Authenticator]) -> None:
        self._ways = tuple(ways)

    async def authenticate(self, connection: HTTPConnection) -> Principal | None:
        """See ``Authenticator``."""
        for way in self._ways:
            principal = await way.authenticate(connection)
            if principal is not None:
                return principal
        return None

    async def still_valid(self, principal: Principal) -> bool:
        """See ``Authenticator``: every way must agree."""
        for way in self._ways:
            if not await way.still_valid(principal):
                return False
        return True
