"""Settings of the delivery system, read from the environment once at start."""

from pathlib import Path

from pydantic import Field, SecretStr

from lcm_simulators.common.settings import EventSettings


class LdsSettings(EventSettings):
    """Where it listens, who may call it, what it delivers."""

    host: str = Field(default="127.0.0.1", validation_alias="LCM_LDS_HOST", description="Address to listen on.")
    port: int = Field(default=8043, ge=0, le=65535, validation_alias="LCM_LDS_PORT", description="Port to listen on.")
    public_url: str = Field(
        default="",
        validation_alias="LCM_LDS_URL",
        description="Base URL of launch links; empty means host and port.",
    )
    data_dir: Path = Field(
        default=Path(".data/lds"), validation_alias="LCM_SIM_DATA_DIR", description="Folder of sessions and events."
    )
    username: str = Field(default="lcm", validation_alias="LCM_LDS_USERNAME", description="User of the REST API.")
    password: SecretStr = Field(
        default=SecretStr("lcm"), validation_alias="LCM_LDS_PASSWORD", description="Password of that user."
    )
    region: str = Field(
        default="us-east-1",
        min_length=1,
        validation_alias="LCM_LDS_REGION",
        description="Region it serves; part of the source of its events.",
    )
    aws_endpoint: str = Field(
        default="", validation_alias="LCM_AWS_ENDPOINT", description="S3 endpoint of the content; empty means AWS."
    )
    # The longest lab lasts a week, and its learner comes back with the same link.
    launch_hours: float = Field(
        default=192.0, gt=0, validation_alias="LCM_LDS_LAUNCH_HOURS", description="Real hours a launch link is valid."
    )
    clock_factor: float = Field(
        default=1.0, gt=0, le=100_000, validation_alias="LCM_SIM_CLOCK_FACTOR", description="Speed of simulated time."
    )

    @property
    def base_url(self) -> str:
        """Base URL of pages, without a slash at its end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")
