"""Settings of the CML simulator, read from the environment once at start."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

_CONFIG = SettingsConfigDict(populate_by_name=True, extra="ignore", env_ignore_empty=True)


class CmlSettings(BaseSettings):
    """Where the management API listens and how fast devices boot."""

    model_config = _CONFIG

    host: str = Field(
        default="127.0.0.1", validation_alias="LCM_CML_HOST", description="Address of the management API."
    )
    port: int = Field(
        default=8042, ge=0, le=65535, validation_alias="LCM_CML_PORT", description="Port of the management API."
    )
    data_dir: Path = Field(
        default=Path(".data/cml"),
        validation_alias="LCM_SIM_DATA_DIR",
        description="Folder of controllers, labs and CA.",
    )
    boot_scale: float = Field(
        default=1.0, ge=0, validation_alias="LCM_SIM_BOOT_SCALE", description="Factor on every boot time; 0 is at once."
    )
    clock_factor: float = Field(
        default=1.0, gt=0, le=100_000, validation_alias="LCM_SIM_CLOCK_FACTOR", description="Speed of simulated time."
    )
    clock_file: Path | None = Field(
        default=None,
        validation_alias="LCM_CLOCK_FILE",
        description="Anchor of the platform's domain time; when it exists, simulated time starts there at its speed.",
    )
    seed: int = Field(default=0, validation_alias="LCM_SIM_SEED", description="Seed of everything that varies.")


class StandaloneSettings(BaseSettings):
    """One controller for outside clients, without a management API."""

    model_config = _CONFIG

    address: str = Field(default="127.0.0.1", validation_alias="CML_ADDRESS", description="Address to listen on.")
    port: int = Field(default=9443, ge=0, le=65535, validation_alias="PORT", description="Port of the TLS API.")
    username: str = Field(default="admin", min_length=1, validation_alias="CML_USER", description="Administrator.")
    password: SecretStr = Field(
        default=SecretStr("admin"), min_length=1, validation_alias="CML_PASSWORD", description="Password of that user."
    )
    version: str = Field(default="2.9.1+build.7", validation_alias="CML_VERSION", description="Announced version.")
    data_dir: Path = Field(
        default=Path(".data/sim-cml"), validation_alias="LCM_SIM_DATA_DIR", description="Folder of labs and CA."
    )
    boot_scale: float = Field(
        default=0.1, ge=0, validation_alias="LCM_SIM_BOOT_SCALE", description="Factor on every boot time; 0 is at once."
    )
    clock_factor: float = Field(
        default=1.0, gt=0, le=100_000, validation_alias="LCM_SIM_CLOCK_FACTOR", description="Speed of simulated time."
    )
