"""Signed-in browsers (Backend for Frontend): the server does the code flow and keeps the tokens.

The cookie names a session and nothing else. Writes need the session's CSRF token in a header and must come from the
console's own pages (Fetch Metadata). A session whose access token runs out is refreshed on the next request.
"""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ValidationError
from starlette.requests import HTTPConnection

from control_plane_api.application.authorization.principal import Principal
from control_plane_api.application.errors import ForbiddenError, UnauthenticatedError, UnavailableError
from control_plane_api.infrastructure.identity.code_flow import CodeFlow, TokenAnswer
from control_plane_api.infrastructure.sessions.model import BrowserSession, SessionStore, key_of, new_secret
from control_plane_api.infrastructure.sessions.origins import LOOPBACK_COOKIE, SECURE_COOKIE, Origin
from lcm_core.clients.errors import Unreachable
from lcm_core.security.envelope import Envelope
from lcm_core.security.verification import InvalidToken as NotAcceptable
from lcm_core.security.verification import Principal as Verified
from lcm_core.security.verification import TokenVerifier

LOGIN_SECONDS = 600
REFRESH_BEFORE = timedelta(seconds=30)
CSRF_HEADER = "x-csrf-token"
CALLBACK_PATH = "/api/auth/callback"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class _Login(BaseModel):
    """A sign-in that is under way; travels in a sealed cookie of the browser that began it."""

    state: str
    nonce: str
    verifier: str
    next_path: str
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A finished sign-in: the cookie's value, where the browser goes, and who it is."""

    cookie: str
    next_path: str
    principal: Principal


