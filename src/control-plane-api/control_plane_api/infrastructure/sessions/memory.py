"""Sessions in this process: the default, for one replica."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from weakref import WeakValueDictionary

from control_plane_api.infrastructure.sessions.model import BrowserSession

CLEAN_UP_FROM = 1000


class MemorySessions:
    """Implements ``SessionStore``; everybody signs in again after a restart."""

    def __init__(self) -> None:
        self._sessions: dict[str, BrowserSession] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def get(self, key: str) -> BrowserSession | None:
        """See ``SessionStore``."""
        found = self._sessions.get(key)
        if found is not None and found.expires_at <= datetime.now(UTC):
            del self._sessions[key]
            return None
        return found

    async def put(self, session: BrowserSession) -> None:
        """See ``SessionStore``."""
        self._sessions[session.key] = session
        if len(self._sessions) > CLEAN_UP_FROM:
            now = datetime.now(UTC)
            self._sessions = {key: kept for key, kept in self._sessions.items() if kept.expires_at > now}

    async def delete(self, key: str) -> None:
        """See ``SessionStore``."""
        self._sessions.pop(key, None)

    async def delete_user(self, user_id: str) -> int:
        """See ``SessionStore``."""
        keys = [key for key, session in self._sessions.items() if session.user_id == user_id]
        for key in keys:
            del self._sessions[key]
        return len(keys)

    @asynccontextmanager
    async def lock(self, key: str) -> AsyncIterator[None]:
        """See ``SessionStore``."""
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            yield

    async def check(self) -> str:
        """See ``SessionStore``."""
        return "ok"

    async def close(self) -> None:
        """See ``SessionStore``."""
