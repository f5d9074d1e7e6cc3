"""Sessions in Redis, shared by all replicas; Redis must not evict them (``maxmemory-policy noeviction``)."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import cast

from pydantic import ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from control_plane_api.application.errors import UnavailableError
from control_plane_api.infrastructure.sessions.model import BrowserSession

LOCK_MILLISECONDS = 10_000
LOCK_WAIT_SECONDS = 5.0
LOCK_POLL_SECONDS = 0.05
TIMEOUT_SECONDS = 2.0
_UNLOCK = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"


class RedisSessions:
    """Implements ``SessionStore``. Keys: ``<prefix><session>``, ``<prefix>user:<id>`` (a set), ``<prefix>lock:…``."""

    def __init__(self, url: str, prefix: str) -> None:
        self._redis: Redis = Redis.from_url(url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS)
        self._prefix = prefix

    async def get(self, key: str) -> BrowserSession | None:
        """See ``SessionStore``."""
        with _typed():
            stored = await self._redis.get(self._prefix + key)
        if stored is None:
            return None
        try:
            return BrowserSession.model_validate_json(stored)
        except ValidationError:
            return None  # Written by another release: that user signs in again.

    async def put(self, session: BrowserSession) -> None:
        """See ``SessionStore``."""
        seconds = max(1, int((session.expires_at - datetime.now(UTC)).total_seconds()))
        owner = f"{self._prefix}user:{session.user_id}"
        with _typed():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.set(self._prefix + session.key, session.model_dump_json(), ex=seconds)
                pipe.sadd(owner, session.key)
                pipe.expire(owner, seconds)
                await pipe.execute()

    async def delete(self, key: str) -> None:
        """See ``SessionStore``."""
        with _typed():
            await self._redis.delete(self._prefix + key)

    async def delete_user(self, user_id: str) -> int:
        """See ``SessionStore``."""
        owner = f"{self._prefix}user:{user_id}"
        with _typed():
            keys = await cast("Awaitable[set[bytes]]", self._redis.smembers(owner))
            names = [self._prefix + key.decode() for key in keys]
            removed = await self._redis.delete(*names) if names else 0
            await self._redis.delete(owner)
        return removed

    @asynccontextmanager
    async def lock(self, key: str) -> AsyncIterator[None]:
        """See ``SessionStore``. A holder that dies lets go after ten seconds."""
        name, token = f"{self._prefix}lock:{key}", secrets.token_hex(8)
        deadline = asyncio.get_running_loop().time() + LOCK_WAIT_SECONDS
        with _typed():
            while not await self._redis.set(name, token, nx=True, px=LOCK_MILLISECONDS):
                if asyncio.get_running_loop().time() > deadline:
                    raise UnavailableError("SessionBusy", "The session is being refreshed elsewhere; try again.")
                await asyncio.sleep(LOCK_POLL_SECONDS)
        try:
            yield
        finally:
            with _typed():
                await cast("Awaitable[object]", self._redis.eval(_UNLOCK, 1, name, token))

    async def check(self) -> str:
        """See ``SessionStore``."""
        await self._redis.ping()
        return "ok"

    async def close(self) -> None:
        """See ``SessionStore``."""
        await self._redis.aclose()


@contextmanager
def _typed() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        detail = "The store of signed-in sessions cannot be reached; try again in a moment."
        raise UnavailableError("SessionStoreAway", detail) from error
