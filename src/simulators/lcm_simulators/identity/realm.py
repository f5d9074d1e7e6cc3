"""The realm as its file describes it (a subset of Keycloak's realm representation)."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

AUDIENCE_MAPPER = "oidc-audience-mapper"
ATTRIBUTE_MAPPER = "oidc-usermodel-attribute-mapper"


UPDATE_PASSWORD = "UPDATE_PASSWORD"
"""Required action of a user whose password an administrator set for one sign-in only."""


class RealmFileError(ValueError):
    """The realm file cannot be used; the message says why."""


class _Representation(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")


class MapperConfig(BaseModel):
    """What a protocol mapper puts where; Keycloak writes the switches as text."""

    model_config = ConfigDict(extra="ignore")

    audience: str = Field(default="", alias="included.client.audience")
    attribute: str = Field(default="", alias="user.attribute")
    claim: str = Field(default="", alias="claim.name")
    access_token: bool = Field(default=False, alias="access.token.claim")
    id_token: bool = Field(default=False, alias="id.token.claim")
    userinfo: bool = Field(default=False, alias="userinfo.token.claim")


class ProtocolMapper(_Representation):
    """Adds an audience or a claim to the tokens of one client."""

    name: str
    protocol_mapper: str
    config: MapperConfig


class Composites(_Representation):
    """Roles that a role brings along."""

    realm: list[str] = []
    client: dict[str, list[str]] = {}


class Role(_Representation):
    """A role of the realm."""

    id: str = ""
    name: str
    description: str = ""
    composites: Composites = Composites()


class Group(_Representation):
    """Users with roles in common; Keycloak writes a membership as the group's path."""

    id: str = ""
    name: str
    realm_roles: list[str] = []
    client_roles: dict[str, list[str]] = {}
    sub_groups: list["Group"] = []

    @property
    def path(self) -> str:
        """How users name the group."""
        return f"/{self.name}"


class Roles(_Representation):
    """Roles of the realm; those of clients are fixed by Keycloak itself."""

    realm: list[Role] = []


class Client(_Representation):
    """An application that may ask for tokens."""

    id: str = ""
    client_id: str
    name: str = ""
    enabled: bool = True
    public_client: bool = False
    secret: str = ""
    standard_flow_enabled: bool = False
    direct_access_grants_enabled: bool = False
    service_accounts_enabled: bool = False
    redirect_uris: list[str] = []
    web_origins: list[str] = []
    attributes: dict[str, str] = {}
    protocol_mappers: list[ProtocolMapper] = []

    @property
    def requires_pkce(self) -> bool:
        """Whether a code is handed out only against an S256 challenge."""
        return self.attributes.get("pkce.code.challenge.method") == "S256"

    @property
    def device_flow_enabled(self) -> bool:
        """Whether a person may sign this client in from another device."""
        return self.attributes.get("oauth2.device.authorization.grant.enabled") == "true"


class Credential(_Representation):
    """A password: in the realm file as ``value``, in the data folder only as ``hashed``."""

    type: str = "password"
    value: str = ""
    hashed: str = ""


class User(_Representation):
    """A person, or the service account of a client."""

    id: str = ""
    username: str
    enabled: bool = True
    email: str = ""
    email_verified: bool = False
    first_name: str = ""
    last_name: str = ""
    attributes: dict[str, list[str]] = {}
    credentials: list[Credential] = []
    realm_roles: list[str] = []
    client_roles: dict[str, list[str]] = {}
    groups: list[str] = []
    required_actions: list[str] = []
    service_account_client_id: str = ""
    created_at: float = 0.0
    """Seconds since the epoch; 0 for users of the realm file."""

    @property
    def full_name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}".strip()


class Realm(_Representation):
    """Everything the provider knows from the file; durations are in seconds."""

    realm: str
    display_name: str = ""
    access_token_lifespan: int = Field(default=300, gt=0)
    access_code_lifespan: int = Field(default=60, gt=0)
    access_code_lifespan_login: int = Field(default=1800, gt=0)
    sso_session_idle_timeout: int = Field(default=1800, gt=0)
    sso_session_max_lifespan: int = Field(default=36000, gt=0)
    revoke_refresh_token: bool = False
    login_with_email_allowed: bool = True
    brute_force_protected: bool = False
    failure_factor: int = Field(default=30, gt=0)
    wait_increment_seconds: int = 60
    max_failure_wait_seconds: int = 900
    max_delta_time_seconds: int = 43200
    oauth2_device_code_lifespan: int = Field(default=600, gt=0)
    oauth2_device_polling_interval: int = Field(default=5, gt=0)
    roles: Roles = Roles()
    groups: list[Group] = []
    clients: list[Client] = []
    users: list[User] = []

    def client(self, client_id: str) -> Client | None:
        """The client of that name, None when there is none or it is switched off."""
        return next((client for client in self.clients if client.client_id == client_id and client.enabled), None)


def master_realm(username: str, password: str) -> Realm:
    """The realm of the administrator, who signs in through the client ``admin-cli``."""
    master = Realm(
        realm="master",
        access_token_lifespan=60,
        brute_force_protected=True,
        clients=[Client(client_id="admin-cli", public_client=True, direct_access_grants_enabled=True)],
        users=[User(username=username.lower(), credentials=[Credential(value=password)])],
    )
    _fill_ids(master)
    return master


def load_realm(path: Path) -> Realm:
    """Read and check a realm file. Raises ``RealmFileError``."""
    try:
        realm = Realm.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        raise RealmFileError(f"realm file {path} cannot be used: {error}") from error
    for complaint in (*_unknown_names(realm), *_unsupported(realm)):
        raise RealmFileError(f"realm file {path}: {complaint}")
    _fill_ids(realm)
    return realm


def _unknown_names(realm: Realm) -> Iterator[str]:
    known = {role.name for role in realm.roles.realm}
    paths = {group.path for group in realm.groups}
    for user in realm.users:
        if unknown := set(user.realm_roles) - known:
            yield f"user {user.username} has unknown roles {sorted(unknown)}"
        if unknown := set(user.groups) - paths:
            yield f"user {user.username} is in unknown groups {sorted(unknown)}"
    for group in realm.groups:
        if unknown := set(group.realm_roles) - known:
            yield f"group {group.name} has unknown roles {sorted(unknown)}"


def _unsupported(realm: Realm) -> Iterator[str]:
    for client in realm.clients:
        for mapper in client.protocol_mappers:
            if mapper.protocol_mapper not in {AUDIENCE_MAPPER, ATTRIBUTE_MAPPER}:
                yield (
                    f"client {client.client_id} uses the mapper {mapper.protocol_mapper}, "
                    f"which the embedded provider does not have ({AUDIENCE_MAPPER} and {ATTRIBUTE_MAPPER} only)"
                )
    for role in realm.roles.realm:
        if role.composites != Composites():
            yield f"role {role.name} is composite, which the embedded provider does not have"
    for group in realm.groups:
        if group.sub_groups:
            yield f"group {group.name} has groups below it, which the embedded provider does not have"


def _fill_ids(realm: Realm) -> None:
    """Give ids to what the file leaves without: derived from the name, so they survive a restart."""
    named: list[tuple[str, Role | Group | Client | User]] = [(f"role/{role.name}", role) for role in realm.roles.realm]
    named += [(f"group/{group.name}", group) for group in realm.groups]
    named += [(f"client/{client.client_id}", client) for client in realm.clients]
    named += [(f"user/{user.username}", user) for user in realm.users]
    for name, item in named:
        item.id = item.id or str(uuid.uuid5(uuid.NAMESPACE_URL, f"{realm.realm}/{name}"))
