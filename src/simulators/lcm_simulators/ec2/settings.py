"""Settings of the EC2 world, read from the environment once at start."""

import ipaddress
from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Ec2Settings(BaseSettings):
    """Where the world listens, what it stands on and how fast its machines boot."""

    model_config = SettingsConfigDict(populate_by_name=True, extra="ignore", env_ignore_empty=True)

    host: str = Field(default="127.0.0.1", validation_alias="LCM_EC2_HOST", description="Address to listen on.")
    port: int = Field(default=8040, ge=0, le=65535, validation_alias="LCM_EC2_PORT", description="Port to listen on.")
    data_dir: Path = Field(
        default=Path(".data/ec2"),
        validation_alias="LCM_SIM_DATA_DIR",
        description="Folder of the instances and of the S3 objects.",
    )
    moto_url: str = Field(
        default="",
        validation_alias="LCM_MOTO_URL",
        description="Base URL of moto, which answers what the world does not; empty means such calls are refused.",
    )
    cml_url: str = Field(
        default="",
        validation_alias="LCM_CML_URL",
        description="Management URL of the CML simulator; empty means that instances carry nothing.",
    )
    cml_password: SecretStr = Field(
        default=SecretStr("admin"),
        validation_alias="LCM_CML_PASSWORD",
        description="Password of the administrator on each simulated controller.",
    )
    cml_port: int = Field(
        default=8443, ge=1, le=65535, validation_alias="LCM_EC2_CML_PORT", description="Port of CML on each instance."
    )
    cml_boot_seconds: float = Field(
        default=300,
        ge=0,
        validation_alias="LCM_EC2_CML_BOOT_SECONDS",
        description="Simulated seconds from a running instance to a ready CML, before the boot scale.",
    )
    network: str = Field(
        default="127.20",
        validation_alias="LCM_EC2_NETWORK",
        description="First two parts of the loopback /16 that instances get their addresses from.",
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
        description="Anchor of the platform's domain time; when it exists, the world starts at that time and speed.",
    )
    throttle: bool = Field(
        default=True, validation_alias="LCM_EC2_THROTTLE", description="Whether EC2's request limits are in force."
    )

    @field_validator("network")
    @classmethod
    def _is_loopback(cls, value: str) -> str:
        if not ipaddress.ip_address(f"{value}.0.1").is_loopback:
            raise ValueError("must be the first two parts of a loopback address, such as 127.20")
        return value
