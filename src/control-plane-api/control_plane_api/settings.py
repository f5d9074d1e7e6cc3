"""Settings of the control plane, read from the environment once at start."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from control_plane_api.domain.deadlines import DeadlineSettings
from lcm_core.security.envelope import Envelope
from lcm_core.settings import ClockSettings, EtcdSettings, IdentitySettings, LoggingSettings, TelemetrySettings

_CONFIG = SettingsConfigDict(populate_by_name=True, extra="ignore", env_ignore_empty=True)
_UI_FOLDER = Path(__file__).parent / "ui" / "static"


class AppSettings(BaseSettings):
    """Where the control plane listens and what it accepts."""

    model_config = _CONFIG

    host: str = Field(default="127.0.0.1", validation_alias="APP_HOST", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, validation_alias="APP_PORT", description="Port to listen on.")
    production: bool = Field(
        default=False,
        validation_alias="LCM_PRODUCTION",
        description="Refuse to start with default secrets, DEBUG or cookies over plain HTTP.",
    )
    debug: bool = Field(default=False, validation_alias="DEBUG", description="Development mode; refused in production.")
    request_seconds: float = Field(
        default=30.0,
        gt=0,
        validation_alias="LCM_REQUEST_SECONDS",
        description="Longest time one request may take, in seconds; event streams are exempt.",
    )
    body_bytes: int = Field(
        default=2 * 1024 * 1024,
        ge=1024,
        validation_alias="LCM_REQUEST_BODY_BYTES",
        description="Largest request body in bytes; uploads have their own limit of 32 MiB.",
    )
    stream_seconds: float = Field(
        default=900.0,
        gt=0,
        validation_alias="LCM_STREAM_SECONDS",
        description="Seconds after which an event stream ends; clients resume at once where they were.",
    )
    trusted_proxies: str = Field(
        default="",
        validation_alias="LCM_TRUSTED_PROXIES",
        description="Networks of the proxies in front (CIDR, comma separated); only they may name a caller's address.",
    )
    ui_folder: Path = Field(
        default=_UI_FOLDER, validation_alias="LCM_UI_FOLDER", description="Folder of the built console."
    )


class DatabaseSettings(BaseSettings):
    """Where MongoDB is."""

    model_config = _CONFIG

    uri: SecretStr = Field(
        default=SecretStr("mongodb://127.0.0.1:8022/?directConnection=true"),
        validation_alias="MONGODB_URI",
        description="Connection string of MongoDB, which may contain a password.",
    )
    name: str = Field(
        default="lcm", min_length=1, validation_alias="LCM_DATABASE_NAME", description="Name of the database."
    )


class SecretSettings(BaseSettings):
    """Keys that protect stored secrets."""

    model_config = _CONFIG

    envelope_key: SecretStr = Field(
        default=SecretStr("dev:insecure-development-envelope-key"),
        validation_alias="LCM_ENVELOPE_KEY",
        description="Key of secrets at rest: id:passphrase, comma separated, newest first; the id may be left out.",
    )

    def envelope(self) -> Envelope:
        """The ring of keys. Raises ``ValueError`` for a malformed setting."""
        parts = [part.strip() for part in self.envelope_key.get_secret_value().split(",") if part.strip()]
        return Envelope.parse(",".join(part if ":" in part else f"k1:{part}" for part in parts))


class SignInSettings(BaseSettings):
    """How people sign in."""

    model_config = _CONFIG

    client_id: str = Field(
        default="portal-web-app",
        validation_alias="KEYCLOAK_CLIENT_ID",
        description="Client of the realm that checks passwords and carries out the browser's code flow.",
    )
    client_secret: SecretStr = Field(
        default=SecretStr("portal-web-app-dev-secret"),
        validation_alias="KEYCLOAK_CLIENT_SECRET",
        description="Secret of that client.",
    )
    jwt_secret: SecretStr = Field(
        default=SecretStr("insecure-development-jwt-secret"),
        validation_alias="JWT_SECRET_KEY",
        description="Key that signs the platform's own tokens; 32 random bytes or more in production.",
    )
    public_url: str = Field(
        default="",
        validation_alias="LCM_PUBLIC_URL",
        description="Address of the console for browsers on other machines (https); empty: this machine only.",
    )
    session_hours: float = Field(
        default=10.0,
        gt=0,
        le=72,
        validation_alias="LCM_SESSION_HOURS",
        description="Longest life of a browser's session in hours; the identity provider may end it sooner.",
    )
    redis_enabled: bool = Field(
        default=False,
        validation_alias="REDIS_ENABLED",
        description="Keep browser sessions in Redis, shared by all replicas, instead of in memory.",
    )
    redis_url: SecretStr = Field(
        default=SecretStr("redis://127.0.0.1:6379/0"),
        validation_alias="REDIS_URL",
        description="Where Redis is; the address may contain a password.",
    )
    redis_prefix: str = Field(
        default="session:", validation_alias="REDIS_KEY_PREFIX", description="Start of every key in Redis."
    )
    jwt_hours: float = Field(
        default=24.0,
        gt=0,
        le=168,
        validation_alias="JWT_EXPIRATION_HOURS",
        description="Life of such a token in hours.",
    )


class WorkerSecretSettings(BaseSettings):
    """Secrets of the fleet; they are sealed into the database at start and never shown again."""

    model_config = _CONFIG

    cml_username: SecretStr = Field(
        default=SecretStr("admin"), validation_alias="LCM_CML_USERNAME", description="CML administrator of the workers."
    )
    cml_password: SecretStr = Field(
        default=SecretStr(""), validation_alias="LCM_CML_PASSWORD", description="Password of that administrator."
    )
    license_token: SecretStr = Field(
        default=SecretStr(""), validation_alias="LCM_CML_LICENSE_TOKEN", description="Smart licensing token of CML."
    )


class EventSettings(BaseSettings):
    """Where CloudEvents go and how long events are kept."""

    model_config = _CONFIG

    sink: str = Field(
        default="",
        validation_alias="LCM_CLOUDEVENTS_SINK",
        description="URL that receives the platform's CloudEvents; empty sends none.",
    )
    source: str = Field(
        default="/lcm/control-plane",
        validation_alias="LCM_CLOUDEVENTS_SOURCE",
        description="The source attribute of outgoing CloudEvents.",
    )
    retention_days: int = Field(
        default=180,
        ge=90,
        le=366,
        validation_alias="LCM_AUDIT_RETENTION_DAYS",
        description="Days after which audit entries are deleted.",
    )


class Settings:
    """Every concern's settings, read together."""

    def __init__(self) -> None:
        self.app = AppSettings()
        self.database = DatabaseSettings()
        self.secrets = SecretSettings()
        self.events = EventSettings()
        self.sign_in = SignInSettings()
        self.worker_secrets = WorkerSecretSettings()
        self.etcd = EtcdSettings()
        self.identity = IdentitySettings()
        self.clock = ClockSettings()
        self.logging = LoggingSettings()
        self.telemetry = TelemetrySettings()
        self.deadlines = DeadlineSettings()
