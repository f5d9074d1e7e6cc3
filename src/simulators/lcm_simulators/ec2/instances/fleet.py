"""The fleet: launches instances and moves them through their states as simulated time passes."""

import time
import uuid
from collections.abc import Collection
from dataclasses import dataclass

from lcm_simulators.cml.timers import Timers
from lcm_simulators.ec2.clock import WorldClock
from lcm_simulators.ec2.conditions import Conditions
from lcm_simulators.ec2.errors import AwsError, incorrect_state, no_capacity
from lcm_simulators.ec2.instances.addresses import AddressPool
from lcm_simulators.ec2.instances.model import (
    DEAD,
    GONE_SECONDS,
    TRANSIENT,
    Impairment,
    Instance,
    InstanceState,
    Run,
    StateReason,
)
from lcm_simulators.ec2.instances.power import PowerSwitch
from lcm_simulators.ec2.instances.store import InstanceStore
from lcm_simulators.ec2.wire import xml

USER_SHUTDOWN = StateReason(
    code="Client.UserInitiatedShutdown", message="Client.UserInitiatedShutdown: User initiated shutdown"
)
HOST_LOST = StateReason(code="Server.InternalError", message="Server.InternalError: the host of the instance failed")
MAX_TERMINATED_SECONDS = 24 * GONE_SECONDS
"""So long a client token is remembered after its instance ended."""


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """How fast machines boot and where CML listens on them."""

    boot_scale: float
    cml_port: int


