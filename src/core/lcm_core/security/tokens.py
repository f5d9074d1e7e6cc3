"""Access tokens of a service account (OAuth 2.0 client credentials, RFC 6749 section 4.4)."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

import httpx
from pydantic import BaseModel, Field, SecretStr, ValidationError

from lcm_core.clients.errors import Forbidden, UnexpectedAnswer, Unreachable
from lcm_core.clock import Clock, SystemClock

REFRESH_MARGIN = 0.2
"""Share of a token's life before its end at which it is replaced."""


class TokenSource(Protocol):
    """Supplies a token that is valid now."""

    async def token(self) -> str:
        """The access token."""

    def discard(self, token: str) -> None:
        """A server refused this token: do not hand it out again."""


class _TokenAnswer(BaseModel):
    access_token: str = Field(min_length=1)
    expires_in: float = Field(default=60.0, gt=0)


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    replace_at: float


class ClientCredentials:
    """Tokens of one client of the realm, kept until shortly before they expire.

    Args:
        token_url: the realm's token endpoint.
        client_id: the service account's client.
        client_secret: its secret.
        http: client for the identity provider; closed by its owner.

    Concurrent callers share one request. Raises ``Unreachable`` (the provider is away), ``Forbidden`` (it refused the
    client) and ``UnexpectedAnswer``.
    """

    def __init__(
        self,
        token_url: str,
        client_id: str,
        client_secret: SecretStr,
        http: httpx.AsyncClient,
        *,
        clock: Clock | None = None,
    ) -> None:
        self._token_url = token_url
        self._client_id = client_id
        self._secret = client_secret
        self._http = http
        self._clock = clock or SystemClock()
        self._current: _Token | None = None
        self._lock = asyncio.Lock()

    async def token(self) -> str:
        """See ``TokenSource``."""
        current = self._valid()
        if current is not None:
            return current.value
        async with self._lock:  # single flight: whoever waited finds the fresh token
            current = self._valid()
            if current is None:
                current = self._current = await self._fetch()
            return current.value

    def discard(self, token: str) -> None:
        """See ``TokenSource``."""
        if self._current is not None and self._current.value == token:
            self._current = None

    def _valid(self) -> _Token | None:
        if self._current is not None and self._clock.monotonic() < self._current.replace_at:
            return self._current
        return None

    async def _fetch(self) -> _Token:
        asked_at = self._clock.monotonic()
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._secret.get_secret_value(),
        }
        try:
            answer = await self._http.post(self._token_url, data=form)
        except httpx.TransportError as error:
            raise Unreachable(f"the identity provider cannot be reached: {error}") from error
        if answer.status_code in (400, 401, 403):
            raise Forbidden(f"the identity provider refused client {self._client_id} ({answer.status_code})")
        if not answer.is_success:
            raise Unreachable(f"the identity provider answered {answer.status_code}")
        try:
            body = _TokenAnswer.model_validate_json(answer.content)
        except ValidationError as error:
            raise UnexpectedAnswer("the identity provider's token answer does not fit RFC 6749") from error
        return _Token(value=body.access_token, replace_at=asked_at + body.expires_in * (1 - REFRESH_MARGIN))


class BearerAuth(httpx.Auth):
    """Adds the token to each request and tries once more with a fresh one after a 401."""

    def __init__(self, source: TokenSource) -> None:
        self._source = source

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """See ``httpx.Auth``."""
        token = await self._source.token()
        request.headers["Authorization"] = f"Bearer {token}"
        answer = yield request
        if answer.status_code == 401:
            self._source.discard(token)
            request.headers["Authorization"] = f"Bearer {await self._source.token()}"
            yield request
