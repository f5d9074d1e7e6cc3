"""What the admin API takes and gives, in Keycloak's words."""

from pydantic import BaseModel, ConfigDict, JsonValue
from pydantic.alias_generators import to_camel

from lcm_simulators.identity.context import RealmContext
from lcm_simulators.identity.realm import Group, Role, User
from lcm_simulators.identity.sessions import UserSession

Shown = dict[str, JsonValue]


class _Body(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")


class CredentialBody(_Body):
    """A password; a temporary one must be changed at the next sign-in."""

    type: str = "password"
    value: str = ""
    temporary: bool = False


class UserBody(_Body):
    """A new user, or what is to change of one: fields that are left out stay."""

    username: str = ""
    enabled: bool = True
    email: str = ""
    email_verified: bool = False
    first_name: str = ""
    last_name: str = ""
    attributes: dict[str, list[str]] = {}
    required_actions: list[str] = []
    groups: list[str] = []
    credentials: list[CredentialBody] = []


class RoleBody(_Body):
    """Names a role."""

    name: str


class ComponentBody(_Body):
    """A component to be made; the provider knows one kind, a generated RSA key."""

    provider_id: str
    provider_type: str
    name: str = ""


def user(shown: User, *, brief: bool = False) -> Shown:
    """A user."""
    answer: Shown = {
        "id": shown.id,
        "username": shown.username,
        "emailVerified": shown.email_verified,
        "enabled": shown.enabled,
        "createdTimestamp": int(shown.created_at * 1000),
    }
    known = {"firstName": shown.first_name, "lastName": shown.last_name, "email": shown.email}
    answer |= {name: value for name, value in known.items() if value}
    if brief:
        return answer
    if shown.attributes:
        answer["attributes"] = {name: list(values) for name, values in shown.attributes.items()}
    return answer | {"requiredActions": list(shown.required_actions), "totp": False, "notBefore": 0}


def session(context: RealmContext, shown: UserSession) -> Shown:
    """A user session."""
    owner = context.users.get(shown.user_id)
    clients: Shown = {}
    for client_id in shown.clients:
        client = context.realm.client(client_id)
        clients[client.id if client is not None else client_id] = client_id
    return {
        "id": shown.id,
        "username": owner.username if owner is not None else "",
        "userId": shown.user_id,
        "ipAddress": shown.address,
        "start": int(shown.started_at) * 1000,
        "lastAccess": int(shown.last_access) * 1000,
        "rememberMe": False,
        "clients": clients,
    }


def role(shown: Role) -> Shown:
    """A role of the realm."""
    return {
        "id": shown.id,
        "name": shown.name,
        "description": shown.description,
        "composite": False,
        "clientRole": False,
    }


def group(shown: Group) -> Shown:
    """A group."""
    return {"id": shown.id, "name": shown.name, "path": shown.path, "subGroups": []}
