"""Makes and reads the tokens of one realm."""

import base64
import hashlib
import uuid
from dataclasses import dataclass

from joserfc import jwt
from joserfc.errors import JoseError
from pydantic import BaseModel, JsonValue

from lcm_simulators.identity import claims as say
from lcm_simulators.identity.keys import RealmKeys
from lcm_simulators.identity.realm import Client, Realm, User

SIGNED = ["RS256"]
INTERNAL = ["HS512"]


class AccessToken(BaseModel):
    """What the provider reads from an access token of its own."""

    jti: str
    sub: str
    azp: str
    exp: int
    aud: str | list[str] = []
    sid: str = ""
    scope: str = ""

    @property
    def audience(self) -> list[str]:
        """Whom the token is meant for."""
        return [self.aud] if isinstance(self.aud, str) else self.aud


class RefreshToken(BaseModel):
    """What the provider reads from a refresh token."""

    jti: str
    sub: str
    azp: str
    exp: int
    sid: str
    scope: str
    reuse_id: str
    auth_time: int = 0


class IdToken(BaseModel):
    """What the provider reads from an ID token sent as a hint."""

    sub: str
    azp: str
    sid: str = ""


class BrowserToken(BaseModel):
    """What the login cookie holds."""

    sid: str
    sub: str
    exp: int


@dataclass(frozen=True, slots=True)
class Grant:
    """For whom tokens are made, and how it came to it.

    ``kind`` begins the token's id as in Keycloak: ``onrt`` (with a session) or ``trrt`` (without), then the grant.
    """

    user: User
    client: Client
    scopes: tuple[str, ...]
    kind: str
    session_id: str = ""
    nonce: str = ""
    auth_time: int = 0


class TokenMaker:
    """Signs for one issuer."""

    def __init__(self, realm: Realm, keys: RealmKeys, issuer: str) -> None:
        self._realm = realm
        self._keys = keys
        self.issuer = issuer

    def access(self, grant: Grant, now: float, lifespan: int, shown_scope: str) -> str:
        """An access token."""
        claims = self._common(grant, now, lifespan, "Bearer")
        claims["jti"] = f"{grant.kind}:{uuid.uuid4()}"
        claims |= {"acr": "1", "scope": shown_scope}
        return self._signed(claims | say.access(self._realm, grant.client, grant.user))

    def identity(self, grant: Grant, now: float, lifespan: int, access_token: str) -> str:
        """An ID token for the client that asked."""
        claims = self._common(grant, now, lifespan, "ID")
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        claims |= {"aud": grant.client.client_id, "acr": "1"}
        claims["at_hash"] = base64.urlsafe_b64encode(half).rstrip(b"=").decode()
        if grant.nonce:
            claims["nonce"] = grant.nonce
        return self._signed(claims | say.identity(grant.client, grant.user))

    def refresh(self, grant: Grant, now: float, lifespan: int, chain: str) -> tuple[str, str]:
        """A refresh token and its id."""
        claims = self._common(grant, now, lifespan, "Refresh")
        claims |= {"aud": self.issuer, "scope": " ".join(grant.scopes), "reuse_id": chain}
        return self._internal(claims), str(claims["jti"])

    def browser(self, user_id: str, session_id: str, now: float, lifespan: int) -> str:
        """The content of the login cookie."""
        return self._internal(
            {
                "exp": int(now) + lifespan,
                "iat": int(now),
                "iss": self.issuer,
                "sub": user_id,
                "typ": "Serialized-ID",
                "sid": session_id,
            }
        )

    def read_access(self, token: str, now: float) -> tuple[AccessToken, dict[str, JsonValue]]:
        """Fields and all claims of a valid access token. Raises ``ValueError``."""
        claims = self._read(token, "Bearer", now)
        return AccessToken.model_validate(claims), claims

    def read_refresh(self, token: str) -> RefreshToken:
        """A refresh token of this realm, whether expired or not. Raises ``ValueError``."""
        return RefreshToken.model_validate(self._read(token, "Refresh", None))

    def read_hint(self, token: str) -> IdToken:
        """An ID token of this realm, whether expired or not. Raises ``ValueError``."""
        return IdToken.model_validate(self._read(token, "ID", None))

    def read_browser(self, token: str, now: float) -> BrowserToken:
        """The content of a login cookie. Raises ``ValueError``."""
        return BrowserToken.model_validate(self._read(token, "Serialized-ID", now))

    def _common(self, grant: Grant, now: float, lifespan: int, kind: str) -> dict[str, JsonValue]:
        claims: dict[str, JsonValue] = {
            "exp": int(now) + lifespan,
            "iat": int(now),
            "jti": str(uuid.uuid4()),
            "iss": self.issuer,
            "sub": grant.user.id,
            "typ": kind,
            "azp": grant.client.client_id,
        }
        if grant.auth_time:
            claims["auth_time"] = grant.auth_time
        if grant.session_id:
            claims["sid"] = grant.session_id
        return claims

    def _signed(self, claims: dict[str, JsonValue]) -> str:
        key = self._keys.signing
        return jwt.encode({"alg": "RS256", "typ": "JWT", "kid": key.kid}, claims, key, algorithms=SIGNED)

    def _internal(self, claims: dict[str, JsonValue]) -> str:
        return jwt.encode({"alg": "HS512", "typ": "JWT"}, claims, self._keys.internal, algorithms=INTERNAL)

    def _read(self, token: str, kind: str, now: float | None) -> dict[str, JsonValue]:
        internal = kind in {"Refresh", "Serialized-ID"}
        try:
            if internal:
                claims = jwt.decode(token, self._keys.internal, algorithms=INTERNAL).claims
            else:
                claims = jwt.decode(token, self._keys.verifying, algorithms=SIGNED).claims
        except (JoseError, ValueError) as error:
            raise ValueError(f"not a token of this realm: {error}") from error
        if claims.get("typ") != kind or claims.get("iss") != self.issuer:
            raise ValueError(f"not a {kind} token of this realm")
        if now is not None and int(claims.get("exp", 0)) <= now:
            raise ValueError("the token has expired")
        return dict(claims)