class BrowserSessions:
    """Begins, finishes, checks, refreshes and ends sessions; implements ``Authenticator``."""

    def __init__(
        self, flow: CodeFlow, verifier: TokenVerifier, store: SessionStore, envelope: Envelope, hours: float
    ) -> None:
        self._flow = flow
        self._verifier = verifier
        self._store = store
        self._envelope = envelope
        self._life = timedelta(hours=hours)

    # Signing in and out ------------------------------------------------------------------------------------------

    def begin(self, origin: Origin, next_path: str) -> tuple[str, str]:
        """The realm's page to send the browser to, and the cookie that remembers the sign-in."""
        login = _Login(
            state=new_secret(),
            nonce=new_secret(),
            verifier=new_secret(),
            next_path=local_path(next_path),
            redirect_uri=origin.url + CALLBACK_PATH,
        )
        url = self._flow.authorization_url(login.redirect_uri, login.state, login.nonce, login.verifier)
        return url, self._envelope.seal(login.model_dump_json())

    async def finish(self, sealed: str, state: str, code: str) -> SignedIn:
        """A session for the code. Raises ``UnauthenticatedError`` for a sign-in that this browser did not begin."""
        login = self._opened(sealed)
        if not hmac.compare_digest(login.state.encode(), state.encode()):
            raise UnauthenticatedError("This answer does not belong to the sign-in of this browser; start again.")
        tokens = await self._flow.exchange(code, login.redirect_uri, login.verifier)
        claims = await self._flow.id_claims(tokens.id_token, login.nonce)
        verified = await self._verified(tokens.access_token)
        if claims.sub != verified.subject:
            raise UnauthenticatedError("The identity provider's tokens are of different people; start again.")
        cookie, now = new_secret(), datetime.now(UTC)
        session = BrowserSession(
            key=key_of(cookie),
            user_id=verified.subject,
            username=verified.username,
            name=claims.name,
            roles=sorted(verified.roles),
            department=verified.department,
            csrf_token=new_secret(),
            refresh_token_sealed=self._envelope.seal(tokens.refresh_token),
            id_token_sealed=self._envelope.seal(tokens.id_token),
            access_expires_at=now + timedelta(seconds=tokens.expires_in),
            expires_at=now + self._life,
        )
        await self._store.put(session)
        return SignedIn(cookie, login.next_path, session.principal())

    async def end(self, session: BrowserSession, origin: Origin) -> str:
        """End a session here and at the realm; the address at which the browser leaves the realm too."""
        await self._store.delete(session.key)
        await self._flow.end(self._envelope.open(session.refresh_token_sealed))
        return self._flow.logout_url(self._envelope.open(session.id_token_sealed), origin.url + "/")

    async def forget(self, connection: HTTPConnection) -> None:
        """End the session that the browser had before it signed in anew."""
        cookie = _cookie(connection)
        if cookie:
            await self._store.delete(key_of(cookie))

    async def end_all(self, user_id: str) -> int:
        """End every session of a user."""
        return await self._store.delete_user(user_id)

    # Every request -------------------------------------------------------------------------------------------------

    async def authenticate(self, connection: HTTPConnection) -> Principal | None:
        """See ``Authenticator``. Raises ``ForbiddenError`` for a write that does not come from the console."""
        session = await self.session_of(connection)
        if session is None:
            return None
        if connection.scope.get("method", "GET") not in _SAFE:
            _require_own_page(connection, session)
        return session.principal()

    async def still_valid(self, principal: Principal) -> bool:
        """See ``Authenticator``: streams end with their session."""
        if not principal.session_id:
            return True
        return await self._store.get(principal.session_id) is not None

    async def session_of(self, connection: HTTPConnection) -> BrowserSession | None:
        """The session of the request's cookie, refreshed when due; None without one, also for an ended one."""
        cookie = _cookie(connection)
        if not cookie:
            return None
        session = await self._store.get(key_of(cookie))
        if session is None or session.access_expires_at - REFRESH_BEFORE > datetime.now(UTC):
            return session
        return await self.refreshed(session.key)

    async def refreshed(self, key: str, *, at_once: bool = False) -> BrowserSession | None:
        """The session with new tokens; None when the realm ended it.

        Roles are read again, so that what the realm changed holds from the next refresh on.
        """
        async with self._store.lock(key):
            session = await self._store.get(key)
            if session is None:
                return None
            now = datetime.now(UTC)
            if session.access_expires_at - REFRESH_BEFORE > now and not at_once:
                return session  # Another request was faster.
            try:
                tokens = await self._flow.refresh(self._envelope.open(session.refresh_token_sealed))
                verified = await self._verified(tokens.access_token)
            except UnauthenticatedError:
                await self._store.delete(key)
                return None
            except UnavailableError:
                if session.access_expires_at > now:
                    return session
                raise
            fresh = self._renewed(session, tokens, verified, now)
            await self._store.put(fresh)
            return fresh

    def _renewed(
        self, session: BrowserSession, tokens: TokenAnswer, verified: Verified, now: datetime
    ) -> BrowserSession:
        changes: dict[str, object] = {
            "roles": sorted(verified.roles),
            "department": verified.department,
            "refresh_token_sealed": self._envelope.seal(tokens.refresh_token),
            "access_expires_at": now + timedelta(seconds=tokens.expires_in),
        }
        if tokens.id_token:
            changes["id_token_sealed"] = self._envelope.seal(tokens.id_token)
        return session.model_copy(update=changes)

    async def _verified(self, access_token: str) -> Verified:
        try:
            return await self._verifier.verify(access_token)
        except NotAcceptable as error:
            raise UnauthenticatedError(f"The identity provider's token is not acceptable: {error}.") from error
        except Unreachable as error:
            raise UnavailableError("IdentityProviderAway", str(error)) from error

    def _opened(self, sealed: str) -> _Login:
        try:
            return _Login.model_validate_json(self._envelope.open(sealed))
        except (ValueError, ValidationError) as error:
            raise UnauthenticatedError("This browser has begun no sign-in, or too long ago; start again.") from error


def _cookie(connection: HTTPConnection) -> str:
    return connection.cookies.get(SECURE_COOKIE) or connection.cookies.get(LOOPBACK_COOKIE) or ""


def local_path(path: str) -> str:
    """A path of the console to return to; anything that could lead elsewhere becomes the start page."""
    if not path.startswith("/") or path.startswith(("//", "/\\")) or any(ord(letter) < 32 for letter in path):
        return "/"
    return path[:1000]


def _require_own_page(connection: HTTPConnection, session: BrowserSession) -> None:
    site = connection.headers.get("sec-fetch-site", "same-origin")
    if site not in ("same-origin", "none"):
        raise ForbiddenError("a write from another site", "This request comes from another site.")
    sent = connection.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(sent.encode(), session.csrf_token.encode()):
        raise ForbiddenError(
            "a write without its token", "Send the session's CSRF token as X-CSRF-Token; /api/auth/session tells it."
        )
