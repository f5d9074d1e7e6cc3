"""Settings of the grading engine, read from the environment once at start."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class GradingSettings(BaseSettings):
    """Where it listens, who may call it, how long it takes."""

    model_config = SettingsConfigDict(populate_by_name=True, extra="ignore", env_ignore_empty=True)

    host: str = Field(default="127.0.0.1", validation_alias="LCM_GRADING_HOST", description="Address to listen on.")
    port: int = Field(
        default=8044, ge=0, le=65535, validation_alias="LCM_GRADING_PORT", description="Port to listen on."
    )
    public_url: str = Field(
        default="", validation_alias="LCM_GRADING_URL", description="Base URL of reports; empty means host and port."
    )
    data_dir: Path = Field(
        default=Path(".data/grading"), validation_alias="LCM_SIM_DATA_DIR", description="Folder of jobs and events."
    )
    token: SecretStr = Field(
        default=SecretStr("grading"), validation_alias="LCM_GRADING_TOKEN", description="Bearer token of callers."
    )
    events_url: str = Field(
        default="", validation_alias="LCM_EVENTS_URL", description="Where events are sent; empty means nowhere."
    )
    events_secret: SecretStr = Field(
        default=SecretStr(""), validation_alias="LCM_CLOUDEVENTS_SECRET", description="Key that signs the events."
    )
    aws_endpoint: str = Field(
        default="", validation_alias="LCM_AWS_ENDPOINT", description="S3 endpoint of evidence and rubrics."
    )
    seconds: float = Field(
        default=20.0, ge=0, validation_alias="LCM_GRADING_SECONDS", description="Simulated seconds one job takes."
    )
    boot_scale: float = Field(
        default=1.0, ge=0, validation_alias="LCM_SIM_BOOT_SCALE", description="Factor on the duration; 0 is at once."
    )
    clock_factor: float = Field(
        default=1.0, gt=0, le=100_000, validation_alias="LCM_SIM_CLOCK_FACTOR", description="Speed of simulated time."
    )
    pattern_seconds: float = Field(
        default=1.0,
        gt=0,
        validation_alias="LCM_GRADING_PATTERN_SECONDS",
        description="Real seconds one pattern may take.",
    )
