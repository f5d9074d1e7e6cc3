"""What the server keeps of a signed-in browser, and where."""

import hashlib
import secrets
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from pydantic import BaseModel, Field

from control_plane_api.application.authorization.principal import Principal
from lcm_core.contracts.common import UtcTime


class BrowserSession(BaseModel):
    """One signed-in browser. Tokens are sealed; times are real time."""

    key: str
    user_id: str
    username: str
    name: str = ""
    roles: list[str] = Field(default_factory=list)
    department: str = ""
    csrf_token: str
    refresh_token_sealed: str
    id_token_sealed: str
    access_expires_at: UtcTime
    expires_at: UtcTime

    def principal(self) -> Principal:
        """Who is signed in."""
        return Principal(
            user_id=self.user_id,
            username=self.username,
            roles=frozenset(self.roles),
            department=self.department,
            name=self.name,
            session_id=self.key,
        )


def new_secret() -> str:
    """A value for a cookie or a token that nobody guesses: 256 random bits."""
    return secrets.token_urlsafe(32)


def key_of(cookie: str) -> str:
    """Where the session of a cookie is kept: whoever reads the store cannot make the cookie."""
    return hashlib.sha256(cookie.encode()).hexdigest()


class SessionStore(Protocol):
    """Keeps sessions. Every method raises ``UnavailableError`` when the store is away."""

    async def get(self, key: str) -> BrowserSession | None:
        """The session, or None when it ended."""

    async def put(self, session: BrowserSession) -> None:
        """Keep a session until it expires."""

    async def delete(self, key: str) -> None:
        """End a session; harmless when it has ended."""

    async def delete_user(self, user_id: str) -> int:
        """End every session of a user; answers how many."""

    def lock(self, key: str) -> AbstractAsyncContextManager[None]:
        """One refresh at a time: a refresh token works once, whichever replica uses it."""

    async def check(self) -> str:
        """``ok``, or what is wrong."""

    async def close(self) -> None:
        """Give connections back."""
