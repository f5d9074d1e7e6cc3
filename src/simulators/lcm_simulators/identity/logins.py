"""Sign-ins under way: a person has the form before them."""

import secrets
from dataclasses import dataclass

from lcm_simulators.identity.realm import Realm

MOST = 10_000
"""Sign-ins kept at once; beyond that the oldest are given up."""


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A checked request of a client (OpenID Connect Core section 3.1.2.1)."""

    client_id: str
    redirect_uri: str
    response_mode: str
    scopes: tuple[str, ...]
    state: str = ""
    nonce: str = ""
    challenge: str = ""
    challenge_method: str = ""
    prompt: tuple[str, ...] = ()
    max_age: int | None = None
    login_hint: str = ""


@dataclass(frozen=True, slots=True)
class PendingLogin:
    """One form; ``browser`` is the secret in the cookie of the browser that opened it.

    ``request`` is set where a client waits for a code, ``device_code`` where a device waits, ``target`` (which may be
    empty) is where a person goes who logs out. ``session_id`` is the session of a person who must show the password
    again, or who has signed in and must only consent; ``user_id`` is a person who must choose a new password.
    """

    browser: str
    expires_at: float
    request: AuthorizationRequest | None = None
    device_code: str = ""
    session_id: str = ""
    user_id: str = ""
    target: str = ""


class PendingLogins:
    """Forms by the code in their address."""

    def __init__(self, realm: Realm) -> None:
        self._lifespan = realm.access_code_lifespan_login
        self._pending: dict[str, PendingLogin] = {}

    def deadline(self, now: float) -> float:
        """When a form opened now is given up."""
        return now + self._lifespan

    def open(self, login: PendingLogin, now: float) -> str:
        """The code of a new form."""
        for code in [code for code, old in self._pending.items() if old.expires_at <= now]:
            del self._pending[code]
        while len(self._pending) >= MOST:
            del self._pending[next(iter(self._pending))]
        code = secrets.token_urlsafe(32)
        self._pending[code] = login
        return code

    def find(self, code: str, browser: str, now: float) -> PendingLogin | None:
        """The form, for the browser that opened it."""
        login = self._pending.get(code)
        if login is None or login.expires_at <= now or not secrets.compare_digest(login.browser, browser):
            return None
        return login

    def close(self, code: str) -> None:
        """The form was answered."""
        self._pending.pop(code, None)
