"""DescribeInstances and DescribeInstanceStatus."""

from pydantic import Field

from lcm_simulators.ec2.call import Call
from lcm_simulators.ec2.catalog.images import OWNER
from lcm_simulators.ec2.errors import AwsError, instance_not_found
from lcm_simulators.ec2.instances.fleet import Fleet
from lcm_simulators.ec2.instances.model import STATE_CODES, Instance, InstanceState
from lcm_simulators.ec2.instances.views import monitoring_view, private_ip, public_ip, reservations_view, status_view
from lcm_simulators.ec2.operations.selection import (
    PagedRequest,
    check_instance_ids,
    filtered,
    page,
    read,
    tag_values,
)
from lcm_simulators.ec2.wire import xml
from lcm_simulators.ec2.wire.query import Tree


class DescribeRequest(PagedRequest):
    """Parameters of both calls."""

    instance_ids: list[str] = Field(default_factory=list, alias="InstanceId")
    include_all: bool = Field(default=False, alias="IncludeAllInstances")


def _wanted(fleet: Fleet, region: str, request: DescribeRequest) -> list[Instance]:
    check_instance_ids(request.instance_ids)
    if request.instance_ids and request.max_results is not None:
        raise AwsError(
            "InvalidParameterCombination",
            "The parameter instancesSet cannot be used with the parameter maxResults",
        )
    visible = [instance for instance in fleet.store.in_region(region) if fleet.visible(instance)]
    if not request.instance_ids:
        return visible
    wanted = set(request.instance_ids)
    found = [instance for instance in visible if instance.instance_id in wanted]
    unknown = sorted(wanted - {instance.instance_id for instance in found})
    if unknown:
        raise instance_not_found(unknown)
    return found


def _identity(instance: Instance) -> str:
    return f"{instance.created_at:020.6f} {instance.instance_id}"


def describe_instances(fleet: Fleet, call: Call) -> Tree:
    """Instances by ids, filters and pages, grouped by reservation."""
    request = read(DescribeRequest, call.parameters)

    def attribute(instance: Instance, name: str) -> list[str] | None:
        return _attribute(fleet, instance, name)

    found = filtered(_wanted(fleet, call.region, request), request.filters, attribute)
    found, token = page(found, request, _identity)
    return {"reservationSet": reservations_view(found, fleet.clock), "nextToken": token}


def describe_instance_status(fleet: Fleet, call: Call) -> Tree:
    """Status checks, of running instances unless all are asked for."""
    request = read(DescribeRequest, call.parameters)
    found = [
        instance
        for instance in _wanted(fleet, call.region, request)
        if request.include_all or instance.state is InstanceState.RUNNING
    ]

    def view(instance: Instance) -> Tree:
        return status_view(instance, fleet.clock, fleet.boot_scale)

    def attribute(instance: Instance, name: str) -> list[str] | None:
        checks = {"instance-status.status": "instanceStatus", "system-status.status": "systemStatus"}
        if name in checks:
            check = view(instance)[checks[name]]
            return [str(check["status"])] if isinstance(check, dict) else []
        return _attribute(fleet, instance, name)

    found, token = page(filtered(found, request.filters, attribute), request, _identity)
    return {"instanceStatusSet": [view(instance) for instance in found], "nextToken": token}


def _attribute(fleet: Fleet, instance: Instance, name: str) -> list[str] | None:
    """The values of an instance for one filter; None for a filter that EC2 does not have or the world does not know."""
    tags = tag_values(instance.tags, name)
    if tags is not None:
        return tags
    simple = {
        "instance-id": instance.instance_id,
        "instance-state-name": instance.state.value,
        "instance-state-code": str(STATE_CODES[instance.state]),
        "instance-type": instance.instance_type,
        "image-id": instance.image_id,
        "client-token": instance.client_token,
        "reservation-id": instance.reservation_id,
        "owner-id": OWNER,
        "availability-zone": instance.zone,
        "private-ip-address": private_ip(instance),
        "ip-address": public_ip(instance),
        "key-name": instance.key_name,
        "subnet-id": instance.subnet_id,
        "vpc-id": instance.vpc_id,
        "monitoring-state": str(monitoring_view(instance)["state"]),
        "state-reason-code": instance.reason.code if instance.reason else None,
        "launch-time": xml.timestamp(fleet.clock.instant(instance.launched_at)),
        "architecture": "x86_64",
        "root-device-type": "ebs",
        "virtualization-type": "hvm",
    }
    if name == "instance.group-id":
        return instance.security_groups
    if name not in simple:
        return None
    value = simple[name]
    return [value] if value else []
