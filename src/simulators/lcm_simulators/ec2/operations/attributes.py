"""DescribeInstanceAttribute, ModifyInstanceAttribute and GetConsoleOutput."""

import base64

from pydantic import BaseModel, Field

from lcm_simulators.ec2.call import Call
from lcm_simulators.ec2.catalog import MACHINES, image_of
from lcm_simulators.ec2.errors import AwsError, dry_run, invalid_value
from lcm_simulators.ec2.instances.fleet import Fleet
from lcm_simulators.ec2.instances.model import Instance, InstanceState
from lcm_simulators.ec2.operations.selection import Request, read
from lcm_simulators.ec2.operations.states import named_instances
from lcm_simulators.ec2.wire.query import Tree


class Text(BaseModel):
    """A wrapped text."""

    value: str = Field(alias="Value")


class Flag(BaseModel):
    """A wrapped truth value."""

    value: bool = Field(alias="Value")


class AttributeRequest(Request):
    """Parameters of the attribute calls; a change may come as `Attribute` and `Value` or under its own name."""

    instance_id: str = Field(alias="InstanceId")
    attribute: str | None = Field(default=None, alias="Attribute")
    value: str | None = Field(default=None, alias="Value")
    instance_type: Text | None = Field(default=None, alias="InstanceType")
    termination_protection: Flag | None = Field(default=None, alias="DisableApiTermination")
    shutdown_behavior: Text | None = Field(default=None, alias="InstanceInitiatedShutdownBehavior")
    security_groups: list[str] = Field(default_factory=list, alias="GroupId")


def describe_instance_attribute(fleet: Fleet, call: Call) -> Tree:
    """One attribute of an instance."""
    request = read(AttributeRequest, call.parameters)
    (instance,) = named_instances(fleet, [request.instance_id], call.region)
    attributes: Tree = {
        "instanceType": {"value": instance.instance_type},
        "disableApiTermination": {"value": instance.termination_protection},
        "instanceInitiatedShutdownBehavior": {"value": instance.shutdown_behavior},
        "userData": {"value": instance.user_data} if instance.user_data else {},
        "groupSet": [{"groupId": group} for group in instance.security_groups],
    }
    if request.attribute not in attributes:
        raise invalid_value("attribute", request.attribute)
    return {"instanceId": instance.instance_id, request.attribute: attributes[request.attribute]}


def modify_instance_attribute(fleet: Fleet, call: Call) -> Tree:
    """Change the type of a stopped instance, its protection, its shutdown behavior or its security groups."""
    request = _named(read(AttributeRequest, call.parameters))
    (instance,) = named_instances(fleet, [request.instance_id], call.region)
    if request.instance_type is not None:
        _check_type(instance, request.instance_type.value)
    if request.dry_run:
        raise dry_run()
    if request.instance_type is not None:
        instance.instance_type = request.instance_type.value
    if request.termination_protection is not None:
        instance.termination_protection = request.termination_protection.value
    if request.shutdown_behavior is not None:
        if request.shutdown_behavior.value not in ("stop", "terminate"):
            raise invalid_value("instanceInitiatedShutdownBehavior", request.shutdown_behavior.value)
        instance.shutdown_behavior = request.shutdown_behavior.value
    if request.security_groups:
        instance.security_groups = request.security_groups
    fleet.changed(instance)
    return {"return": True}


def _named(request: AttributeRequest) -> AttributeRequest:
    """Bring the form with `Attribute` and `Value` into the other one."""
    if request.attribute is None or request.value is None:
        return request
    name = request.attribute[:1].upper() + request.attribute[1:]
    return read(AttributeRequest, {"InstanceId": request.instance_id, name: {"Value": request.value}})


def _check_type(instance: Instance, wanted: str) -> None:
    if wanted not in MACHINES:
        raise invalid_value("instanceType", wanted)
    if instance.state is not InstanceState.STOPPED:
        raise AwsError(
            "IncorrectInstanceState", f"The instance '{instance.instance_id}' is not in the 'stopped' state."
        )


def get_console_output(fleet: Fleet, call: Call) -> Tree:
    """A few lines that say what the machine did."""
    request = read(AttributeRequest, call.parameters)
    (instance,) = named_instances(fleet, [request.instance_id], call.region)
    image = image_of(instance.region, instance.image_id)
    lines = [f"[boot {run.start:.0f}] {image.description if image else instance.image_id}" for run in instance.runs]
    return {
        "instanceId": instance.instance_id,
        "timestamp": fleet.clock.now(),
        "output": base64.b64encode("\r\n".join(lines).encode()).decode(),
    }
