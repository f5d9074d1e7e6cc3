"""EC2 as the worker controller uses it.

Every call names its region. Facts behind the errors and states: the EC2 API reference; a describe right after a launch
may not show the instance yet, and an instance stays visible for about an hour after it was terminated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

WORKER_TAG = "lcm:worker-id"
NEED_TAG = "lcm:need-id"
DEPLOYMENT_TAG = "lcm:deployment"
ENDPOINT_TAG = "lcm:endpoint"
MANAGED_TAGS_TAG = "lcm:tags"
"""Names of the operator's tags that LCM copied to the instance, so that it can take them away again."""


class InstanceState(StrEnum):
    """States of an instance, in EC2's own words."""

    PENDING = "pending"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    SHUTTING_DOWN = "shutting-down"
    TERMINATED = "terminated"

    @property
    def live(self) -> bool:
        """Whether the instance exists and is not on its way out."""
        return self not in (InstanceState.SHUTTING_DOWN, InstanceState.TERMINATED)


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance as described; ``state_reason`` is EC2's sentence about the last change."""

    instance_id: str
    region: str
    state: InstanceState
    instance_type: str = ""
    image_id: str = ""
    private_ip: str = ""
    public_ip: str = ""
    launched_at: datetime | None = None
    state_reason: str = ""
    detailed_monitoring: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def worker_id(self) -> str:
        """The worker it was launched for or imported as; empty for a foreign instance."""
        return self.tags.get(WORKER_TAG, "")

    @property
    def endpoint(self) -> str:
        """Base URL of the CML on it; empty while it has no address."""
        tagged = self.tags.get(ENDPOINT_TAG, "")
        return tagged or (f"https://{self.public_ip}" if self.public_ip else "")


@dataclass(frozen=True, slots=True)
class Image:
    """A machine image."""

    image_id: str
    name: str
    created_at: str = ""


@dataclass(frozen=True, slots=True)
class LaunchRequest:
    """One instance to launch; the same ``client_token`` (at most 64 ASCII characters) never launches twice."""

    client_token: str
    region: str
    image_id: str
    instance_type: str
    tags: Mapping[str, str]
    nested_virtualization: bool = False
    detailed_monitoring: bool = False


class Ec2Error(Exception):
    """A failed EC2 call; ``code`` is EC2's error code or the kind of failure."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code or type(self).__name__


class Ec2Throttled(Ec2Error):
    """Too many requests; nothing happened."""


class Ec2Unavailable(Ec2Error):
    """No usable answer. The call may or may not have had its effect."""


class CapacityShortage(Ec2Error):
    """EC2 has no such machine now, or a quota is used up; nothing was launched."""


class InstanceGone(Ec2Error):
    """EC2 does not know the instance (any more)."""


class WrongInstanceState(Ec2Error):
    """The instance's state does not allow the call now."""


class LaunchTokenReused(Ec2Error):
    """The client token belongs to a launch with other parameters: somebody launched already."""


class Ec2Refused(Ec2Error):
    """The request itself is wrong or not allowed; repeating it cannot help."""


class Ec2(Protocol):
    """EC2. All methods raise ``Ec2Error`` subclasses."""

    async def describe_ours(self, region: str) -> Sequence[Instance]:
        """Every instance that carries the worker tag, in any state."""

    async def describe_all(self, region: str) -> Sequence[Instance]:
        """Every instance of the account in the region, in any state."""

    async def describe_one(self, region: str, instance_id: str) -> Instance:
        """One instance. Raises ``InstanceGone``."""

    async def newest_image(self, region: str, pattern: str) -> Image | None:
        """The image with the newest creation date among those whose name fits the pattern (``*`` and ``?``)."""

    async def image_ids(self, region: str, patterns: Sequence[str]) -> Mapping[str, str]:
        """Ids and names of every image that fits one of the patterns."""

    async def launch(self, request: LaunchRequest) -> Instance:
        """Launch one instance, or answer with the one the token launched before."""

    async def start(self, region: str, instance_id: str) -> None:
        """Start a stopped instance; harmless when it runs."""

    async def stop(self, region: str, instance_id: str) -> None:
        """Stop a running instance; harmless when it is stopped."""

    async def terminate(self, region: str, instance_id: str) -> None:
        """Destroy an instance; harmless when it is terminated."""

    async def tag(self, region: str, instance_id: str, tags: Mapping[str, str], remove: Sequence[str] = ()) -> None:
        """Set tags and take others away."""

    async def set_detailed_monitoring(self, region: str, instance_id: str, enabled: bool) -> None:
        """Switch one-minute metrics, which cost money, on or off."""
