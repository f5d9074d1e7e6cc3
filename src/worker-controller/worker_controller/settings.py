"""Settings of the worker controller. Intervals are domain seconds with a floor in real seconds, see ``Pace``."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

_CONFIG = SettingsConfigDict(populate_by_name=True, extra="ignore", env_ignore_empty=True)


class OutsideSettings(BaseSettings):
    """Where AWS and the CML controllers are."""

    model_config = _CONFIG

    aws_endpoint: str = Field(
        default="",
        validation_alias="LCM_AWS_ENDPOINT",
        description="URL that serves EC2 and CloudWatch; empty means AWS itself.",
    )
    aws_threads: int = Field(
        default=16,
        ge=1,
        le=64,
        validation_alias="LCM_AWS_THREADS",
        description="AWS calls that run at once; further ones wait, so that the event loop never blocks.",
    )
    aws_timeout_seconds: float = Field(
        default=20.0, gt=0, validation_alias="LCM_AWS_TIMEOUT_SECONDS", description="Limit of one AWS call, in seconds."
    )
    cml_ca_bundle: Path | None = Field(
        default=None,
        validation_alias="LCM_CML_CA_BUNDLE",
        description="PEM file with the CA of the CML certificates; without it the system's CAs are trusted.",
    )
    cml_timeout_seconds: float = Field(
        default=10.0, gt=0, validation_alias="LCM_CML_TIMEOUT_SECONDS", description="Limit of one CML call, in seconds."
    )


class WorkerSettings(BaseSettings):
    """How the worker controller behaves."""

    model_config = SettingsConfigDict(env_prefix="LCM_WORKER_", extra="ignore", env_ignore_empty=True)

    deployment: str = Field(
        "default",
        pattern=r"^[A-Za-z0-9_.-]{1,60}$",
        description="Name of this installation in the tag lcm:deployment; two installations in one account differ.",
    )
    readiness_seconds: float = Field(
        0.5,
        gt=0,
        description="Between looks at a CML that is starting; real seconds, because it is a cheap local call.",
    )
    instance_seconds: float = Field(
        5.0,
        gt=0,
        description="Between looks at an instance that changes its state; one describe serves a whole region.",
    )
    steady_seconds: float = Field(60.0, gt=0, description="Between looks at a worker that serves or rests.")
    slow_seconds: float = Field(300.0, gt=0, description="Between looks at a failed worker.")
    metrics_poll_seconds: float = Field(60.0, gt=0, description="Between metrics samples.")
    discovery_seconds: float = Field(300.0, gt=0, description="Between sweeps for orphans and unknown instances.")
    orphan_grace_minutes: float = Field(
        10.0, ge=0, description="How long an instance without a living worker may exist before it is terminated."
    )
    vanished_grace_minutes: float = Field(
        2.0, ge=0, description="How long an instance may be missing from EC2's answers before it counts as lost."
    )
    cml_lost_seconds: float = Field(
        60.0, ge=0, description="How long a serving CML may not answer before the worker is starting again."
    )
    license_grace_minutes: float = Field(
        10.0, ge=0, description="How long a worker that terminates tries to return its license to a silent CML."
    )
    license_settling_seconds: float = Field(
        30.0,
        ge=0,
        description="Real seconds for which a registration whose end was not heard may take to have its effect: a "
        "worker that terminates after one looks for its license again then.",
    )
    license_retry_minutes: float = Field(5.0, gt=0, description="Between tries of a registration that failed.")
    license_expiry_days: float = Field(14.0, ge=0, description="How long before its end a license opens a task.")
    terminate_retry_minutes: float = Field(
        5.0, gt=0, description="Pause of a termination that ran out of time before it goes on."
    )
    breaker_failures: int = Field(
        3, ge=1, description="Launch failures in a row after which a template rests in a region."
    )
    breaker_minutes: float = Field(10.0, gt=0, description="How long a template rests in a region after failures.")
    imminent_minutes: float = Field(
        30.0, ge=0, description="A booking that begins this soon keeps a worker from being stopped or idle."
    )
