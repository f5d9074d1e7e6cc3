"""The realm's keys: RS256 for what others verify, HS512 for what only the provider itself reads."""

import secrets
from pathlib import Path

from joserfc.jwk import KeySet, OctKey, RSAKey
from pydantic import BaseModel

RSA_BITS = 2048


class _Stored(BaseModel):
    """The key file: RSA keys as private JWKs, the signing one first, and the secret of the internal tokens."""

    signing: list[dict[str, str]]
    internal: str


class RealmKeys:
    """Keys kept in one file that only the owner may read; made at the first start.

    ``rotate`` puts a new signing key in front; tokens of the older ones stay verifiable.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if path.exists():
            stored = _Stored.model_validate_json(path.read_bytes())
            self._signing = [RSAKey.import_key(dict(key)) for key in stored.signing]
            self._secret = stored.internal
        else:
            self._signing = [_new_key()]
            self._secret = secrets.token_urlsafe(64)
            self._write()

    @property
    def signing(self) -> RSAKey:
        """The key that signs from now on."""
        return self._signing[0]

    @property
    def all(self) -> list[RSAKey]:
        """Every signing key, newest first."""
        return list(self._signing)

    @property
    def verifying(self) -> KeySet:
        """All signing keys, old ones too."""
        return KeySet(list(self._signing))

    @property
    def internal(self) -> OctKey:
        """The secret of refresh tokens and login cookies."""
        return OctKey.import_key(self._secret)

    def public(self) -> dict[str, list[dict[str, object]]]:
        """The body of the JWKS endpoint."""
        return {"keys": [dict(key.as_dict(private=False)) for key in self._signing]}

    def rotate(self) -> str:
        """Sign with a new key from now on; returns its id."""
        self._signing.insert(0, _new_key())
        self._write()
        return str(self.signing.kid)

    def _write(self) -> None:
        private = [{name: str(value) for name, value in key.as_dict(private=True).items()} for key in self._signing]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".new")
        partial.touch(mode=0o600)
        partial.write_text(_Stored(signing=private, internal=self._secret).model_dump_json(), encoding="utf-8")
        partial.replace(self._path)


def _new_key() -> RSAKey:
    return RSAKey.generate_key(RSA_BITS, {"use": "sig", "alg": "RS256"}, auto_kid=True)
