"""Users and groups."""

from __future__ import annotations

from uuid import uuid4

from pydantic import Field

from lcm_simulators.cml.api.lookup import Body, Permission
from lcm_simulators.cml.api.router import route
from lcm_simulators.cml.controller_state import ADMIN_ID
from lcm_simulators.cml.model import Association, Group, User
from lcm_simulators.cml.routing import NO_CONTENT, Answer, ApiError, Call
from lcm_simulators.cml.tokens import hash_password, password_fits


class PasswordChange(Body):
    """A new password with the old one."""

    old_password: str = ""
    new_password: str = Field(min_length=1)


class LabPermissions(Body):
    """Permissions on one lab."""

    id: str
    permissions: list[Permission] = Field(default_factory=list)


class UserBody(Body):
    """What may be said about a user."""

    username: str | None = Field(default=None, min_length=1, max_length=32)
    password: str | PasswordChange | None = None
    fullname: str | None = Field(default=None, max_length=128)
    description: str | None = Field(default=None, max_length=4096)
    email: str | None = Field(default=None, max_length=128)
    admin: bool | None = None
    groups: list[str] | None = None
    associations: list[LabPermissions] | None = None
    resource_pool: str | None = None
    opt_in: bool | str | None = None
    tour_version: str | None = None
    pubkey: str | None = None


class GroupBody(Body):
    """What may be said about a group."""

    name: str | None = Field(default=None, min_length=1, max_length=64)
    description: str | None = Field(default=None, max_length=4096)
    members: list[str] | None = None
    associations: list[LabPermissions] | None = None


def _user_view(call: Call, user: User) -> dict[str, object]:
    labs = [lab.id for lab in call.controller.labs.values() if lab.owner == user.id]
    view: dict[str, object] = {
        "id": user.id, "username": user.username, "fullname": user.fullname, "description": user.description,
        "email": user.email, "admin": user.admin, "groups": list(user.groups),
        "associations": [{"id": entry.id, "permissions": entry.permissions} for entry in user.associations],
        "resource_pool": user.resource_pool, "opt_in": None if user.opt_in == "unset" else user.opt_in == "accepted",
        "tour_version": user.tour_version, "created": user.created, "modified": user.modified, "directory_dn": "",
        "labs": labs, "pubkey_info": "",
    }  # fmt: skip
    if call.controller.config.release >= (2, 10):
        view |= {"opt_in": user.opt_in, "auth_source": "local", "last_login": user.last_login}
    return view


def _user(call: Call) -> User:
    user = call.controller.state.users.get(call.uuid("user"))
    if user is None:
        raise ApiError(404, f"User does not exist: {call.params['user']}.")
    return user


@route("GET", "/users")
def list_users(call: Call) -> object:
    """Everybody."""
    return [_user_view(call, user) for user in call.controller.state.users.values()]


@route("POST", "/users")
def create_user(call: Call) -> object:
    """A user."""
    call.require_admin()
    body = call.read(UserBody)
    if body.username is None or not isinstance(body.password, str):
        raise ApiError(400, "A user needs a username and a password.")
    if any(user.username == body.username for user in call.controller.state.users.values()):
        raise ApiError(400, f"User already exists: {body.username}")
    now = call.controller.iso()
    user = User(str(uuid4()), body.username, hash_password(body.password), now, now)
    call.controller.state.users[user.id] = user
    _change_user(call, user, body)
    return Answer(status=201, body=_user_view(call, user))


@route("GET", "/users/{user}")
def get_user(call: Call) -> object:
    """One user."""
    return _user_view(call, _user(call))


@route("GET", "/users/{user}/id")
def user_id(call: Call) -> object:
    """The id of a user name."""
    for user in call.controller.state.users.values():
        if user.username == call.params["user"]:
            return user.id
    raise ApiError(404, f"User does not exist: {call.params['user']}.")


@route("GET", "/users/{user}/groups")
def user_groups(call: Call) -> object:
    """Ids of the user's groups."""
    return list(_user(call).groups)


@route("PATCH", "/users/{user}")
def change_user(call: Call) -> object:
    """Oneself, or anybody for administrators."""
    user, body = _user(call), call.read(UserBody)
    if user.id != call.caller.id:
        call.require_admin()
    _change_user(call, user, body)
    return _user_view(call, user)


