"""Settings of the lablet controller. Times are real seconds unless a field says otherwise."""

from pathlib import Path

from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

_CONFIG = SettingsConfigDict(populate_by_name=True, extra="ignore", env_ignore_empty=True)


class LdsPlace(BaseModel):
    """One deployment of the delivery system."""

    url: str = Field(min_length=1)
    username: str = "lcm"
    password: SecretStr = SecretStr("")


class OutsideSettings(BaseSettings):
    """Where CML, the delivery system, the grading engine and S3 are."""

    model_config = _CONFIG

    cml_ca_bundle: Path | None = Field(
        default=None,
        validation_alias="LCM_CML_CA_BUNDLE",
        description="PEM file with the CA of the CML certificates; without it the system's CAs are trusted.",
    )
    cml_timeout_seconds: float = Field(
        default=20.0, gt=0, validation_alias="LCM_CML_LABS_TIMEOUT_SECONDS", description="Limit of one CML labs call."
    )
    lds_url: str = Field(
        default="",
        validation_alias="LCM_LDS_URL",
        description="Delivery system; empty means labs are built without delivery.",
    )
    lds_username: str = Field(
        default="lcm", validation_alias="LCM_LDS_USERNAME", description="User at the delivery system."
    )
    lds_password: SecretStr = Field(
        default=SecretStr(""), validation_alias="LCM_LDS_PASSWORD", description="Password at the delivery system."
    )
    lds_region: str = Field(
        default="",
        validation_alias="LCM_LDS_REGION",
        description="Location sent with reservations; empty means the region of the session's worker.",
    )
    lds_regions: dict[str, LdsPlace] = Field(
        default_factory=dict,
        validation_alias="LCM_LDS_REGIONS",
        description="Deployments of single regions as JSON: {region: {url, username, password}}; "
        "labs in other regions use LCM_LDS_URL.",
    )
    grading_url: str = Field(
        default="",
        validation_alias="LCM_GRADING_URL",
        description="Grading engine; empty means evidence is collected but not graded.",
    )
    grading_token: SecretStr = Field(
        default=SecretStr(""), validation_alias="LCM_GRADING_TOKEN", description="Bearer token for the grading engine."
    )
    aws_endpoint: str = Field(
        default="", validation_alias="LCM_AWS_ENDPOINT", description="URL that serves S3; empty means AWS itself."
    )
    s3_region: str = Field(
        default="us-east-1", validation_alias="LCM_S3_REGION", description="Region of the content buckets."
    )
    timeout_seconds: float = Field(
        default=10.0,
        gt=0,
        validation_alias="LCM_OUTSIDE_TIMEOUT_SECONDS",
        description="Limit of one call to the delivery system, the grading engine or S3.",
    )


class LabletSettings(BaseSettings):
    """How the lablet controller behaves."""

    model_config = SettingsConfigDict(env_prefix="LCM_LABLET_", extra="ignore", env_ignore_empty=True)

    delivery_required: bool = Field(
        False,
        description="A delivery system that does not answer fails the build; otherwise the lab becomes ready without "
        "a link, and delivery is tried again while it waits.",
    )
    workers: int = Field(32, ge=1, le=256, description="Sessions that are worked on at once.")
    step_attempts: int = Field(8, ge=1, le=50, description="Tries of a pipeline step whose failures may pass.")
    step_pause_seconds: float = Field(0.25, gt=0, description="Pause after the first failed try; doubles each time.")
    step_longest_pause_seconds: float = Field(5.0, gt=0, description="Longest pause between two tries.")
    boot_poll_seconds: float = Field(
        5.0, gt=0, description="Domain seconds between looks at booting labs, with a floor of 0.2 real seconds."
    )
    watch_seconds: float = Field(
        60.0, gt=0, description="Domain seconds between looks at ready and running labs, at least watch_floor_seconds."
    )
    watch_floor_seconds: float = Field(
        10.0, gt=0, description="Shortest pause between looks at ready and running labs."
    )
    grading_poll_seconds: float = Field(
        30.0,
        gt=0,
        description="Domain seconds between questions to a silent grading engine; at least 1 real.",
    )
    grading_attempts: int = Field(3, ge=1, le=10, description="Jobs submitted before grading counts as failed.")
    evidence_days: int = Field(
        365, ge=0, le=3650, description="Days after which S3 removes evidence, by a rule of each bucket; 0 keeps it."
    )
    labs_refresh_minutes: float = Field(30.0, gt=0, description="Domain minutes between full looks at a worker's labs.")
    labs_unreachable_minutes: float = Field(
        10.0, gt=0, description="Domain minutes after which a terminating worker's labs are given up."
    )
    orphan_grace_seconds: float = Field(
        30.0, ge=0, description="How long a lab of a session that does not need it may exist before it is removed."
    )
    settling_seconds: float = Field(
        30.0,
        ge=0,
        description="How long a call to the delivery system or to CML whose answer was not heard may take to have its "
        "effect: it is repeated only then, and a session that ends after one looks again then. More than the rest of a "
        "lost lease and the limit of one call.",
    )


class EventsSettings(BaseSettings):
    """The intake of CloudEvents."""

    model_config = _CONFIG

    secret: SecretStr = Field(
        default=SecretStr(""),
        validation_alias="LCM_CLOUDEVENTS_SECRET",
        description="Shared secret of signed events; empty means only bearer tokens are accepted.",
    )
    body_bytes: int = Field(
        default=1024 * 1024,
        ge=1024,
        validation_alias="LCM_EVENTS_BODY_BYTES",
        description="Largest request; larger ones are refused with 413.",
    )
    rate_per_source: float = Field(
        default=1000.0,
        gt=0,
        validation_alias="LCM_EVENTS_RATE_PER_SOURCE",
        description="Events per second that one source may send; more are refused with 429.",
    )
    window_seconds: float = Field(
        default=300.0,
        gt=0,
        validation_alias="LCM_EVENTS_WINDOW_SECONDS",
        description="How far the time stamp of a signed event may be from now.",
    )
