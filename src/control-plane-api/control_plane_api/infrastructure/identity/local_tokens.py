"""The platform's own tokens: signed after the password was checked at the identity provider (ruling 19).

They live for a day, carry what the brief asks for (username, user_id, roles, department) and can be revoked by user:
a revocation is an instant, and every token that was issued before it is refused.
"""

import hashlib
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from cachetools import LRUCache
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from pydantic import BaseModel, SecretStr, ValidationError
from starlette.requests import HTTPConnection

from control_plane_api.application.authorization.principal import Principal
from control_plane_api.application.errors import UnauthenticatedError
from control_plane_api.infrastructure.identity.bearer import bearer_token
from control_plane_api.infrastructure.mongo.database import Collection, Database, ensure_index

ISSUER = "lcm-control-plane"
ALGORITHM = "HS256"
LEEWAY_SECONDS = 30
REVOCATION_CACHE_SECONDS = 3.0
KEPT_SECONDS = 8 * 24 * 3600
REMEMBERED_TOKENS = 2000
"""What a token says never changes, so its signature is checked once; its age and revocation are checked each time."""


class _Claims(BaseModel):
    iss: str
    sub: str
    user_id: str
    username: str
    roles: list[str]
    department: str = ""
    name: str = ""
    iat: int
    exp: int


class LocalTokens:
    """Issues, verifies and revokes; implements ``Authenticator``."""

    def __init__(self, secret: SecretStr, life_seconds: int, database: Database) -> None:
        # HMAC keys may be short passphrases in development; hashing gives the full length the algorithm wants.
        self._key = OctKey.import_key(hashlib.sha256(secret.get_secret_value().encode()).digest())
        self._life = life_seconds
        self._revocations: Collection = database["token_revocations"]
        self._known: dict[str, tuple[float, float]] = {}
        self._verified_claims: LRUCache[bytes, _Claims] = LRUCache(REMEMBERED_TOKENS)

    @property
    def life_seconds(self) -> int:
        """How long a token is valid."""
        return self._life

    async def create_indexes(self) -> None:
        """Revocations outlive every token they concern, then expire."""
        await ensure_index(self._revocations, [("at", 1)], expireAfterSeconds=KEPT_SECONDS)

    def issue(self, principal: Principal) -> str:
        """A token for a caller whose password was checked."""
        now = int(time.time())
        claims: dict[str, object] = {
            "iss": ISSUER,
            "sub": principal.user_id,
            "user_id": principal.user_id,
            "username": principal.username,
            "roles": sorted(principal.roles),
            "department": principal.department,
            "name": principal.name,
            "iat": now,
            "exp": now + self._life,
            "jti": secrets.token_hex(8),
        }
        return jwt.encode({"alg": ALGORITHM}, claims, self._key, algorithms=[ALGORITHM])

    async def authenticate(self, connection: HTTPConnection) -> Principal | None:
        """See ``Authenticator``; tokens of the identity provider are left to the next way."""
        token = bearer_token(connection)
        claims = self._claims_of(token) if token else None
        if claims is None:
            return None
        if claims.iat <= await self._revoked_before(claims.user_id):
            raise UnauthenticatedError("This token was revoked; sign in again.")
        return Principal(
            user_id=claims.user_id,
            username=claims.username,
            roles=frozenset(claims.roles),
            department=claims.department,
            name=claims.name,
            client_id=ISSUER,
            issued_at=claims.iat,
        )

    def _claims_of(self, token: str) -> _Claims | None:
        """None for tokens of somebody else."""
        key = hashlib.sha256(token.encode()).digest()
        claims = self._verified_claims.get(key)
        if claims is None:
            if not _is_ours(token):
                return None
            claims = self._verified(token)
            self._verified_claims[key] = claims
        if claims.exp + LEEWAY_SECONDS < time.time():
            raise UnauthenticatedError("The token has expired; sign in again.")
        return claims

    def _verified(self, token: str) -> _Claims:
        try:
            decoded = jwt.decode(token, self._key, algorithms=[ALGORITHM])
            claims = _Claims.model_validate(decoded.claims)
        except (JoseError, ValueError, ValidationError) as error:
            raise UnauthenticatedError("The token is not acceptable; sign in again.") from error
        if claims.iss != ISSUER:
            raise UnauthenticatedError("The token is not acceptable; sign in again.")
        return claims

    async def still_valid(self, principal: Principal) -> bool:
        """See ``Authenticator``: a revoked user's streams end."""
        if principal.client_id != ISSUER:
            return True
        return principal.issued_at > await self._revoked_before(principal.user_id)

    async def revoke(self, user_id: str) -> None:
        """Refuse every token of a user that was issued until now."""
        now = datetime.now(UTC)
        await self._revocations.update_one({"_id": user_id}, {"$set": {"at": now}}, upsert=True)
        self._known.pop(user_id, None)

    async def _revoked_before(self, user_id: str) -> float:
        known = self._known.get(user_id)
        if known is not None and time.monotonic() - known[0] < REVOCATION_CACHE_SECONDS:
            return known[1]
        document: Mapping[str, object] | None = await self._revocations.find_one({"_id": user_id})
        at = document["at"] if document else None
        before = at.timestamp() if isinstance(at, datetime) else 0.0
        if len(self._known) > 10_000:
            self._known.clear()
        self._known[user_id] = (time.monotonic(), before)
        return before


def _is_ours(token: str) -> bool:
    try:
        return jws.extract_compact(token.encode()).headers().get("alg") == ALGORITHM
    except (JoseError, ValueError):
        return False
