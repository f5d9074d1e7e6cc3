"""Authorization codes: exchanged once, within a minute."""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from lcm_simulators.identity.realm import Realm

CHALLENGE = re.compile(r"^[A-Za-z0-9\-._~]{43,128}$")
"""A verifier or challenge that RFC 7636 allows."""


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """What a code stands for; ``chain`` is the row of refresh tokens that it begins."""

    client_id: str
    redirect_uri: str
    session_id: str
    chain: str
    scopes: tuple[str, ...]
    nonce: str
    auth_time: int
    challenge: str
    challenge_method: str
    expires_at: float


class AuthorizationCodes:
    """The codes handed out lately. A code that was used is remembered until it would have expired."""

    def __init__(self, realm: Realm) -> None:
        self._lifespan = realm.access_code_lifespan
        self._open: dict[str, AuthorizationCode] = {}
        self._used: dict[str, AuthorizationCode] = {}

    @property
    def lifespan(self) -> int:
        """Seconds within which a code must be exchanged."""
        return self._lifespan

    def hand_out(self, code: AuthorizationCode, now: float) -> str:
        """The text of a new code."""
        for codes in (self._open, self._used):
            for text in [text for text, old in codes.items() if old.expires_at <= now]:
                del codes[text]
        text = secrets.token_urlsafe(32)
        self._open[text] = code
        return text

    def take(self, text: str, now: float) -> AuthorizationCode | None:
        """The code, used up by this call; None when it is unknown, expired or used."""
        code = self._open.pop(text, None)
        if code is None or code.expires_at <= now:
            return None
        self._used[text] = code
        return code

    def replayed(self, text: str) -> AuthorizationCode | None:
        """The code if it was used before: whoever comes second may have stolen it."""
        return self._used.get(text)


def verifier_fits(verifier: str, challenge: str, method: str) -> bool:
    """Whether the verifier is the one that the challenge was made of (RFC 7636 section 4.6)."""
    if method != "S256":
        return hmac.compare_digest(verifier.encode(), challenge.encode())
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(digest, challenge.encode())
