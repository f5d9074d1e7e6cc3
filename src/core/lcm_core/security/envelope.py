"""Envelope encryption of secrets at rest.

A sealed secret is ``<key id>:<token>``; the token is Fernet (AES-128-CBC with HMAC-SHA256). New secrets use the first
key of the ring, old ones are opened with the key they name, so a key is rotated by putting a new one in front.
"""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken


class SecretUnreadable(ValueError):
    """A sealed secret that none of the configured keys opens."""


class Envelope:
    """Seals and opens secrets with a ring of keys given as ``id:passphrase`` pairs."""

    def __init__(self, keys: list[tuple[str, str]]) -> None:
        if not keys:
            raise ValueError("at least one envelope key is needed")
        self._current = keys[0][0]
        self._ring = {key_id: Fernet(_derive(passphrase)) for key_id, passphrase in keys}

    @classmethod
    def parse(cls, text: str) -> "Envelope":
        """From ``id:passphrase[,id:passphrase…]``, newest first."""
        pairs = [part.strip().partition(":") for part in text.split(",") if part.strip()]
        if any(not key_id or not passphrase for key_id, _, passphrase in pairs):
            raise ValueError("envelope keys are written id:passphrase, separated by commas")
        return cls([(key_id, passphrase) for key_id, _, passphrase in pairs])

    def seal(self, secret: str) -> str:
        """The secret, encrypted with the current key."""
        return f"{self._current}:{self._ring[self._current].encrypt(secret.encode()).decode()}"

    def reseal(self, sealed: str) -> str | None:
        """The same secret under the current key, None if it is already. Raises ``SecretUnreadable``."""
        if sealed.startswith(f"{self._current}:"):
            return None
        return self.seal(self.open(sealed))

    def open(self, sealed: str) -> str:
        """The secret in clear. Raises ``SecretUnreadable``."""
        key_id, _, token = sealed.partition(":")
        key = self._ring.get(key_id)
        if key is None:
            raise SecretUnreadable(f"no envelope key with id {key_id!r} is configured")
        try:
            return key.decrypt(token.encode()).decode()
        except InvalidToken as error:
            raise SecretUnreadable(f"the secret does not open with envelope key {key_id!r}") from error


def _derive(passphrase: str) -> bytes:
    """A Fernet key from a passphrase; the passphrase itself must be random (32 bytes or more in production)."""
    return base64.urlsafe_b64encode(hashlib.sha256(passphrase.encode()).digest())
