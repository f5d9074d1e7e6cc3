"""Access tokens of the identity provider, sent as ``Authorization: Bearer``."""

import hashlib

from cachetools import TTLCache
from starlette.requests import HTTPConnection

from control_plane_api.application.authorization.principal import Principal
from control_plane_api.application.errors import UnauthenticatedError, UnavailableError
from lcm_core.clients.errors import Unreachable
from lcm_core.clock import Clock
from lcm_core.domain.vocabulary import ServiceName
from lcm_core.security.verification import InvalidToken, TokenVerifier

REMEMBERED_SECONDS = 5.0
"""A verified token is not verified again for this long; shorter than the tolerated clock difference."""
REMEMBERED_TOKENS = 2000
_SERVICES = {f"lcm-{service}": str(service) for service in ServiceName}


def bearer_token(connection: HTTPConnection) -> str:
    """The token in the Authorization header, or an empty string."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


class BearerAuthenticator:
    """Implements ``Authenticator`` with the realm's keys."""

    def __init__(self, verifier: TokenVerifier, clock: Clock) -> None:
        self._verifier = verifier
        self._known: TTLCache[bytes, Principal] = TTLCache(REMEMBERED_TOKENS, REMEMBERED_SECONDS, clock.monotonic)

    async def authenticate(self, connection: HTTPConnection) -> Principal | None:
        """See ``Authenticator``."""
        token = bearer_token(connection)
        if not token:
            return None
        key = hashlib.sha256(token.encode()).digest()
        principal = self._known.get(key)
        if principal is None:
            principal = self._known[key] = await self._verify(token)
        return principal

    async def _verify(self, token: str) -> Principal:
        try:
            verified = await self._verifier.verify(token)
        except InvalidToken as error:
            raise UnauthenticatedError(f"The access token is not acceptable: {error}.") from error
        except Unreachable as error:
            raise UnavailableError("IdentityProviderAway", str(error)) from error
        return Principal(
            user_id=verified.subject,
            username=verified.username or verified.client_id,
            roles=verified.roles,
            department=verified.department,
            client_id=verified.client_id,
            service=_SERVICES.get(verified.client_id, ""),
        )

    async def still_valid(self, principal: Principal) -> bool:
        """Access tokens are short-lived; a stream opened with one ends by its own limit."""
        del principal
        return True
