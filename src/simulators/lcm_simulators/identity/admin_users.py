"""The admin API of users: find, make, change, delete, passwords, sessions."""

import uuid
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lcm_simulators.identity import representations as show
from lcm_simulators.identity.admin_access import (
    READ_USERS,
    WRITE_USERS,
    AdminError,
    AdminGate,
    not_found,
    read_body,
)
from lcm_simulators.identity.context import RealmContext
from lcm_simulators.identity.passwords import hashed_credential
from lcm_simulators.identity.realm import UPDATE_PASSWORD, User
from lcm_simulators.identity.representations import CredentialBody, UserBody

PAGE = 100
NO_CONTENT = 204


def wanted_user(context: RealmContext, request: Request) -> User:
    """The user in the address. Raises ``AdminError``."""
    user = context.users.get(request.path_params["id"])
    if user is None:
        raise not_found("User")
    return user


async def list_users(context: RealmContext, request: Request) -> Response:
    """Users by name, address or attribute, in the order of their names."""
    query = request.query_params
    found = [user for user in context.users if not user.service_account_client_id and _fits(user, query)]
    first, most = _number(query, "first", 0), _number(query, "max", PAGE)
    brief = query.get("briefRepresentation") == "true"
    return JSONResponse([show.user(user, brief=brief) for user in found[first : first + most]])


async def count_users(context: RealmContext, request: Request) -> Response:
    """How many users a search finds."""
    query = request.query_params
    return JSONResponse(sum(1 for one in context.users if not one.service_account_client_id and _fits(one, query)))


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    if text and not text.isdecimal():
        raise AdminError(400, f"{name} must be a number")
    return int(text) if text else default


def _fits(user: User, query: Mapping[str, str]) -> bool:
    fields = {
        "username": user.username,
        "email": user.email,
        "firstName": user.first_name,
        "lastName": user.last_name,
    }
    search = query.get("search", "").strip("*").lower()
    if search and not any(search in value.lower() for value in fields.values()):
        return False
    if query.get("enabled", str(user.enabled).lower()) != str(user.enabled).lower():
        return False
    for pair in query.get("q", "").split():
        name, _, value = pair.partition(":")
        if value not in user.attributes.get(name, []):
            return False
    exact = query.get("exact") == "true"
    return all(_same(query[name].lower(), value.lower(), exact) for name, value in fields.items() if name in query)


def _same(wanted: str, value: str, exact: bool) -> bool:
    return wanted == value if exact else wanted in value


async def create_user(context: RealmContext, request: Request) -> Response:
    """Make a user; the answer's ``Location`` ends with the id."""
    body = await read_body(request, UserBody)
    if not body.username.strip():
        raise AdminError(400, "User name is missing", "errorMessage")
    user = User(id=str(uuid.uuid4()), username=body.username.strip().lower(), created_at=context.now())
    user = _changed(context, user, body)
    _refuse_taken(context, user)
    context.users.save(user)
    return Response(status_code=201, headers={"Location": f"{request.url.replace(query='')}/{user.id}"})


async def get_user(context: RealmContext, request: Request) -> Response:
    """One user."""
    return JSONResponse(show.user(wanted_user(context, request)))


async def update_user(context: RealmContext, request: Request) -> Response:
    """Change what the body names; user names stay."""
    body = await read_body(request, UserBody)
    user = _changed(context, wanted_user(context, request), body)
    _refuse_taken(context, user)
    context.users.save(user)
    return Response(status_code=NO_CONTENT)


def _changed(context: RealmContext, user: User, body: UserBody) -> User:
    """The user with what the body sets."""
    named = ("enabled", "email", "email_verified", "first_name", "last_name", "attributes", "required_actions")
    changes: dict[str, object] = {name: getattr(body, name) for name in named if name in body.model_fields_set}
    if "groups" in body.model_fields_set:
        known = {group.path for group in context.realm.groups}
        if unknown := sorted(set(body.groups) - known):
            raise AdminError(404, f"Unable to find group specified by path: {unknown[0]}", "errorMessage")
        changes["groups"] = body.groups
    changed = user.model_copy(update=changes)
    for credential in body.credentials:
        changed = _with_password(changed, credential)
    return changed


def _with_password(user: User, credential: CredentialBody) -> User:
    if credential.type != "password" or not credential.value:
        raise AdminError(400, "No password provided")
    actions = [action for action in user.required_actions if action != UPDATE_PASSWORD]
    if credential.temporary:
        actions.append(UPDATE_PASSWORD)
    hashed = [hashed_credential(credential.value)]
    return user.model_copy(update={"credentials": hashed, "required_actions": actions})


def _refuse_taken(context: RealmContext, user: User) -> None:
    other = context.users.named(user.username)
    if other is not None and other.id != user.id:
        raise AdminError(409, "User exists with same username", "errorMessage")
    other = context.users.with_email(user.email)
    if other is not None and other.id != user.id:
        raise AdminError(409, "User exists with same email", "errorMessage")


async def delete_user(context: RealmContext, request: Request) -> Response:
    """Remove a user and end its sessions."""
    user = wanted_user(context, request)
    context.users.delete(user)
    context.sessions.end_all(user.id)
    return Response(status_code=NO_CONTENT)


async def reset_password(context: RealmContext, request: Request) -> Response:
    """Set a password, for good or for the next sign-in."""
    body = await read_body(request, CredentialBody)
    context.users.save(_with_password(wanted_user(context, request), body))
    return Response(status_code=NO_CONTENT)


async def list_sessions(context: RealmContext, request: Request) -> Response:
    """Where a user is signed in."""
    user = wanted_user(context, request)
    sessions = context.sessions.of_user(user.id, context.now())
    return JSONResponse([show.session(context, session) for session in sessions])


async def logout_user(context: RealmContext, request: Request) -> Response:
    """End all sessions of a user."""
    context.sessions.end_all(wanted_user(context, request).id)
    return Response(status_code=NO_CONTENT)


def admin_user_routes(gate: AdminGate) -> list[Route]:
    """The routes of this module."""
    base = "/admin/realms/{realm}/users"
    return [
        Route(base, gate(list_users, READ_USERS), methods=["GET"]),
        Route(base, gate(create_user, WRITE_USERS), methods=["POST"]),
        Route(f"{base}/count", gate(count_users, READ_USERS), methods=["GET"]),
        Route(f"{base}/{{id}}", gate(get_user, READ_USERS), methods=["GET"]),
        Route(f"{base}/{{id}}", gate(update_user, WRITE_USERS), methods=["PUT"]),
        Route(f"{base}/{{id}}", gate(delete_user, WRITE_USERS), methods=["DELETE"]),
        Route(f"{base}/{{id}}/reset-password", gate(reset_password, WRITE_USERS), methods=["PUT"]),
        Route(f"{base}/{{id}}/sessions", gate(list_sessions, READ_USERS), methods=["GET"]),
        Route(f"{base}/{{id}}/logout", gate(logout_user, WRITE_USERS), methods=["POST"]),
    ]
