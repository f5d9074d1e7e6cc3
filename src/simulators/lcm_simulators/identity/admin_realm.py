"""The admin API of what belongs to the realm: roles and groups of users, sessions, keys, locks, clients."""

import uuid
from base64 import b64encode

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import JsonValue, RootModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lcm_simulators.identity import representations as show
from lcm_simulators.identity.admin_access import (
    READ_CLIENTS,
    READ_GROUPS,
    READ_REALM,
    READ_USERS,
    WRITE_REALM,
    WRITE_USERS,
    AdminError,
    AdminGate,
    not_found,
    read_body,
)
from lcm_simulators.identity.admin_users import NO_CONTENT, wanted_user
from lcm_simulators.identity.context import RealmContext
from lcm_simulators.identity.realm import Group, Role
from lcm_simulators.identity.representations import ComponentBody, RoleBody

KEY_PROVIDER = "org.keycloak.keys.KeyProvider"
RSA_GENERATED = "rsa-generated"


class RoleList(RootModel[list[RoleBody]]):
    """Roles to give or take."""


async def list_roles(context: RealmContext, request: Request) -> Response:
    """The roles of the realm."""
    del request
    return JSONResponse([show.role(role) for role in context.realm.roles.realm])


async def list_groups(context: RealmContext, request: Request) -> Response:
    """The groups of the realm."""
    del request
    return JSONResponse([show.group(group) for group in context.realm.groups])


async def list_clients(context: RealmContext, request: Request) -> Response:
    """The clients, without their secrets."""
    wanted = request.query_params.get("clientId", "")
    clients = [client for client in context.realm.clients if not wanted or client.client_id == wanted]
    return JSONResponse(
        [client.model_dump(by_alias=True, exclude={"secret", "protocol_mappers"}) for client in clients]
    )


async def user_roles(context: RealmContext, request: Request) -> Response:
    """The roles a user has itself, without those of its groups."""
    user = wanted_user(context, request)
    return JSONResponse([show.role(role) for role in context.realm.roles.realm if role.name in user.realm_roles])


async def available_roles(context: RealmContext, request: Request) -> Response:
    """The roles that a user can still be given."""
    user = wanted_user(context, request)
    return JSONResponse([show.role(role) for role in context.realm.roles.realm if role.name not in user.realm_roles])


async def give_roles(context: RealmContext, request: Request) -> Response:
    """Give roles to a user."""
    user, roles = wanted_user(context, request), await _roles(context, request)
    names = sorted({*user.realm_roles, *(role.name for role in roles)})
    context.users.save(user.model_copy(update={"realm_roles": names}))
    return Response(status_code=NO_CONTENT)


async def take_roles(context: RealmContext, request: Request) -> Response:
    """Take roles from a user."""
    user, roles = wanted_user(context, request), await _roles(context, request)
    names = sorted(set(user.realm_roles) - {role.name for role in roles})
    context.users.save(user.model_copy(update={"realm_roles": names}))
    return Response(status_code=NO_CONTENT)


async def _roles(context: RealmContext, request: Request) -> list[Role]:
    wanted = {body.name for body in (await read_body(request, RoleList)).root}
    found = [role for role in context.realm.roles.realm if role.name in wanted]
    if len(found) != len(wanted):
        raise not_found("Role")
    return found


async def user_groups(context: RealmContext, request: Request) -> Response:
    """The groups of a user."""
    user = wanted_user(context, request)
    return JSONResponse([show.group(group) for group in context.realm.groups if group.path in user.groups])


async def join_group(context: RealmContext, request: Request) -> Response:
    """Put a user into a group."""
    user, group = wanted_user(context, request), _group(context, request)
    context.users.save(user.model_copy(update={"groups": sorted({*user.groups, group.path})}))
    return Response(status_code=NO_CONTENT)


async def leave_group(context: RealmContext, request: Request) -> Response:
    """Take a user out of a group."""
    user, group = wanted_user(context, request), _group(context, request)
    context.users.save(user.model_copy(update={"groups": sorted(set(user.groups) - {group.path})}))
    return Response(status_code=NO_CONTENT)


