"""Passwords and session tokens (HS256 JWTs like the real controller's)."""

import base64
import hashlib
import hmac
import json
import secrets


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


class TokenMint:
    """Signs and checks tokens; `secret` is stored so that tokens survive a restart."""

    def __init__(self, secret: str) -> None:
        self.secret = secret

    def issue(self, user_id: str, now: float, lifetime: int) -> str:
        """A token for a user, valid for `lifetime` seconds."""
        head = _encode({"alg": "HS256", "typ": "JWT"})
        claims: dict[str, str | int] = {
            "iss": "com.cisco.virl",
            "iat": int(now),
            "exp": int(now) + lifetime,
            "sub": user_id,
        }
        body = _encode({**claims, "jti": secrets.token_hex(8)})
        return f"{head}.{body}.{self._sign(f'{head}.{body}')}"

    def subject(self, token: str, now: float) -> tuple[str, int]:
        """The user id of a token and when it was issued. Raises ``ValueError`` for one that is not good any more."""
        parts = token.split(".")
        if len(parts) != 3 or not self._genuine(parts):
            raise ValueError("not a token of this controller")
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=="))
        if claims["exp"] <= now:
            raise ValueError("the token has expired")
        return str(claims["sub"]), int(claims["iat"])

    def _genuine(self, parts: list[str]) -> bool:
        return hmac.compare_digest(self._sign(f"{parts[0]}.{parts[1]}").encode(), parts[2].encode())

    def _sign(self, text: str) -> str:
        digest = hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _encode(value: dict[str, str | int]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
