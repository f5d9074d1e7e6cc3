"""RunInstances."""

import hashlib
import json
import re

from pydantic import BaseModel, Field

from lcm_simulators.ec2.call import Call
from lcm_simulators.ec2.catalog import MACHINES, REGIONS, Image, Machine, image_of, zones_of
from lcm_simulators.ec2.errors import AwsError, dry_run, invalid_value
from lcm_simulators.ec2.instances.fleet import Fleet, new_id
from lcm_simulators.ec2.instances.model import DEAD, Instance, InstanceState
from lcm_simulators.ec2.instances.views import reservation_view
from lcm_simulators.ec2.operations.selection import Request, read
from lcm_simulators.ec2.operations.tags import Tag, checked_tags
from lcm_simulators.ec2.wire.query import Tree

MAX_TOKEN = 64
MAX_AT_ONCE = 100
_IMAGE_ID = re.compile(r"^ami-[0-9a-f]{8}([0-9a-f]{9})?$")


class TagSpecification(BaseModel):
    """Tags for one kind of resource that the call creates."""

    resource_type: str = Field(alias="ResourceType")
    tags: list[Tag] = Field(default_factory=list, alias="Tag")


class Ebs(BaseModel):
    """A volume."""

    size_gb: int | None = Field(default=None, alias="VolumeSize", ge=1, le=65_536)


class Device(BaseModel):
    """A device; the first with a volume is taken for the root."""

    name: str = Field(default="", alias="DeviceName")
    ebs: Ebs | None = Field(default=None, alias="Ebs")


class Placement(BaseModel):
    """Where to launch."""

    zone: str | None = Field(default=None, alias="AvailabilityZone")


class Switch(BaseModel):
    """A group of options with one switch."""

    enabled: bool = Field(default=False, alias="Enabled")


class CpuOptions(BaseModel):
    """CPU options; nested virtualization is what CML needs on types that are not metal."""

    nested: str = Field(default="disabled", alias="NestedVirtualization", pattern="^(enabled|disabled)$")


class Profile(BaseModel):
    """An IAM instance profile."""

    arn: str | None = Field(default=None, alias="Arn")
    name: str | None = Field(default=None, alias="Name")


class RunRequest(Request):
    """Parameters of RunInstances."""

    image_id: str = Field(alias="ImageId")
    instance_type: str = Field(default="m5.large", alias="InstanceType")
    min_count: int = Field(alias="MinCount", ge=1)
    max_count: int = Field(alias="MaxCount", ge=1)
    client_token: str = Field(default="", alias="ClientToken")
    key_name: str | None = Field(default=None, alias="KeyName")
    user_data: str | None = Field(default=None, alias="UserData")
    subnet_id: str = Field(default="", alias="SubnetId")
    security_groups: list[str] = Field(default_factory=list, alias="SecurityGroupId")
    tag_specifications: list[TagSpecification] = Field(default_factory=list, alias="TagSpecification")
    devices: list[Device] = Field(default_factory=list, alias="BlockDeviceMapping")
    placement: Placement = Field(default_factory=Placement, alias="Placement")
    monitoring: Switch = Field(default_factory=Switch, alias="Monitoring")
    cpu: CpuOptions = Field(default_factory=CpuOptions, alias="CpuOptions")
    profile: Profile | None = Field(default=None, alias="IamInstanceProfile")
    termination_protection: bool = Field(default=False, alias="DisableApiTermination")
    shutdown_behavior: str = Field(
        default="stop", alias="InstanceInitiatedShutdownBehavior", pattern="^(stop|terminate)$"
    )


def run_instances(fleet: Fleet, call: Call) -> Tree:
    """Launch, or answer what the same client token launched before."""
    request = read(RunRequest, call.parameters)
    token, fingerprint = request.client_token, _fingerprint(call.parameters)
    if len(token) > MAX_TOKEN or not token.isascii():
        raise invalid_value("clientToken", token, f"A client token has at most {MAX_TOKEN} ASCII characters.")
    image, machine = _checked(request, call.region)
    if request.dry_run:
        raise dry_run()
    instances = fleet.store.launched_with(call.region, token) if token else []
    if instances and instances[0].fingerprint != fingerprint:
        raise AwsError(
            "IdempotentParameterMismatch",
            f"The client token {token} was used before with other parameters.",
        )
    if not instances:
        instances = _launched(fleet, request, call.region, image, machine, fingerprint)
    call.note = f"token={token} instances={','.join(instance.instance_id for instance in instances)}"
    return reservation_view(instances, fleet.clock)