class Fleet:
    """Every instance of the account, in all regions. Must be used on the event loop."""

    def __init__(
        self, store: InstanceStore, clock: WorldClock, conditions: Conditions, power: PowerSwitch,
        addresses: AddressPool, settings: FleetSettings,
    ) -> None:  # fmt: skip
        self.store = store
        self.clock = clock
        self.conditions = conditions
        self._power = power
        self._addresses = addresses
        self._settings = settings
        self._timers = Timers(clock)
        clock.on_change = self._timers.rearm

    def resume(self) -> None:
        """Take up the stored instances: pending transitions go on, the CML simulator is told again what runs."""
        now = self.clock.time()
        for instance in self.store:
            if instance.state is InstanceState.TERMINATED and instance.state_since < now - MAX_TERMINATED_SECONDS:
                self.store.forget(instance)
                continue
            if instance.state in TRANSIENT:
                longest = now + TRANSIENT[instance.state][1] * self._settings.boot_scale
                instance.state_due = min(instance.state_due or now, longest)
                self._wake_at_due(instance)
            self._power.follow(instance, again=instance.state is InstanceState.RUNNING)
        self._addresses.resume_after([instance.address for instance in self.store])

    def close(self) -> None:
        """Stop the timers."""
        self._timers.close()

    def admit(self, instance: Instance, *, vcpus: int) -> None:
        """Refuse a launch or start that capacity or limits forbid. Raises `AwsError`."""
        if self.conditions.short_of(instance.instance_type, instance.region, instance.zone):
            raise no_capacity(instance.instance_type, instance.zone)
        limit = self.conditions.vcpu_limit
        if limit is not None and vcpus > limit:
            raise AwsError(
                "VcpuLimitExceeded",
                f"The vCPU limit of {limit} in {instance.region} does not allow {vcpus} vCPUs.",
            )

    @property
    def boot_scale(self) -> float:
        """Factor on every boot time."""
        return self._settings.boot_scale

    def address(self, taken: Collection[str] = ()) -> str:
        """A free address that is not `taken`. Raises `AwsError` when the network is used up."""
        used = {instance.address for instance in self.store if instance.state is not InstanceState.TERMINATED}
        address = self._addresses.take(used | set(taken))
        if address is None:
            raise AwsError("InsufficientFreeAddressesInSubnet", "The subnet has no free address left.")
        return address

    def launch(self, instances: list[Instance]) -> None:
        """Bring new instances into the world, together."""
        for instance in instances:
            instance.tags["lcm:endpoint"] = f"https://{instance.address}:{self._settings.cml_port}"
            instance.fails_launch = self.conditions.failure_of(instance.region)
            instance.visible_at = time.time() + self.conditions.consistency_seconds
            self._enter(instance, InstanceState.PENDING)

    def start(self, instance: Instance, *, vcpus: int) -> None:
        """Start a stopped instance; nothing to do when it runs or starts. Raises `AwsError`."""
        if instance.state in (InstanceState.PENDING, InstanceState.RUNNING):
            return
        if instance.state is not InstanceState.STOPPED:
            raise incorrect_state(instance.instance_id, "started")
        self.admit(instance, vcpus=vcpus)
        instance.launched_at = self.clock.time()
        instance.impairment, instance.reason, instance.transition = None, None, ""
        self._enter(instance, InstanceState.PENDING)

    def stop(self, instance: Instance, reason: StateReason = USER_SHUTDOWN) -> None:
        """Stop a running instance; nothing to do when it stops or has stopped. Raises `AwsError`."""
        if instance.state in (InstanceState.STOPPING, InstanceState.STOPPED):
            return
        if instance.state is not InstanceState.RUNNING:
            raise incorrect_state(instance.instance_id, "stopped")
        self._explain(instance, reason)
        self._enter(instance, InstanceState.STOPPING)

    def terminate(self, instance: Instance) -> None:
        """End an instance from any state. Raises `AwsError` when it is protected."""
        if instance.state in DEAD:
            return
        if instance.termination_protection:
            raise AwsError(
                "OperationNotPermitted",
                f"The instance '{instance.instance_id}' is protected by its attribute 'disableApiTermination'.",
            )
        self._explain(instance, USER_SHUTDOWN)
        self._enter(instance, InstanceState.SHUTTING_DOWN)

    def fail(self, instance: Instance, *, stops: bool) -> None:
        """Let the host of an instance die: it is terminated at once, or stopped."""
        self._explain(instance, HOST_LOST)
        self._enter(instance, InstanceState.STOPPED if stops else InstanceState.TERMINATED)

    def impair(self, instance: Instance, impairment: Impairment | None) -> None:
        """Let a status check fail from now on, or pass again."""
        instance.impairment = impairment
        self._changed(instance)

    def reboot(self, instance: Instance) -> None:
        """Restart the machine: CML goes away and boots again, the state stays `running`. Raises `AwsError`."""
        if instance.state is not InstanceState.RUNNING:
            raise incorrect_state(instance.instance_id, "rebooted")
        self._power.follow(instance, cycle=True)

    def changed(self, instance: Instance) -> None:
        """Keep an instance whose attributes or tags were set."""
        self.store.save(instance)

    def visible(self, instance: Instance) -> bool:
        """Whether describe calls know the instance: not right after the launch, nor long after the end."""
        ended = instance.state is InstanceState.TERMINATED
        gone = ended and self.clock.time() - instance.state_since > GONE_SECONDS
        return not gone and time.time() >= instance.visible_at

    def _explain(self, instance: Instance, reason: StateReason) -> None:
        instance.reason = reason
        who = "User initiated" if reason is USER_SHUTDOWN else reason.code
        instance.transition = f"{who} ({xml.timestamp(self.clock.now())[:19].replace('T', ' ')} GMT)"

    def _enter(self, instance: Instance, state: InstanceState) -> None:
        now = self.clock.time()
        if state is InstanceState.RUNNING:
            instance.runs.append(Run(start=now))
        elif instance.runs and instance.runs[-1].end is None:
            instance.runs[-1].end = now
        instance.state, instance.state_since, instance.state_due = state, now, None
        if state in TRANSIENT:
            instance.state_due = now + TRANSIENT[state][1] * self._settings.boot_scale
            self._wake_at_due(instance)
        self._changed(instance)

    def _changed(self, instance: Instance) -> None:
        self.store.save(instance)
        self._power.follow(instance)

    def _wake_at_due(self, instance: Instance) -> None:
        due = instance.state_due
        if due is not None:
            self._timers.at(due, lambda: self._move_on(instance, due))

    def _move_on(self, instance: Instance, due: float) -> None:
        if instance.state_due != due or instance.state not in TRANSIENT:
            return
        if instance.state is InstanceState.PENDING and instance.fails_launch is not None:
            self._explain(instance, instance.fails_launch)
            self._enter(instance, InstanceState.TERMINATED)
        else:
            self._enter(instance, TRANSIENT[instance.state][0])


def new_id(prefix: str) -> str:
    """A fresh id of EC2's long form, such as `i-0123456789abcdef0`."""
    return f"{prefix}-0{uuid.uuid4().hex[:16]}"
