"""Settings of the embedded identity provider, read from the environment once at start."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

REALM_FILE = Path("deployment/keycloak/lablet-cloud-manager-realm-export.json")
"""Where the realm file lies below the root of the repository."""


class RealmFileMissingError(RuntimeError):
    """No realm file was found; the message says which setting names one."""


class IdentityProviderSettings(BaseSettings):
    """Where the provider listens, what it loads and under which address it is known."""

    model_config = SettingsConfigDict(populate_by_name=True, extra="ignore", env_ignore_empty=True)

    host: str = Field(default="127.0.0.1", validation_alias="LCM_IDENTITY_HOST", description="Address to listen on.")
    port: int = Field(
        default=8021, ge=0, le=65535, validation_alias="LCM_IDENTITY_PORT", description="Port to listen on."
    )
    data_dir: Path = Field(
        default=Path(".data/identity"),
        validation_alias="LCM_SIM_DATA_DIR",
        description="Folder of the signing keys, the sessions and the changed users.",
    )
    realm_file: Path | None = Field(
        default=None,
        validation_alias="LCM_REALM_FILE",
        description=f"Realm in Keycloak's import format; empty means {REALM_FILE} of the repository.",
    )
    public_url: str = Field(
        default="",
        validation_alias="KEYCLOAK_URL",
        description="Base URL that tokens name as their issuer; empty means http://host:port.",
    )
    admin_username: str = Field(
        default="",
        validation_alias="KC_BOOTSTRAP_ADMIN_USERNAME",
        description="Administrator of the realm `master`, as in Keycloak; empty means there is no such realm.",
    )
    admin_password: SecretStr = Field(
        default=SecretStr(""),
        validation_alias="KC_BOOTSTRAP_ADMIN_PASSWORD",
        description="That administrator's password.",
    )
    console_url: str = Field(
        default="",
        validation_alias="LCM_CONTROL_PLANE_URL",
        description="Origin of the console; every client that signs in by browser may return there as well.",
    )

    @property
    def base_url(self) -> str:
        """Base URL without a slash at its end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    def find_realm_file(self) -> Path:
        """The realm file to load. Raises ``RealmFileMissingError``."""
        if self.realm_file is not None:
            if not self.realm_file.is_file():
                raise RealmFileMissingError(f"LCM_REALM_FILE names {self.realm_file}, which is no file")
            return self.realm_file
        for folder in Path(__file__).resolve().parents:
            if (folder / REALM_FILE).is_file():
                return folder / REALM_FILE
        raise RealmFileMissingError(f"{REALM_FILE} is not in the repository; name the realm file with LCM_REALM_FILE")
