"""User sessions and the refresh tokens that belong to them."""

import secrets
import uuid
from dataclasses import dataclass

from pydantic import BaseModel

from lcm_simulators.identity.realm import Realm
from lcm_simulators.identity.store import Store

PRUNE_SECONDS = 60.0


class ClientSession(BaseModel):
    """What one client has of a user session.

    ``chains`` maps each login of the client to the id of the one refresh token that may be used next.
    """

    client_id: str
    started_at: float
    chains: dict[str, str] = {}


class UserSession(BaseModel):
    """One login; times are seconds since the epoch."""

    id: str
    user_id: str
    started_at: float
    last_access: float
    authenticated_at: float = 0.0
    """When the user last showed the password."""
    address: str = ""
    browser: bool = False
    """Whether a browser carries this session in a cookie, so that other clients join it."""
    clients: dict[str, ClientSession] = {}


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long sessions live, in seconds: without use, and altogether."""

    idle: float
    most: float

    @classmethod
    def of(cls, realm: Realm) -> "Lifetimes":
        """The realm's."""
        return cls(realm.sso_session_idle_timeout, realm.sso_session_max_lifespan)

    def ends_at(self, session: UserSession) -> float:
        """When the session is over if nobody uses it any more."""
        return min(session.last_access + self.idle, session.started_at + self.most)


class SessionBook:
    """All sessions of a realm, in memory and on disk."""

    def __init__(self, realm: Realm, store: Store) -> None:
        self._lifetimes = Lifetimes.of(realm)
        self._store = store
        self._kind = f"{realm.realm}/session"
        self._sessions = {key: UserSession.model_validate_json(body) for key, body in store.all(self._kind)}
        self._pruned_at = 0.0

    def begin(self, user_id: str, now: float, *, address: str, browser: bool) -> UserSession:
        """A new session of a user who has just shown who they are."""
        self._prune(now)
        session = UserSession(
            id=secrets.token_urlsafe(18),
            user_id=user_id,
            started_at=now,
            last_access=now,
            authenticated_at=now,
            address=address,
            browser=browser,
        )
        self._save(session)
        return session

    def find(self, session_id: str, now: float) -> UserSession | None:
        """The session if it still lives."""
        session = self._sessions.get(session_id)
        if session is None:
            return None
        if self._lifetimes.ends_at(session) <= now:
            self.end(session)
            return None
        return session

    def of_user(self, user_id: str, now: float) -> list[UserSession]:
        """The living sessions of a user, oldest first."""
        self._prune(now)
        mine = [session for session in self._sessions.values() if session.user_id == user_id]
        return sorted(mine, key=lambda session: session.started_at)

    def end(self, session: UserSession) -> None:
        """Log out: no token of the session is good for anything from now on."""
        self._sessions.pop(session.id, None)
        self._store.delete(self._kind, session.id)

    def end_all(self, user_id: str) -> None:
        """Log a user out everywhere."""
        for session in [session for session in self._sessions.values() if session.user_id == user_id]:
            self.end(session)

    def begin_chain(self, session: UserSession, client_id: str, now: float) -> str:
        """A client has signed in: the id of the row of refresh tokens that begins here."""
        client = session.clients.setdefault(client_id, ClientSession(client_id=client_id, started_at=now))
        chain = str(uuid.uuid4())
        client.chains[chain] = ""
        return chain

    def advance(self, session: UserSession, client_id: str, chain: str, token_id: str, now: float) -> None:
        """From now on only the refresh token ``token_id`` continues the chain."""
        session.clients[client_id].chains[chain] = token_id
        session.last_access = now
        self._save(session)

    def detach(self, session: UserSession, client_id: str) -> None:
        """Take the session away from one client: its tokens are good for nothing from now on."""
        session.clients.pop(client_id, None)
        self._save(session)

    def seconds_left(self, session: UserSession, now: float) -> int:
        """How long a refresh token issued now is good for."""
        return max(0, int(self._lifetimes.ends_at(session) - now))

    def touch(self, session: UserSession, now: float) -> None:
        """The session is in use."""
        session.last_access = now
        self._save(session)

    def _save(self, session: UserSession) -> None:
        self._store.put(self._kind, session.id, session.model_dump_json())
        self._sessions[session.id] = session

    def _prune(self, now: float) -> None:
        if now - self._pruned_at < PRUNE_SECONDS:
            return
        self._pruned_at = now
        for session in [one for one in self._sessions.values() if self._lifetimes.ends_at(one) <= now]:
            self.end(session)
