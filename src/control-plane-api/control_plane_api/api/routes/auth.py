"""``/auth`` for programs: sign in with a password, ask who one is, revoke."""

from typing import Annotated

from fastapi import Path
from starlette.responses import Response

from control_plane_api.api.addresses import TrustedProxies
from control_plane_api.api.call import Call
from control_plane_api.api.guard import api_router, guard, public
from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.runtime.commands.sign_in import (
    NOBODY,
    PasswordLogin,
    RevokeUserCommand,
    SignInCommand,
    TokenView,
)
from control_plane_api.application.runtime.queries.runtime_queries import WhoAmIQuery
from lcm_core.contracts.platform import UserView

router = api_router("/auth", tags=["sign in"])


@router.post("/login", response_model=TokenView, summary="Sign in with a password")
@public
async def login(call: Call, body: PasswordLogin) -> Response:
    """A token of the platform, for a day by default."""
    proxies: TrustedProxies = call.request.app.state.proxies
    address = proxies.address_of(call.request)
    return call.respond(await call.execute(SignInCommand(NOBODY, body, address)))


@router.get("/user", response_model=UserView, summary="Who am I?")
@guard(Action.USER_SELF)
async def user(call: Call) -> Response:
    """Name, roles and department."""
    return call.respond(await call.execute(WhoAmIQuery(call.principal)))


@router.post("/users/{user_id}/revoke", status_code=204, summary="Revoke every token of a user")
@guard(Action.USER_SELF)
async def revoke(call: Call, user_id: Annotated[str, Path(min_length=1, max_length=100)]) -> Response:
    """Oneself, or anybody for admins."""
    await call.execute(RevokeUserCommand(call.principal, user_id))
    return call.respond(None)