def _change_user(call: Call, user: User, body: UserBody) -> None:
    if isinstance(body.password, PasswordChange):
        if user.id == call.caller.id and not password_fits(body.password.old_password, user.password_hash):
            raise ApiError(403, "The old password is wrong.")
        user.password_hash = hash_password(body.password.new_password)
    given = body.model_fields_set
    for name in ("fullname", "description", "email", "tour_version", "pubkey"):
        if name in given and getattr(body, name) is not None:
            setattr(user, name, getattr(body, name))
    if body.username:
        user.username = body.username
    if body.admin is not None and body.admin != user.admin:
        call.require_admin()
        user.admin = body.admin
    if body.groups is not None:
        call.require_admin()
        _set_groups(call, user, body.groups)
    if body.associations is not None:
        call.require_admin()
        user.associations = [Association(entry.id, list(entry.permissions)) for entry in body.associations]
    if "resource_pool" in given:
        call.require_admin()
        user.resource_pool = body.resource_pool
    if "opt_in" in given:
        choice = {True: "accepted", False: "declined", None: "unset"}
        user.opt_in = body.opt_in if isinstance(body.opt_in, str) else choice[body.opt_in]
    user.modified = call.controller.iso()
    call.controller.changed()


def _set_groups(call: Call, user: User, groups: list[str]) -> None:
    unknown = [group for group in groups if group not in call.controller.state.groups]
    if unknown:
        raise ApiError(404, f"Group does not exist: {unknown[0]}.")
    user.groups = list(groups)
    for group in call.controller.state.groups.values():
        group.members = [member for member in group.members if member != user.id]
        if group.id in groups:
            group.members.append(user.id)


@route("DELETE", "/users/{user}")
def delete_user(call: Call) -> object:
    """Remove a user and that user's labs' ownership; the first administrator stays."""
    call.require_admin()
    user = _user(call)
    if user.id in {ADMIN_ID, call.caller.id}:
        raise ApiError(403, "This user cannot be deleted.")
    if any(lab.owner == user.id for lab in call.controller.labs.values()):
        raise ApiError(400, f"User {user.username} still owns labs.")
    del call.controller.state.users[user.id]
    for group in call.controller.state.groups.values():
        group.members = [member for member in group.members if member != user.id]
    call.controller.changed()
    return NO_CONTENT


def _group_view(call: Call, group: Group) -> dict[str, object]:
    view: dict[str, object] = {
        "id": group.id, "name": group.name, "description": group.description, "members": list(group.members),
        "associations": [{"id": entry.id, "permissions": entry.permissions} for entry in group.associations],
        "created": group.created, "modified": group.modified, "directory_dn": "", "directory_exists": None,
    }  # fmt: skip
    if call.controller.config.release < (2, 10):
        view["labs"] = [{"id": entry.id, "permission": "read_write"} for entry in group.associations]
    return view


def _group(call: Call) -> Group:
    group = call.controller.state.groups.get(call.uuid("group"))
    if group is None:
        raise ApiError(404, f"Group does not exist: {call.params['group']}.")
    return group


@route("GET", "/groups")
def list_groups(call: Call) -> object:
    """All groups."""
    return [_group_view(call, group) for group in call.controller.state.groups.values()]


@route("POST", "/groups")
def create_group(call: Call) -> object:
    """A group."""
    call.require_admin()
    body = call.read(GroupBody)
    if body.name is None:
        raise ApiError(400, "A group needs a name.")
    if any(group.name == body.name for group in call.controller.state.groups.values()):
        raise ApiError(400, f"Group already exists: {body.name}")
    now = call.controller.iso()
    group = Group(str(uuid4()), body.name, now, now)
    call.controller.state.groups[group.id] = group
    _change_group(call, group, body)
    return Answer(status=201, body=_group_view(call, group))


@route("GET", "/groups/{group}")
def get_group(call: Call) -> object:
    """One group."""
    return _group_view(call, _group(call))


@route("GET", "/groups/{group}/id")
def group_id(call: Call) -> object:
    """The id of a group name."""
    for group in call.controller.state.groups.values():
        if group.name == call.params["group"]:
            return group.id
    raise ApiError(404, f"Group does not exist: {call.params['group']}.")


@route("PATCH", "/groups/{group}")
def change_group(call: Call) -> object:
    """Change a group."""
    call.require_admin()
    group = _group(call)
    _change_group(call, group, call.read(GroupBody))
    return _group_view(call, group)


def _change_group(call: Call, group: Group, body: GroupBody) -> None:
    users = call.controller.state.users
    unknown = [member for member in body.members or [] if member not in users]
    if unknown:
        raise ApiError(404, f"User does not exist: {unknown[0]}.")
    group.name = body.name or group.name
    group.description = body.description if body.description is not None else group.description
    if body.associations is not None:
        group.associations = [Association(entry.id, list(entry.permissions)) for entry in body.associations]
    if body.members is not None:
        group.members = list(body.members)
        for user in users.values():
            user.groups = [name for name in user.groups if name != group.id]
            if user.id in group.members:
                user.groups.append(group.id)
    group.modified = call.controller.iso()
    call.controller.changed()


@route("DELETE", "/groups/{group}")
def delete_group(call: Call) -> object:
    """Remove a group."""
    call.require_admin()
    group = _group(call)
    del call.controller.state.groups[group.id]
    for user in call.controller.state.users.values():
        user.groups = [name for name in user.groups if name != group.id]
    call.controller.changed()
    return NO_CONTENT
