"""One instance, and the state table of EC2."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class InstanceState(StrEnum):
    """EC2's states."""

    PENDING = "pending"
    RUNNING = "running"
    SHUTTING_DOWN = "shutting-down"
    TERMINATED = "terminated"
    STOPPING = "stopping"
    STOPPED = "stopped"


STATE_CODES = {
    InstanceState.PENDING: 0,
    InstanceState.RUNNING: 16,
    InstanceState.SHUTTING_DOWN: 32,
    InstanceState.TERMINATED: 48,
    InstanceState.STOPPING: 64,
    InstanceState.STOPPED: 80,
}

TRANSIENT = {
    InstanceState.PENDING: (InstanceState.RUNNING, 45.0),
    InstanceState.STOPPING: (InstanceState.STOPPED, 60.0),
    InstanceState.SHUTTING_DOWN: (InstanceState.TERMINATED, 30.0),
}
"""Where a transient state leads, and after how many simulated seconds before the boot scale."""

CHECKS_SECONDS = 120.0
"""Status checks say `initializing` for so many simulated seconds of a run, before the boot scale."""

GONE_SECONDS = 3600.0
"""A terminated instance is described for about an hour."""

DEAD = (InstanceState.SHUTTING_DOWN, InstanceState.TERMINATED)


class Power(StrEnum):
    """What the CML simulator was told about an instance."""

    NONE = "none"
    ON = "on"
    OFF = "off"
    DESTROYED = "destroyed"


class Impairment(StrEnum):
    """Which status check fails: the host below (CML is unreachable then) or the system on it."""

    SYSTEM = "system"
    INSTANCE = "instance"


class StateReason(BaseModel):
    """Why the state changed last, in EC2's words."""

    code: str
    message: str


class Run(BaseModel):
    """A span in which the instance was running, in simulated seconds; `end` None: it still is."""

    start: float
    end: float | None = None


class Instance(BaseModel):
    """One instance. Times are simulated seconds since the epoch, except `visible_at` (real ones)."""

    model_config = ConfigDict(validate_assignment=False)

    instance_id: str
    region: str
    zone: str
    reservation_id: str
    launch_index: int = 0
    client_token: str
    fingerprint: str
    image_id: str
    instance_type: str
    address: str
    disk_gb: int
    created_at: float
    launched_at: float
    state: InstanceState = InstanceState.PENDING
    state_since: float
    state_due: float | None = None
    reason: StateReason | None = None
    transition: str = ""
    tags: dict[str, str] = Field(default_factory=dict)
    detailed_monitoring: bool = False
    nested_virtualization: bool = False
    termination_protection: bool = False
    shutdown_behavior: str = "stop"
    key_name: str | None = None
    subnet_id: str = ""
    vpc_id: str = ""
    security_groups: list[str] = Field(default_factory=list)
    profile_arn: str | None = None
    user_data: str | None = None
    impairment: Impairment | None = None
    fails_launch: StateReason | None = None
    power: Power = Power.NONE
    runs: list[Run] = Field(default_factory=list)
    visible_at: float = 0.0

    @property
    def latest(self) -> float:
        """The last instant that this instance's state speaks of."""
        return max(self.created_at, self.launched_at, self.state_since)

    @property
    def wanted_power(self) -> Power:
        """What the CML simulator should know."""
        if self.state in DEAD:
            return Power.DESTROYED
        if self.state is InstanceState.RUNNING and self.impairment is not Impairment.SYSTEM:
            return Power.ON
        return Power.OFF
