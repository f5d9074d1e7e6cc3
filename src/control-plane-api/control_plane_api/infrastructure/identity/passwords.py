"""Checks a user name and password at the identity provider (RFC 6749 section 4.3)."""

import httpx
from pydantic import BaseModel, SecretStr, ValidationError

from control_plane_api.application.authorization.principal import Principal
from control_plane_api.application.errors import UnauthenticatedError, UnavailableError
from lcm_core.clients.errors import Unreachable
from lcm_core.security.verification import InvalidToken, TokenVerifier


class _Answer(BaseModel):
    access_token: str


class PasswordCheck:
    """Asks the realm for a token with the user's password, and reads who the user is from it."""

    def __init__(
        self,
        token_url: str,
        client_id: str,
        client_secret: SecretStr,
        http: httpx.AsyncClient,
        verifier: TokenVerifier,
    ) -> None:
        self._token_url = token_url
        self._client_id = client_id
        self._secret = client_secret
        self._http = http
        self._verifier = verifier

    async def check(self, username: str, password: SecretStr) -> Principal:
        """Who it is. Raises ``UnauthenticatedError`` for wrong credentials, ``UnavailableError``."""
        form = {
            "grant_type": "password",
            "client_id": self._client_id,
            "client_secret": self._secret.get_secret_value(),
            "username": username,
            "password": password.get_secret_value(),
            "scope": "openid",
        }
        try:
            answer = await self._http.post(self._token_url, data=form)
        except httpx.TransportError as error:
            raise UnavailableError(
                "IdentityProviderAway", f"The identity provider cannot be reached: {error}"
            ) from error
        if answer.status_code in (400, 401, 403):
            raise UnauthenticatedError("The user name or the password is wrong.")
        if not answer.is_success:
            detail = f"The identity provider answered {answer.status_code}."
            raise UnavailableError("IdentityProviderAway", detail)
        try:
            token = _Answer.model_validate_json(answer.content).access_token
            verified = await self._verifier.verify(token)
        except (ValidationError, InvalidToken) as error:
            raise UnavailableError("IdentityProviderOdd", "The identity provider's answer is not usable.") from error
        except Unreachable as error:
            raise UnavailableError("IdentityProviderAway", str(error)) from error
        return Principal(
            user_id=verified.subject,
            username=verified.username,
            roles=verified.roles,
            department=verified.department,
            client_id=verified.client_id,
        )
