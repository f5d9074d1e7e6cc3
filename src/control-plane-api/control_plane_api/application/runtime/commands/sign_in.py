"""Sign in with user name and password, and revoke what was issued."""

from dataclasses import dataclass

from pydantic import BaseModel, Field, SecretStr

from control_plane_api.application.audit.log import AuditLog
from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.authorization.principal import Principal
from control_plane_api.application.authorization.require import require
from control_plane_api.application.base import BaseCommand, Handler
from control_plane_api.application.errors import UnauthenticatedError
from control_plane_api.application.ports import Deps, LoginThrottle, PasswordChecker, Revoker, TokenIssuer

NOBODY = Principal(user_id="", username="anonymous")
"""Who asks before anybody is known."""
SIGN_IN = "SignIn"
"""What the audit trail calls it, whichever way somebody signs in."""


class TokenView(BaseModel):
    """A token of the platform."""

    access_token: str
    token_type: str = "Bearer"
    expires_in: int
    user_id: str
    username: str
    roles: list[str]
    department: str = ""


class PasswordLogin(BaseModel):
    """User name and password."""

    username: str = Field(min_length=1, max_length=100)
    password: SecretStr = Field(min_length=1, max_length=200)


@dataclass(frozen=True, slots=True)
class SignInCommand(BaseCommand[TokenView]):
    """Sign in."""

    body: PasswordLogin
    address: str


class SignInHandler(Handler[SignInCommand, TokenView]):
    """The identity provider checks the password; failures are counted, and every attempt is in the audit trail."""

    def __init__(
        self, deps: Deps, passwords: PasswordChecker, tokens: TokenIssuer, throttle: LoginThrottle, audit: AuditLog
    ) -> None:
        super().__init__(deps)
        self._audit = audit
        self._passwords = passwords
        self._tokens = tokens
        self._throttle = throttle

    async def handle_async(self, request: SignInCommand) -> TokenView:
        """A token. Raises ``UnauthenticatedError`` and ``ThrottledError``."""
        username = request.body.username.lower()
        await self._throttle.check(username, request.address)
        try:
            principal = await self._passwords.check(request.body.username, request.body.password)
        except UnauthenticatedError:
            await self._throttle.failed(username, request.address)
            who = Principal(user_id="", username=username)
            await self._audit.denied(who, SIGN_IN, f"The password was wrong; asked from {request.address}.")
            raise
        await self._audit.accepted(principal, SIGN_IN, "user", principal.user_id, {"address": request.address})
        return TokenView(
            access_token=self._tokens.issue(principal),
            expires_in=self._tokens.life_seconds,
            user_id=principal.user_id,
            username=principal.username,
            roles=sorted(principal.roles),
            department=principal.department,
        )


@dataclass(frozen=True, slots=True)
class RevokeUserCommand(BaseCommand[None]):
    """Refuse every token of a user that was issued until now."""

    user_id: str


class RevokeUserHandler(Handler[RevokeUserCommand, None]):
    """Admins revoke anybody, everybody revokes themselves."""

    def __init__(self, deps: Deps, revoker: Revoker) -> None:
        super().__init__(deps)
        self._revoker = revoker

    async def handle_async(self, request: RevokeUserCommand) -> None:
        """Nothing to answer."""
        if request.user_id != request.principal.user_id:
            require(request.principal, Action.USER_REVOKE)
        await self._revoker.revoke(request.user_id)
