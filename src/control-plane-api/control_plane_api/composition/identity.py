"""How callers prove who they are."""

from dataclasses import dataclass

import httpx

from control_plane_api.application.authorization.authenticator import Authenticators
from control_plane_api.infrastructure.identity.bearer import BearerAuthenticator
from control_plane_api.infrastructure.identity.browser import BrowserSessions
from control_plane_api.infrastructure.identity.code_flow import CodeFlow
from control_plane_api.infrastructure.identity.local_tokens import LocalTokens
from control_plane_api.infrastructure.identity.passwords import PasswordCheck
from control_plane_api.infrastructure.mongo.database import Database
from control_plane_api.infrastructure.sessions.in_redis import RedisSessions
from control_plane_api.infrastructure.sessions.memory import MemorySessions
from control_plane_api.infrastructure.sessions.model import SessionStore
from control_plane_api.settings import Settings
from lcm_core.clock import SystemClock
from lcm_core.security.verification import TokenVerifier

PROVIDER_SECONDS = 5.0


@dataclass(frozen=True)
class Identity:
    """The identity provider as the control plane uses it, and the platform's own tokens."""

    http: httpx.AsyncClient
    certs_url: str
    tokens: LocalTokens
    passwords: PasswordCheck
    browser: BrowserSessions
    sessions: SessionStore
    authenticators: Authenticators

    async def revoke(self, user_id: str) -> None:
        """Refuse what was issued to a user until now: tokens of the platform and sessions of browsers."""
        await self.tokens.revoke(user_id)
        await self.browser.end_all(user_id)

    async def close(self) -> None:
        """Give every connection back."""
        await self.http.aclose()
        await self.sessions.close()

    async def check(self) -> str:
        """For the readiness: ``ok`` when the realm shows its keys."""
        answer = await self.http.get(self.certs_url)
        return "ok" if answer.is_success else f"the identity provider answers {answer.status_code}"


def open_identity(settings: Settings, database: Database) -> Identity:
    """Clients and verifiers; nothing is asked of the provider yet."""
    http = httpx.AsyncClient(timeout=PROVIDER_SECONDS, trust_env=False)
    base = settings.identity.endpoint_base
    verifier = TokenVerifier(
        issuer=settings.identity.issuer,
        audience=settings.identity.audience,
        jwks_url=f"{base}/certs",
        http=http,
    )
    life = int(settings.sign_in.jwt_hours * 3600)
    tokens = LocalTokens(settings.sign_in.jwt_secret, life, database)
    passwords = PasswordCheck(
        f"{base}/token", settings.sign_in.client_id, settings.sign_in.client_secret, http, verifier
    )
    sessions = _session_store(settings)
    flow = CodeFlow(settings.identity.issuer, base, settings.sign_in.client_id, settings.sign_in.client_secret, http)
    browser = BrowserSessions(flow, verifier, sessions, settings.secrets.envelope(), settings.sign_in.session_hours)
    # Tokens come first: whoever sends one wants to be that caller, whatever cookie the browser adds.
    ways = Authenticators([tokens, BearerAuthenticator(verifier, SystemClock()), browser])
    return Identity(http, f"{base}/certs", tokens, passwords, browser, sessions, ways)


def _session_store(settings: Settings) -> SessionStore:
    if settings.sign_in.redis_enabled:
        return RedisSessions(settings.sign_in.redis_url.get_secret_value(), settings.sign_in.redis_prefix)
    return MemorySessions()
