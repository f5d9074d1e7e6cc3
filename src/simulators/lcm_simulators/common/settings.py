"""Settings that the senders of events share, read from the environment once at start."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from lcm_simulators.common.cloudevents import Delivery


class EventSettings(BaseSettings):
    """Where events go, how they are signed, how often they are tried."""

    model_config = SettingsConfigDict(populate_by_name=True, extra="ignore", env_ignore_empty=True)

    events_url: str = Field(
        default="", validation_alias="LCM_EVENTS_URL", description="Where events are sent; empty lets them wait."
    )
    events_secret: SecretStr = Field(
        default=SecretStr(""), validation_alias="LCM_CLOUDEVENTS_SECRET", description="Key that signs the events."
    )
    events_retry_seconds: float = Field(
        default=0.2,
        gt=0,
        validation_alias="LCM_EVENTS_RETRY_SECONDS",
        description="Real seconds before an event is tried again; doubled each time.",
    )
    events_retry_limit_seconds: float = Field(
        default=5.0,
        gt=0,
        validation_alias="LCM_EVENTS_RETRY_LIMIT_SECONDS",
        description="Longest real pause between two attempts.",
    )

    @property
    def delivery(self) -> Delivery:
        """What the sender is told."""
        return Delivery(
            self.events_url,
            self.events_secret.get_secret_value(),
            self.events_retry_seconds,
            self.events_retry_limit_seconds,
        )
