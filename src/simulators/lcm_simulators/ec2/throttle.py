"""Request limits of EC2, per region: token buckets in real seconds.

RunInstances has 1,000 tokens refilled by 2 a second, reads have 100 refilled by 20, other changes 200 refilled by 5
(figures of the EC2 API's request throttling).
"""

import time
from collections.abc import Callable
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from lcm_simulators.ec2.errors import AwsError


class CallClass(StrEnum):
    """Calls that share a bucket."""

    READ = "read"
    RUN = "run"
    CHANGE = "change"


class BucketSize(BaseModel):
    """`burst` tokens at most, `rate` new ones a second."""

    model_config = ConfigDict(extra="forbid")

    burst: float = Field(ge=0)
    rate: float = Field(ge=0)


class ThrottleSettings(BaseModel):
    """The buckets in force."""

    model_config = ConfigDict(extra="forbid")

    enabled: bool = True
    read: BucketSize = BucketSize(burst=100, rate=20)
    run: BucketSize = BucketSize(burst=1000, rate=2)
    change: BucketSize = BucketSize(burst=200, rate=5)


def class_of(action: str) -> CallClass:
    """The bucket that an action draws from."""
    if action == "RunInstances":
        return CallClass.RUN
    return CallClass.READ if action.startswith(("Describe", "Get", "List")) else CallClass.CHANGE


class Throttle:
    """Draws one token per call."""

    def __init__(self, settings: ThrottleSettings, now: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._now = now
        self._levels: dict[tuple[CallClass, str], tuple[float, float]] = {}

    @property
    def settings(self) -> ThrottleSettings:
        """The limits in force."""
        return self._settings

    def replace(self, settings: ThrottleSettings) -> None:
        """Put new limits in force, with full buckets."""
        self._settings = settings
        self._levels.clear()

    def admit(self, action: str, region: str) -> None:
        """Let a call through or raise `RequestLimitExceeded`."""
        if not self._settings.enabled:
            return
        kind = class_of(action)
        size: BucketSize = getattr(self._settings, kind)
        level, since = self._levels.get((kind, region), (size.burst, self._now()))
        now = self._now()
        level = min(size.burst, level + (now - since) * size.rate)
        self._levels[kind, region] = (level - 1 if level >= 1 else level, now)
        if level < 1:
            raise AwsError("RequestLimitExceeded", "Request limit exceeded.", 503)
