"""How the world behaves beside single faults: capacity, limits, consistency, failing launches, throttling.

Set through `PUT /admin/world`; a restart of the process forgets them.
"""

from pydantic import BaseModel, ConfigDict, Field

from lcm_simulators.ec2.instances.model import StateReason
from lcm_simulators.ec2.throttle import ThrottleSettings


class Shortage(BaseModel):
    """No capacity for a type, in a region or zone; null is any. `count` limits how many launches it refuses."""

    model_config = ConfigDict(extra="forbid")

    instance_type: str | None = None
    region: str | None = None
    zone: str | None = None
    count: int | None = Field(default=None, ge=0)

    def fits(self, instance_type: str, region: str, zone: str) -> bool:
        """Whether a launch is meant."""
        return (
            self.count != 0
            and self.instance_type in (None, instance_type)
            and self.region in (None, region)
            and self.zone in (None, zone)
        )


class LaunchFailure(BaseModel):
    """The next launches are accepted, then end in `terminated` with this reason instead of running."""

    model_config = ConfigDict(extra="forbid")

    region: str | None = None
    count: int | None = Field(default=None, ge=0)
    code: str = "Server.InternalError"
    message: str = "Server.InternalError: Internal error on launch"


class Conditions(BaseModel):
    """The whole of it. `consistency_seconds` are real: so long a new instance is unknown to every describe call."""

    model_config = ConfigDict(extra="forbid")

    shortages: list[Shortage] = Field(default_factory=list)
    launch_failures: list[LaunchFailure] = Field(default_factory=list)
    consistency_seconds: float = Field(default=0.0, ge=0)
    vcpu_limit: int | None = Field(default=None, ge=0, description="vCPUs of living instances per region")
    throttle: ThrottleSettings = Field(default_factory=ThrottleSettings)

    def short_of(self, instance_type: str, region: str, zone: str) -> bool:
        """Whether a launch finds no machine; uses up one count of the shortage."""
        for shortage in self.shortages:
            if shortage.fits(instance_type, region, zone):
                shortage.count = None if shortage.count is None else shortage.count - 1
                return True
        return False

    def failure_of(self, region: str) -> StateReason | None:
        """The reason why the launch that happens now will fail, if it will; uses up one count."""
        for failure in self.launch_failures:
            if failure.count != 0 and failure.region in (None, region):
                failure.count = None if failure.count is None else failure.count - 1
                return StateReason(code=failure.code, message=failure.message)
        return None
