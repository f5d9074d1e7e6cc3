"""Instances as EC2's XML names them."""

from lcm_simulators.ec2.catalog import MACHINES
from lcm_simulators.ec2.catalog.images import OWNER
from lcm_simulators.ec2.clock import WorldClock
from lcm_simulators.ec2.instances.model import CHECKS_SECONDS, STATE_CODES, Impairment, Instance, InstanceState
from lcm_simulators.ec2.wire.query import Tree

ADDRESSED = (InstanceState.PENDING, InstanceState.RUNNING)


def public_ip(instance: Instance) -> str | None:
    """The public address; an instance that does not run has none."""
    return instance.address if instance.state in ADDRESSED else None


def private_ip(instance: Instance) -> str | None:
    """The private address; only a terminated instance has none."""
    return None if instance.state is InstanceState.TERMINATED else instance.address


def state_view(state: InstanceState) -> Tree:
    """A state with its code."""
    return {"code": STATE_CODES[state], "name": state.value}


def tag_set(tags: dict[str, str]) -> list[Tree]:
    """Tags in their order."""
    return [{"key": key, "value": value} for key, value in tags.items()]


def monitoring_view(instance: Instance) -> Tree:
    """Whether one-minute metrics are on."""
    return {"state": "enabled" if instance.detailed_monitoring else "disabled"}


def instance_view(instance: Instance, clock: WorldClock) -> Tree:
    """One entry of `instancesSet`."""
    return {
        "instanceId": instance.instance_id,
        "imageId": instance.image_id,
        "instanceState": state_view(instance.state),
        "reason": instance.transition,
        "keyName": instance.key_name,
        "amiLaunchIndex": instance.launch_index,
        "productCodes": [],
        "instanceType": instance.instance_type,
        "launchTime": clock.instant(instance.launched_at),
        "placement": {"availabilityZone": instance.zone, "groupName": "", "tenancy": "default"},
        "monitoring": monitoring_view(instance),
        "subnetId": instance.subnet_id or None,
        "vpcId": instance.vpc_id or None,
        "sourceDestCheck": True,
        "groupSet": [{"groupId": group, "groupName": group} for group in instance.security_groups],
        "stateReason": None if instance.reason is None else instance.reason.model_dump(),
        "architecture": "x86_64",
        "rootDeviceType": "ebs",
        "rootDeviceName": "/dev/xvda",
        "blockDeviceMapping": _devices(instance, clock),
        "virtualizationType": "hvm",
        "clientToken": instance.client_token,
        "tagSet": tag_set(instance.tags),
        "hypervisor": None if MACHINES[instance.instance_type].metal else "nitro",
        "networkInterfaceSet": [],
        "iamInstanceProfile": {"arn": instance.profile_arn} if instance.profile_arn else None,
        "ebsOptimized": True,
        "enaSupport": True,
        "cpuOptions": _cpu_options(instance),
        "platformDetails": "Linux/UNIX",
        "usageOperation": "RunInstances",
        "usageOperationUpdateTime": clock.instant(instance.created_at),
        **_addresses(instance),
    }


def _addresses(instance: Instance) -> Tree:
    public, private = public_ip(instance), private_ip(instance)
    return {
        "privateIpAddress": private,
        "privateDnsName": f"ip-{private.replace('.', '-')}.ec2.internal" if private else "",
        "ipAddress": public,
        "dnsName": f"ec2-{public.replace('.', '-')}.compute.amazonaws.com" if public else "",
    }


def _devices(instance: Instance, clock: WorldClock) -> list[Tree]:
    if instance.state is InstanceState.TERMINATED:
        return []
    volume = {
        "volumeId": f"vol-{instance.instance_id.removeprefix('i-')}",
        "status": "attached",
        "attachTime": clock.instant(instance.created_at),
        "deleteOnTermination": True,
    }
    return [{"deviceName": "/dev/xvda", "ebs": volume}]


def _cpu_options(instance: Instance) -> Tree:
    machine = MACHINES[instance.instance_type]
    nested = {"nestedVirtualization": "enabled" if instance.nested_virtualization else "disabled"}
    return {"coreCount": machine.cores, "threadsPerCore": 2, **(nested if machine.nested else {})}


def reservations_view(instances: list[Instance], clock: WorldClock) -> list[Tree]:
    """Instances grouped by the call that launched them."""
    groups: dict[str, list[Instance]] = {}
    for instance in instances:
        groups.setdefault(instance.reservation_id, []).append(instance)
    return [reservation_view(group, clock) for group in groups.values()]


def reservation_view(instances: list[Instance], clock: WorldClock) -> Tree:
    """One reservation; all instances come from one call."""
    return {
        "reservationId": instances[0].reservation_id,
        "ownerId": OWNER,
        "groupSet": [],
        "instancesSet": [instance_view(instance, clock) for instance in instances],
    }


def status_view(instance: Instance, clock: WorldClock, boot_scale: float) -> Tree:
    """One entry of `instanceStatusSet`."""
    running = instance.state is InstanceState.RUNNING
    fresh = clock.time() - instance.state_since < CHECKS_SECONDS * boot_scale
    system = _check(running, fresh, instance.impairment is Impairment.SYSTEM)
    return {
        "instanceId": instance.instance_id,
        "availabilityZone": instance.zone,
        "eventsSet": [],
        "instanceState": state_view(instance.state),
        "systemStatus": system,
        # A dead host takes the system on it along.
        "instanceStatus": _check(running, fresh, instance.impairment is not None),
    }


def _check(running: bool, fresh: bool, impaired: bool) -> Tree:
    if not running:
        return {"status": "not-applicable"}
    if impaired:
        return {"status": "impaired", "details": [{"name": "reachability", "status": "failed"}]}
    status, detail = ("initializing", "initializing") if fresh else ("ok", "passed")
    return {"status": status, "details": [{"name": "reachability", "status": detail}]}
