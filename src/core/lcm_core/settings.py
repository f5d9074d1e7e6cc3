"""Settings that several services share, read from the environment once at start.

One class per concern. Every field says what it does and in which unit; names with other prefixes than ``LCM_`` are
fixed by the product's documentation.
"""

import os
import secrets
import socket
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from lcm_core.clock import DomainClock

_CONFIG = SettingsConfigDict(populate_by_name=True, extra="ignore", env_ignore_empty=True)


class EtcdSettings(BaseSettings):
    """Where etcd is."""

    model_config = _CONFIG

    endpoints: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("127.0.0.1:8030",),
        min_length=1,
        validation_alias="LCM_ETCD_ENDPOINTS",
        description="Comma-separated host:port of the etcd members; one is used until it fails, then the next.",
    )
    timeout_seconds: float = Field(
        default=3.0,
        gt=0,
        validation_alias="LCM_ETCD_TIMEOUT_SECONDS",
        description="Limit of one etcd request, in seconds.",
    )
    username: str = Field(
        default="", validation_alias="LCM_ETCD_USERNAME", description="User of etcd; empty where it asks for none."
    )
    password: SecretStr = Field(
        default=SecretStr(""), validation_alias="LCM_ETCD_PASSWORD", description="Password of that user."
    )

    @property
    def credentials(self) -> tuple[str, str] | None:
        """User and password, None without a user."""
        return (self.username, self.password.get_secret_value()) if self.username else None

    @field_validator("endpoints", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip().removeprefix("http://") for part in value.split(",") if part.strip())
        return value


class IdentitySettings(BaseSettings):
    """Where the identity provider is and what its tokens must say."""

    model_config = _CONFIG

    url: str = Field(
        default="http://127.0.0.1:8021",
        validation_alias="KEYCLOAK_URL",
        description="Base URL of the identity provider as browsers and token issuers name it.",
    )
    url_internal: str = Field(
        default="",
        validation_alias="KEYCLOAK_URL_INTERNAL",
        description="Base URL of the identity provider as services reach it; empty means the same as KEYCLOAK_URL.",
    )
    realm: str = Field(
        default="lablet-cloud-manager", validation_alias="KEYCLOAK_REALM", description="Realm of users and clients."
    )
    audience: str = Field(
        default="lcm-api",
        validation_alias="LCM_API_AUDIENCE",
        description="Audience an access token must name to be accepted.",
    )

    @property
    def issuer(self) -> str:
        """The ``iss`` claim of the realm's tokens."""
        return f"{self.url.rstrip('/')}/realms/{self.realm}"

    @property
    def endpoint_base(self) -> str:
        """Base of the realm's OpenID endpoints as services reach them."""
        base = (self.url_internal or self.url).rstrip("/")
        return f"{base}/realms/{self.realm}/protocol/openid-connect"


class ControlPlaneSettings(BaseSettings):
    """How a controller reaches the control plane."""

    model_config = _CONFIG

    url: str = Field(
        default="http://127.0.0.1:8000",
        validation_alias="LCM_CONTROL_PLANE_URL",
        description="Base URL of the control plane, without the /api prefix.",
    )
    client_id: str = Field(
        default="", validation_alias="LCM_CLIENT_ID", description="Service account of this controller in the realm."
    )
    client_secret: SecretStr = Field(
        default=SecretStr(""), validation_alias="LCM_CLIENT_SECRET", description="Secret of the service account."
    )
    timeout_seconds: float = Field(
        default=10.0,
        gt=0,
        validation_alias="LCM_CONTROL_PLANE_TIMEOUT_SECONDS",
        description="Limit of one request to the control plane, in seconds.",
    )


class ClockSettings(BaseSettings):
    """Domain time."""

    model_config = _CONFIG

    file: Path | None = Field(
        default=None,
        validation_alias="LCM_CLOCK_FILE",
        description="JSON file with real_anchor, domain_anchor and factor; without it domain time is real time.",
    )
    simulation: bool = Field(
        default=False,
        validation_alias="LCM_SIMULATION",
        description="Allow domain time to run more than 60 times as fast as real time.",
    )

    def domain_clock(self) -> DomainClock:
        """The clock these settings describe. Raises ``ValueError`` for an unusable file."""
        return DomainClock(self.file, simulation=self.simulation)


class LogFormat(StrEnum):
    """How a log line looks."""

    JSON = "json"
    TEXT = "text"


class LoggingSettings(BaseSettings):
    """What is logged and how."""

    model_config = _CONFIG

    level: str = Field(
        default="INFO",
        pattern="^(DEBUG|INFO|WARNING|ERROR)$",
        validation_alias="LCM_LOG_LEVEL",
        description="Lowest level that is logged: DEBUG, INFO, WARNING or ERROR.",
    )
    format: LogFormat = Field(
        default=LogFormat.JSON,
        validation_alias="LCM_LOG_FORMAT",
        description="json (one object per line) or text (for people).",
    )


class TelemetrySettings(BaseSettings):
    """Where traces go."""

    model_config = _CONFIG

    otlp_endpoint: str | None = Field(
        default=None,
        validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        description="Base URL of an OTLP/HTTP receiver; without it no trace is exported.",
    )


def _identity() -> str:
    """Unique per process start: an earlier life of the same process must not be mistaken for this one."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


class RuntimeSettings(BaseSettings):
    """How a controller process takes part in its service."""

    model_config = _CONFIG

    identity: str = Field(
        default_factory=_identity,
        validation_alias="LCM_INSTANCE_ID",
        description="Name of this process among the replicas; must be unique per start. Defaults to host-pid-random.",
    )
    admin_host: str = Field(
        default="127.0.0.1", validation_alias="LCM_ADMIN_HOST", description="Address the admin API listens on."
    )
    admin_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        validation_alias="LCM_ADMIN_PORT",
        description="Port of the admin API; 0 means the service's own: 8081 scheduler, 8082 lablets, 8083 workers.",
    )
    advertised_url: str = Field(
        default="",
        validation_alias="LCM_ADMIN_URL",
        description="URL under which other replicas reach the admin API; empty means http://host:port.",
    )
    shards: int = Field(
        default=1,
        ge=1,
        le=256,
        validation_alias="LCM_SHARDS",
        description="Number of shards of the service, the same on every replica; 1 means one leader.",
    )
    workers: int = Field(
        default=8, ge=1, le=256, validation_alias="LCM_RECONCILE_WORKERS", description="Reconciles that run at once."
    )
    lease_seconds: int = Field(
        default=7,
        ge=2,
        le=60,
        validation_alias="LCM_ELECTION_LEASE_SECONDS",
        description="Seconds after which a dead leader is replaced.",
    )
    lease_margin_seconds: float = Field(
        default=1.5,
        gt=0,
        validation_alias="LCM_ELECTION_MARGIN_SECONDS",
        description="Seconds before the end of its lease at which a leader that cannot renew stops.",
    )
    resync_seconds: float = Field(
        default=300.0,
        gt=0,
        validation_alias="LCM_RESYNC_SECONDS",
        description="Seconds between full resyncs of each informer.",
    )
    grace_seconds: float = Field(
        default=8.0,
        gt=0,
        validation_alias="LCM_SHUTDOWN_GRACE_SECONDS",
        description="Seconds running reconciles may take to finish when the process is asked to stop.",
    )

    @property
    def reachable_host(self) -> str:
        """Where other replicas find this one: the machine's name when it listens on every address."""
        return socket.gethostname() if self.admin_host in {"0.0.0.0", "::"} else self.admin_host
