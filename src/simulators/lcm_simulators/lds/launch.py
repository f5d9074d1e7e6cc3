"""Launch links: signed, good until they expire, and only for one session."""

import hashlib
import hmac
import secrets
import time

from pydantic import BaseModel

from lcm_simulators.common.database import Database, Documents

_KEY = "launch"


class _SigningKey(BaseModel):
    """The key, made at the first start; with it links stay good over restarts."""

    value: str


class LaunchLinks:
    """Makes and checks links. Tokens live in real time, as every credential does."""

    def __init__(self, database: Database, base_url: str, valid_seconds: float) -> None:
        keys = Documents(database, "key", _SigningKey)
        found = keys.get(_KEY)
        if found is None:
            found = _SigningKey(value=secrets.token_hex(32))
            keys.put(_KEY, found)
        self._key = found.value.encode()
        self._base_url, self._valid_seconds = base_url, valid_seconds

    def make(self, session_id: str) -> str:
        """A link that lets its holder in from now on."""
        expires = str(int(time.time() + self._valid_seconds))
        return f"{self._base_url}/lab/{session_id}?expires={expires}&signature={self._sign(session_id, expires)}"

    def problem(self, session_id: str, expires: str, signature: str) -> str:
        """Why a link does not let its holder in, and what to do about it; empty for a good one."""
        genuine = hmac.compare_digest(self._sign(session_id, expires).encode(), signature.encode())
        if not genuine or not expires.isdigit():
            return "This link is not complete, or not ours. Open it again where you got it."
        if int(expires) < time.time():
            return "This link has expired. Ask for a new one where you got it."
        return ""

    def _sign(self, session_id: str, expires: str) -> str:
        return hmac.new(self._key, f"{session_id}.{expires}".encode(), hashlib.sha256).hexdigest()
