"""The realm's endpoints for browsers: code with PKCE, refresh, logout (RFC 6749, RFC 7636, OpenID Connect)."""

import base64
import hashlib
import time
from dataclasses import dataclass
from urllib.parse import urlencode

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel, SecretStr, ValidationError

from control_plane_api.application.errors import UnauthenticatedError, UnavailableError
from lcm_core.security.verification import LEEWAY_SECONDS

SCOPE = "openid profile email"
_AWAY = "IdentityProviderAway"


class TokenAnswer(BaseModel):
    """What the token endpoint hands out; ``expires_in`` is the access token's life in seconds."""

    access_token: str
    refresh_token: str
    id_token: str = ""
    expires_in: int


class IdClaims(BaseModel):
    """What an id token says."""

    iss: str
    aud: str | list[str]
    sub: str
    exp: int
    nonce: str = ""
    name: str = ""


@dataclass(frozen=True)
class CodeFlow:
    """One client of one realm. ``issuer`` is its address for browsers, ``endpoint_base`` the one for servers."""

    issuer: str
    endpoint_base: str
    client_id: str
    client_secret: SecretStr
    http: httpx.AsyncClient

    def authorization_url(self, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Where the browser signs in."""
        digest = hashlib.sha256(verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": redirect_uri,
            "scope": SCOPE,
            "state": state,
            "nonce": nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return f"{self.issuer}/protocol/openid-connect/auth?{urlencode(query)}"

    def logout_url(self, id_token: str, back_to: str) -> str:
        """Where the browser signs out of the realm as well."""
        query = {"client_id": self.client_id, "id_token_hint": id_token, "post_logout_redirect_uri": back_to}
        return f"{self.issuer}/protocol/openid-connect/logout?{urlencode(query)}"

    async def exchange(self, code: str, redirect_uri: str, verifier: str) -> TokenAnswer:
        """Tokens for a code. Raises ``UnauthenticatedError`` for a code that is not good (any more)."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        return await self._tokens(form, "The sign-in could not be completed; start again.")

    async def refresh(self, refresh_token: str) -> TokenAnswer:
        """New tokens. Raises ``UnauthenticatedError`` when the realm has ended the session."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return await self._tokens(form, "Your session has ended; sign in again.")

    async def end(self, refresh_token: str) -> None:
        """End the session at the realm; one that is away ends it by its own limits."""
        try:
            await self.http.post(
                f"{self.endpoint_base}/logout", data=self._with_client({"refresh_token": refresh_token})
            )
        except httpx.TransportError:
            return

    async def id_claims(self, id_token: str, nonce: str) -> IdClaims:
        """The verified claims of an id token of this sign-in. Raises ``UnauthenticatedError``."""
        refused = UnauthenticatedError("The identity provider's answer does not belong to this sign-in; start again.")
        try:
            keys = await self.http.get(f"{self.endpoint_base}/certs")
            algorithms = ["RS256", "PS256", "ES256"]
            decoded = jwt.decode(id_token, KeySet.import_key_set(keys.json()), algorithms=algorithms)
            claims = IdClaims.model_validate(decoded.claims)
        except httpx.TransportError as error:
            raise UnavailableError(_AWAY, f"The identity provider cannot be reached: {error}") from error
        except (JoseError, ValueError) as error:
            raise refused from error
        audience = [claims.aud] if isinstance(claims.aud, str) else claims.aud
        fitting = claims.iss == self.issuer and self.client_id in audience and claims.nonce == nonce
        if not fitting or claims.exp + LEEWAY_SECONDS < time.time():
            raise refused
        return claims

    async def _tokens(self, form: dict[str, str], refusal: str) -> TokenAnswer:
        try:
            answer = await self.http.post(f"{self.endpoint_base}/token", data=self._with_client(form))
        except httpx.TransportError as error:
            raise UnavailableError(_AWAY, f"The identity provider cannot be reached: {error}") from error
        if answer.status_code in (400, 401, 403):
            raise UnauthenticatedError(refusal)
        if not answer.is_success:
            raise UnavailableError(_AWAY, f"The identity provider answered {answer.status_code}.")
        try:
            return TokenAnswer.model_validate_json(answer.content)
        except ValidationError as error:
            raise UnavailableError("IdentityProviderOdd", "The identity provider's answer is not usable.") from error

    def _with_client(self, form: dict[str, str]) -> dict[str, str]:
        return {**form, "client_id": self.client_id, "client_secret": self.client_secret.get_secret_value()}
