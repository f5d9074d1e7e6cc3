"""The realm as its file describes it (a subset of Keycloak's realm representation)."""

import json
import uuid
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

AUDIENCE_MAPPER = "oidc-audience-mapper"
ATTRIBUTE_MAPPER = "oidc-usermodel-attribute-mapper"


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


class Role(_Representation):
    """A role of the realm."""

    id: str = Field(default_factory=lambda: str(uuid.uuid4()))
    name: str
    description: str = ""


class Roles(_Representation):
    """Roles of the realm; those of clients are fixed by Keycloak itself."""

    realm: list[Role] = []


class Client(_Representation):
    """An application that may ask for tokens."""

    id: str = Field(default_factory=lambda: str(uuid.uuid4()))
    client_id: str
    enabled: bool = True
    public_client: bool = False
    secret: str = ""
    standard_flow_enabled: bool = False
    direct_access_grants_enabled: bool = False
    service_accounts_enabled: bool = False
    redirect_uris: list[str] = []
    attributes: dict[str, str] = {}
    protocol_mappers: list[ProtocolMapper] = []

    @property
    def requires_pkce(self) -> bool:
        """Whether a code is handed out only against an S256 challenge."""
        return self.attributes.get("pkce.code.challenge.method") == "S256"


class Credential(_Representation):
    """A password: in the realm file as ``value``, in the data folder only as ``hashed``."""

    type: str = "password"
    value: str = ""
    hashed: str = ""


class User(_Representation):
    """A person, or the service account of a client."""

    id: str = Field(default_factory=lambda: str(uuid.uuid4()))
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
    service_account_client_id: str = ""

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
    roles: Roles = Roles()
    clients: list[Client] = []
    users: list[User] = []

    def client(self, client_id: str) -> Client | None:
        """The client of that name, None when there is none or it is switched off."""
        return next((client for client in self.clients if client.client_id == client_id and client.enabled), None)


def load_realm(path: Path) -> Realm:
    """Read and check a realm file. Raises ``RealmFileError``."""
    try:
        realm = Realm.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        raise RealmFileError(f"realm file {path} cannot be used: {error}") from error
    known = {role.name for role in realm.roles.realm}
    for user in realm.users:
        if unknown := set(user.realm_roles) - known:
            raise RealmFileError(f"realm file {path}: user {user.username} has unknown roles {sorted(unknown)}")
    for client in realm.clients:
        for mapper in client.protocol_mappers:
            if mapper.protocol_mapper not in {AUDIENCE_MAPPER, ATTRIBUTE_MAPPER}:
                raise RealmFileError(
                    f"realm file {path}: client {client.client_id} uses the mapper {mapper.protocol_mapper}, "
                    f"which the embedded provider does not have ({AUDIENCE_MAPPER} and {ATTRIBUTE_MAPPER} only)"
                )
    return realm
