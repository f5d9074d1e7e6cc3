"""Verification of access tokens on the hot path: signature by cached keys, issuer, audience, times."""

import asyncio
import logging
from dataclasses import dataclass

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel, ValidationError

from lcm_core.clients.errors import Unreachable
from lcm_core.clock import Clock, SystemClock

log = logging.getLogger(__name__)

ALGORITHMS = ["RS256", "PS256", "ES256"]
LEEWAY_SECONDS = 30
"""Clock difference tolerated between the issuer and us."""
KEY_REFRESH_SECONDS = 10.0
"""Unknown key ids make us ask for new keys at most this often."""
KEY_LIFETIME_SECONDS = 3600.0


class InvalidToken(Exception):
    """The token is not acceptable; the message says why without repeating it."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a verified token speaks for."""

    subject: str
    username: str
    roles: frozenset[str]
    department: str
    client_id: str


class _RealmAccess(BaseModel):
    roles: list[str] = []


class _Claims(BaseModel):
    sub: str
    preferred_username: str = ""
    realm_access: _RealmAccess = _RealmAccess()
    department: str = ""
    azp: str = ""


class TokenVerifier:
    """Verifies access tokens of one realm.

    Args:
        issuer: required ``iss``.
        audience: must be among ``aud``.
        jwks_url: where the realm publishes its keys.
        http: client for the identity provider; closed by its owner.
    """

    def __init__(
        self, *, issuer: str, audience: str, jwks_url: str, http: httpx.AsyncClient, clock: Clock | None = None
    ) -> None:
        self._jwks_url = jwks_url
        self._http = http
        self._clock = clock or SystemClock()
        self._registry = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        self._keys: KeySet | None = None
        self._fetched_at = 0.0
        self._lock = asyncio.Lock()

    async def verify(self, token: str) -> Principal:
        """Who the token speaks for. Raises ``InvalidToken``; ``Unreachable`` when no keys can be had."""
        try:
            decoded = jwt.decode(token, await self._key_set(), algorithms=ALGORITHMS)
        except (JoseError, ValueError) as error:
            refreshed = await self._refreshed()
            if refreshed is None:
                raise InvalidToken(f"the token's signature is not acceptable ({error})") from error
            try:
                decoded = jwt.decode(token, refreshed, algorithms=ALGORITHMS)
            except (JoseError, ValueError) as again:
                raise InvalidToken(f"the token's signature is not acceptable ({again})") from again
        try:
            self._registry.validate(decoded.claims)
            claims = _Claims.model_validate(decoded.claims)
        except JoseError as error:
            raise InvalidToken(f"the token is not acceptable: {error}") from error
        except ValidationError as error:
            raise InvalidToken("the token's claims do not have the expected shape") from error
        return Principal(
            subject=claims.sub,
            username=claims.preferred_username,
            roles=frozenset(claims.realm_access.roles),
            department=claims.department,
            client_id=claims.azp,
        )

    async def _key_set(self) -> KeySet:
        if self._keys is None or self._clock.monotonic() - self._fetched_at > KEY_LIFETIME_SECONDS:
            async with self._lock:
                if self._keys is None or self._clock.monotonic() - self._fetched_at > KEY_LIFETIME_SECONDS:
                    await self._fetch()
        assert self._keys is not None  # _fetch raises or sets them
        return self._keys

    async def _refreshed(self) -> KeySet | None:
        """New keys, or None when they were fetched just now: a wrong token must not make us hammer the provider."""
        async with self._lock:
            if self._clock.monotonic() - self._fetched_at < KEY_REFRESH_SECONDS:
                return None
            await self._fetch()
            return self._keys

    async def _fetch(self) -> None:
        try:
            answer = await self._http.get(self._jwks_url)
            answer.raise_for_status()
            self._keys = KeySet.import_key_set(answer.json())
        except (httpx.HTTPError, JoseError, ValueError, KeyError) as error:
            if self._keys is not None:
                log.warning("keys of the identity provider cannot be refreshed, keeping the old ones: %s", error)
                self._fetched_at = self._clock.monotonic()
                return
            raise Unreachable(f"the identity provider's keys cannot be read: {error}") from error
        self._fetched_at = self._clock.monotonic()
