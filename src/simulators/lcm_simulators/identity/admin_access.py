"""Who may use the admin API: bearer tokens of the realm with roles of ``realm-management``, or of ``master``."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lcm_simulators.identity.context import RealmContext
from lcm_simulators.identity.errors import BearerRefused
from lcm_simulators.identity.http import MAX_BODY, SECURE, Realms, bearer
from lcm_simulators.identity.token_endpoints import live_token
from lcm_simulators.identity.users import REALM_MANAGEMENT, client_roles

MASTER = "master"
READ_USERS = ("view-users", "manage-users")
WRITE_USERS = ("manage-users",)
READ_GROUPS = ("query-groups", "view-users", "manage-users")
READ_REALM = ("view-realm", "manage-realm")
WRITE_REALM = ("manage-realm",)
READ_CLIENTS = ("view-clients", "manage-clients")

ModelT = TypeVar("ModelT", bound=BaseModel)
AdminHandler = Callable[[RealmContext, Request], Awaitable[Response]]


@dataclass(slots=True)
class AdminError(Exception):
    """Answered with the status; Keycloak names the reason ``error`` or, for what a person entered, ``errorMessage``."""

    status: int
    message: str
    field: str = "error"


def not_found(what: str) -> AdminError:
    """A thing that does not exist."""
    return AdminError(404, f"{what} not found")


class AdminGate:
    """Wraps handlers of the admin API: finds the realm, checks the token, answers refusals."""

    def __init__(self, realms: Realms) -> None:
        self._realms = realms

    def __call__(self, handler: AdminHandler, roles: tuple[str, ...]) -> Callable[[Request], Awaitable[Response]]:
        """An endpoint for whoever has one of the roles."""

        async def endpoint(request: Request) -> Response:
            try:
                context = self._admitted(request, roles)
                response = await handler(context, request)
            except AdminError as error:
                response = JSONResponse({error.field: error.message}, error.status)
            response.headers.update(SECURE)
            return response

        endpoint.__name__ = handler.__name__
        return endpoint

    def _admitted(self, request: Request, roles: tuple[str, ...]) -> RealmContext:
        try:
            text = bearer(request)
        except BearerRefused as error:
            raise AdminError(401, "HTTP 401 Unauthorized") from error
        context = self._realms.contexts.get(request.path_params["realm"])
        master = self._realms.contexts.get(MASTER)
        if master is not None and _speaks_for(master, text) is not None:
            if context is None:
                raise AdminError(404, "Realm not found.")
            return context
        held = _speaks_for(context, text) if context is not None else None
        if context is None or held is None:
            raise AdminError(401, "HTTP 401 Unauthorized")
        if not held & {*roles, "realm-admin"}:
            raise AdminError(403, "HTTP 403 Forbidden")
        return context


def _speaks_for(context: RealmContext, text: str) -> set[str] | None:
    """The roles of a token of this realm; None when it is none."""
    try:
        _, user, _ = live_token(context, text)
    except ValueError:
        return None
    return set(client_roles(context.realm, user).get(REALM_MANAGEMENT, []))


async def read_body(request: Request, model: type[ModelT]) -> ModelT:
    """The JSON body. Raises ``AdminError``."""
    body = await request.body()
    if len(body) > MAX_BODY:
        raise AdminError(413, "The request is too large")
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise AdminError(400, f"Cannot parse the JSON: {place} {first['msg']}") from error