def _group(context: RealmContext, request: Request) -> Group:
    for group in context.realm.groups:
        if group.id == request.path_params["group"]:
            return group
    raise not_found("Group")


async def end_session(context: RealmContext, request: Request) -> Response:
    """End one session."""
    session = context.sessions.find(request.path_params["session"], context.now())
    if session is None:
        raise not_found("Session")
    context.sessions.end(session)
    return Response(status_code=NO_CONTENT)


async def lock_status(context: RealmContext, request: Request) -> Response:
    """Failed sign-ins of a user, and whether it must wait."""
    user = wanted_user(context, request)
    failures = context.attempts.of_user(user.id)
    return JSONResponse(
        {
            "numFailures": failures.count,
            "disabled": context.attempts.locked(user.id, context.now()),
            "lastIPFailure": failures.last_address or "n/a",
            "lastFailure": int(failures.last * 1000),
            "failedLoginNotBefore": int(failures.locked_until),
        }
    )


async def lift_lock(context: RealmContext, request: Request) -> Response:
    """Let a user try again."""
    context.attempts.forget(request.path_params["id"])
    return Response(status_code=NO_CONTENT)


async def list_keys(context: RealmContext, request: Request) -> Response:
    """The signing keys; the first one signs."""
    del request
    shown: list[JsonValue] = []
    for key in context.keys.all:
        der = key.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        shown.append(
            {
                "kid": key.kid,
                "status": "ACTIVE",
                "type": "RSA",
                "algorithm": "RS256",
                "use": "SIG",
                "publicKey": b64encode(der).decode(),
            }
        )
    return JSONResponse({"active": {"RS256": context.keys.signing.kid}, "keys": shown})


async def add_component(context: RealmContext, request: Request) -> Response:
    """Keycloak rotates keys by adding a key provider of a higher priority; so do we, with a new key each time."""
    body = await read_body(request, ComponentBody)
    if (body.provider_type, body.provider_id) != (KEY_PROVIDER, RSA_GENERATED):
        raise AdminError(400, f"The embedded provider makes only {RSA_GENERATED} components", "errorMessage")
    context.keys.rotate()
    return Response(status_code=201, headers={"Location": f"{request.url.replace(query='')}/{uuid.uuid4()}"})


def admin_realm_routes(gate: AdminGate) -> list[Route]:
    """The routes of this module."""
    base = "/admin/realms/{realm}"
    user = f"{base}/users/{{id}}"
    realm_roles = f"{user}/role-mappings/realm"
    membership = f"{user}/groups/{{group}}"
    lock = f"{base}/attack-detection/brute-force/users/{{id}}"
    return [
        Route(f"{base}/roles", gate(list_roles, READ_REALM), methods=["GET"]),
        Route(f"{base}/groups", gate(list_groups, READ_GROUPS), methods=["GET"]),
        Route(f"{base}/clients", gate(list_clients, READ_CLIENTS), methods=["GET"]),
        Route(f"{base}/keys", gate(list_keys, READ_REALM), methods=["GET"]),
        Route(f"{base}/components", gate(add_component, WRITE_REALM), methods=["POST"]),
        Route(f"{base}/sessions/{{session}}", gate(end_session, WRITE_USERS), methods=["DELETE"]),
        Route(lock, gate(lock_status, READ_USERS), methods=["GET"]),
        Route(lock, gate(lift_lock, WRITE_USERS), methods=["DELETE"]),
        Route(realm_roles, gate(user_roles, READ_USERS), methods=["GET"]),
        Route(realm_roles, gate(give_roles, WRITE_USERS), methods=["POST"]),
        Route(realm_roles, gate(take_roles, WRITE_USERS), methods=["DELETE"]),
        Route(f"{realm_roles}/available", gate(available_roles, READ_USERS), methods=["GET"]),
        Route(f"{user}/groups", gate(user_groups, READ_USERS), methods=["GET"]),
        Route(membership, gate(join_group, WRITE_USERS), methods=["PUT"]),
        Route(membership, gate(leave_group, WRITE_USERS), methods=["DELETE"]),
    ]