def vcpus_with(fleet: Fleet, region: str, machine: Machine) -> int:
    """vCPUs of the region's living instances with one more machine."""
    living = [instance for instance in fleet.store.in_region(region) if _counts(instance)]
    return machine.vcpus + sum(MACHINES[instance.instance_type].vcpus for instance in living)


def _counts(instance: Instance) -> bool:
    return instance.state not in (*DEAD, InstanceState.STOPPED)


def _fingerprint(parameters: Tree) -> str:
    told = {name: value for name, value in parameters.items() if name not in ("ClientToken", "DryRun")}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _checked(request: RunRequest, region: str) -> tuple[Image, Machine]:
    if region not in REGIONS:
        raise AwsError("OptInRequired", f"You are not subscribed to this service in region {region}.", 401)
    if not _IMAGE_ID.match(request.image_id):
        raise AwsError("InvalidAMIID.Malformed", f'Invalid id: "{request.image_id}"')
    image = image_of(region, request.image_id)
    if image is None:
        raise AwsError("InvalidAMIID.NotFound", f"The image id '[{request.image_id}]' does not exist")
    if image.state != "available":
        raise AwsError("InvalidAMIID.Unavailable", f"The image id '[{request.image_id}]' is not available")
    machine = MACHINES.get(request.instance_type)
    if machine is None:
        raise invalid_value("InstanceType", request.instance_type)
    if region in machine.regions_without:
        raise AwsError("Unsupported", f"Your requested instance type ({machine.name}) is not supported in {region}.")
    if request.cpu.nested == "enabled" and not machine.nested:
        raise AwsError("Unsupported", f"The instance type {machine.name} does not support nested virtualization.")
    if request.placement.zone not in (None, *zones_of(region)):
        raise invalid_value("availabilityZone", request.placement.zone)
    if not request.min_count <= request.max_count <= MAX_AT_ONCE:
        raise invalid_value("MaxCount", request.max_count, f"It must be between MinCount and {MAX_AT_ONCE}.")
    return image, machine


def _launched(
    fleet: Fleet, request: RunRequest, region: str, image: Image, machine: Machine, fingerprint: str
) -> list[Instance]:
    """Launch as many as there is room for, as EC2 does; refuse when that is less than MinCount."""
    model = _instance(fleet, request, region, image, machine, fingerprint)
    instances: list[Instance] = []
    for index in range(request.max_count):
        instance = model.model_copy(deep=True, update={"instance_id": new_id("i"), "launch_index": index})
        try:
            taken = [earlier.address for earlier in instances]
            fleet.admit(instance, vcpus=vcpus_with(fleet, region, machine) + machine.vcpus * len(instances))
            instance.address = fleet.address(taken)
        except AwsError:
            if len(instances) < request.min_count:
                raise
            break
        instances.append(instance)
    fleet.launch(instances)
    return instances


def _instance(
    fleet: Fleet, request: RunRequest, region: str, image: Image, machine: Machine, fingerprint: str
) -> Instance:
    """What all instances of the call have in common; id and address are still empty."""
    tags = checked_tags(
        [tag for entry in request.tag_specifications if entry.resource_type == "instance" for tag in entry.tags]
    )
    sizes = [device.ebs.size_gb for device in request.devices if device.ebs and device.ebs.size_gb]
    now = fleet.clock.time()
    return Instance(
        instance_id="",
        region=region,
        zone=request.placement.zone or zones_of(region)[0],
        reservation_id=new_id("r"),
        client_token=request.client_token,
        fingerprint=fingerprint,
        image_id=image.image_id,
        instance_type=machine.name,
        address="",
        disk_gb=sizes[0] if sizes else max(image.disk_gb, machine.default_disk_gb),
        created_at=now,
        launched_at=now,
        state_since=now,
        tags=tags,
        detailed_monitoring=request.monitoring.enabled,
        nested_virtualization=request.cpu.nested == "enabled",
        termination_protection=request.termination_protection,
        shutdown_behavior=request.shutdown_behavior,
        key_name=request.key_name,
        subnet_id=request.subnet_id,
        security_groups=request.security_groups,
        profile_arn=request.profile and (request.profile.arn or request.profile.name),
        user_data=request.user_data,
    )
