"""Passwords: those of the realm file are compared, those set later are stored as Argon2id hashes."""

import hmac

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from lcm_simulators.identity.realm import Credential, User

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""Argon2id in its smallest recommended size: some 20 ms on one core, so a login stays quick on a busy laptop."""


def hashed_credential(password: str) -> Credential:
    """What is stored of a password."""
    return Credential(type="password", hashed=_hasher.hash(password))


def password_fits(user: User, password: str) -> bool:
    """Whether one of the user's passwords is this one."""
    return any(_fits(credential, password) for credential in user.credentials if credential.type == "password")


def _fits(credential: Credential, password: str) -> bool:
    if credential.value:
        return hmac.compare_digest(credential.value.encode(), password.encode())
    try:
        return _hasher.verify(credential.hashed, password)
    except (VerificationError, InvalidHashError):
        return False
