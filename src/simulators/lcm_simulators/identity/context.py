"""Everything that belongs to one realm, and the provider that holds them."""

import time
from collections.abc import Callable
from pathlib import Path

from lcm_simulators.identity.attempts import LoginAttempts
from lcm_simulators.identity.codes import AuthorizationCodes
from lcm_simulators.identity.device_codes import DeviceCodes
from lcm_simulators.identity.keys import RealmKeys
from lcm_simulators.identity.logins import PendingLogins
from lcm_simulators.identity.passwords import password_fits
from lcm_simulators.identity.realm import Realm, User
from lcm_simulators.identity.sessions import SessionBook
from lcm_simulators.identity.store import Store
from lcm_simulators.identity.tokens import TokenMaker
from lcm_simulators.identity.users import UserDirectory

Now = Callable[[], float]


class RevokedTokens:
    """Access tokens that were revoked one by one, kept until they would have expired."""

    def __init__(self, store: Store, kind: str) -> None:
        self._store = store
        self._kind = kind
        self._until = {token_id: float(until) for token_id, until in store.all(kind)}

    def add(self, token_id: str, until: float, now: float) -> None:
        """Refuse a token from now on."""
        for old in [old for old, end in self._until.items() if end <= now]:
            del self._until[old]
            self._store.delete(self._kind, old)
        self._store.put(self._kind, token_id, str(until))
        self._until[token_id] = until

    def __contains__(self, token_id: object) -> bool:
        return token_id in self._until


class RealmContext:
    """One realm at work.

    Args:
        realm: as its file describes it.
        base_url: address of the provider, without a slash at its end.
        data_dir: where its keys lie.
        store: where its sessions and changed users lie.
        console_url: origin that confidential clients may return to besides their own addresses.
        now: seconds since the epoch.
    """

    def __init__(
        self,
        realm: Realm,
        base_url: str,
        data_dir: Path,
        store: Store,
        *,
        console_url: str = "",
        now: Now = time.time,
    ) -> None:
        self.realm = realm
        self.now = now
        self.console_url = console_url.rstrip("/")
        self.keys = RealmKeys(data_dir / f"keys-{realm.realm}.json")
        self.tokens = TokenMaker(realm, self.keys, f"{base_url}/realms/{realm.realm}")
        self.users = UserDirectory(realm, store, f"{realm.realm}/user")
        self.sessions = SessionBook(realm, store)
        self.revoked = RevokedTokens(store, f"{realm.realm}/revoked")
        self.attempts = LoginAttempts(realm)
        self.codes = AuthorizationCodes(realm)
        self.devices = DeviceCodes(realm)
        self.logins = PendingLogins(realm)

    @property
    def issuer(self) -> str:
        """Address of the realm, the issuer of its tokens."""
        return self.tokens.issuer

    @property
    def endpoints(self) -> str:
        """Address below which the realm's OpenID Connect endpoints lie."""
        return f"{self.issuer}/protocol/openid-connect"

    def check_password(self, login: str, password: str, address: str) -> User | None:
        """Who signs in; None for an unknown user, a wrong password, or one who must wait."""
        user = self.users.signing_in(login)
        if user is None:
            return None
        now = self.now()
        if self.attempts.locked(user.id, now):
            return None
        if not password_fits(user, password):
            self.attempts.failed(user.id, address, now)
            return None
        self.attempts.forget(user.id)
        return user
