"""Settings of the grading engine, read from the environment once at start."""

from pathlib import Path

from pydantic import Field, SecretStr

from lcm_simulators.common.settings import EventSettings


class GradingSettings(EventSettings):
    """Where it listens, who may call it, how long it takes."""

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
    aws_endpoint: str = Field(
        default="", validation_alias="LCM_AWS_ENDPOINT", description="S3 endpoint of evidence and rubrics."
    )
    seconds: float = Field(
        default=20.0,
        ge=0,
        validation_alias="LCM_GRADING_SECONDS",
        description="Simulated seconds one job takes, half for collecting and half for grading.",
    )
    boot_scale: float = Field(
        default=1.0, ge=0, validation_alias="LCM_SIM_BOOT_SCALE", description="Factor on the duration; 0 is at once."
    )
    clock_factor: float = Field(
        default=1.0, gt=0, le=100_000, validation_alias="LCM_SIM_CLOCK_FACTOR", description="Speed of simulated time."
    )
    jobs_at_once: int = Field(
        default=8, ge=1, le=256, validation_alias="LCM_GRADING_JOBS", description="Jobs that are worked on at once."
    )
    pattern_seconds: float = Field(
        default=1.0,
        gt=0,
        le=60,
        validation_alias="LCM_GRADING_PATTERN_SECONDS",
        description="Processor seconds one pattern may take on one file.",
    )
    patterns_seconds: float = Field(
        default=20.0,
        gt=0,
        le=600,
        validation_alias="LCM_GRADING_PATTERNS_SECONDS",
        description="Processor seconds all patterns of a job may take together.",
    )

    @property
    def base_url(self) -> str:
        """Base URL of reports, without a slash at its end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def stage_seconds(self) -> float:
        """Simulated seconds that collecting takes, and grading again."""
        return self.seconds * self.boot_scale / 2
