"""Passwords and session tokens (HS256 JWTs like the real controller's)."""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass


def hash_password(password: str) -> str:
    """A salted hash; one round of PBKDF2-SHA256 work small enough for hundreds of simulated controllers."""
    salt = secrets.token_hex(8)
    return f"{salt}${_derive(salt, password)}"


def password_fits(password: str, stored: str) -> bool:
    """Compare in constant time."""
    salt, _, digest = stored.partition("$")
    return hmac.compare_digest(_derive(salt, password), digest)


def _derive(salt: str, password: str) -> str:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), 1_000).hex()


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says; `expires` in real seconds since the epoch."""

    user_id: str
    token_id: str
    generation: int
    expires: int


class TokenMint:
    """Signs and checks tokens; `secret` is stored so that tokens survive a restart."""

    def __init__(self, secret: str) -> None:
        self.secret = secret

    def issue(self, user_id: str, now: float, lifetime: int, generation: int) -> str:
        """A token for a user, valid for `lifetime` seconds and as long as the user's tokens are of `generation`."""
        head = _encode({"alg": "HS256", "typ": "JWT"})
        claims: dict[str, str | int] = {
            "iss": "com.cisco.virl", "iat": int(now), "exp": int(now) + lifetime, "sub": user_id,
            "jti": secrets.token_hex(8), "gen": generation,
        }  # fmt: skip
        body = _encode(claims)
        return f"{head}.{body}.{self._sign(f'{head}.{body}')}"

    def read(self, token: str, now: float) -> Claims:
        """What a good token says. Raises ``ValueError`` for one that is forged, malformed or expired."""
        parts = token.split(".")
        if len(parts) != 3 or not self._genuine(parts):
            raise ValueError("not a token of this controller")
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=="))
        if claims["exp"] <= now:
            raise ValueError("the token has expired")
        return Claims(str(claims["sub"]), str(claims["jti"]), int(claims.get("gen", 0)), int(claims["exp"]))

    def _genuine(self, parts: list[str]) -> bool:
        return hmac.compare_digest(self._sign(f"{parts[0]}.{parts[1]}").encode(), parts[2].encode())

    def _sign(self, text: str) -> str:
        digest = hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _encode(value: dict[str, str | int]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
