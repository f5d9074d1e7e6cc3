"""Names of the EC2 actions and what carries them out."""

from collections.abc import Callable

from lcm_simulators.ec2.call import Call
from lcm_simulators.ec2.instances.fleet import Fleet
from lcm_simulators.ec2.operations import attributes, describing, launching, offers, states, tags
from lcm_simulators.ec2.wire.query import Tree

Operation = Callable[[Fleet, Call], Tree]

OPERATIONS: dict[str, Operation] = {
    "RunInstances": launching.run_instances,
    "StartInstances": states.start_instances,
    "StopInstances": states.stop_instances,
    "RebootInstances": states.reboot_instances,
    "TerminateInstances": states.terminate_instances,
    "MonitorInstances": states.monitor_instances,
    "UnmonitorInstances": states.unmonitor_instances,
    "DescribeInstances": describing.describe_instances,
    "DescribeInstanceStatus": describing.describe_instance_status,
    "DescribeInstanceAttribute": attributes.describe_instance_attribute,
    "ModifyInstanceAttribute": attributes.modify_instance_attribute,
    "GetConsoleOutput": attributes.get_console_output,
    "CreateTags": tags.create_tags,
    "DeleteTags": tags.delete_tags,
    "DescribeTags": tags.describe_tags,
    "DescribeImages": offers.describe_images,
    "DescribeInstanceTypes": offers.describe_instance_types,
    "DescribeInstanceTypeOfferings": offers.describe_instance_type_offerings,
    "DescribeRegions": offers.describe_regions,
    "DescribeAvailabilityZones": offers.describe_availability_zones,
}


def answers(call: Call) -> Operation | None:
    """What carries out the call; None when it is moto's, as is all that concerns other resources than instances."""
    operation = OPERATIONS.get(call.action)
    if call.action in ("CreateTags", "DeleteTags"):
        resources = call.parameters.get("ResourceId")
        if isinstance(resources, list) and not all(str(resource).startswith("i-") for resource in resources):
            return None
    return operation
