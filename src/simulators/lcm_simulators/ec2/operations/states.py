"""StartInstances, StopInstances, RebootInstances, TerminateInstances and the monitoring switch."""

from collections.abc import Callable

from pydantic import Field

from lcm_simulators.ec2.call import Call
from lcm_simulators.ec2.catalog import MACHINES
from lcm_simulators.ec2.errors import AwsError, dry_run, instance_not_found, missing_parameter
from lcm_simulators.ec2.instances.fleet import Fleet
from lcm_simulators.ec2.instances.model import Instance, InstanceState
from lcm_simulators.ec2.instances.views import state_view
from lcm_simulators.ec2.operations.launching import vcpus_with
from lcm_simulators.ec2.operations.selection import InstancesRequest, check_instance_ids, read
from lcm_simulators.ec2.wire.query import Tree


class StopRequest(InstancesRequest):
    """Parameters of StopInstances."""

    hibernate: bool = Field(default=False, alias="Hibernate")


def named_instances(fleet: Fleet, instance_ids: list[str], region: str) -> list[Instance]:
    """The instances of these ids. Raises `AwsError` unless all are known in the region."""
    if not instance_ids:
        raise missing_parameter("InstanceId")
    check_instance_ids(instance_ids)
    found = {instance_id: fleet.store.get(instance_id) for instance_id in instance_ids}
    known = [instance for instance in found.values() if instance is not None and instance.region == region]
    unknown = sorted(set(found) - {instance.instance_id for instance in known})
    if unknown:
        raise instance_not_found(unknown)
    return known


def _changed_states(fleet: Fleet, call: Call, change: Callable[[Instance], None]) -> Tree:
    request = read(InstancesRequest, call.parameters)
    instances = named_instances(fleet, request.instance_ids, call.region)
    if request.dry_run:
        raise dry_run()
    changes: list[Tree] = []
    for instance in instances:
        before = state_view(instance.state)
        change(instance)
        current = state_view(instance.state)
        changes.append({"instanceId": instance.instance_id, "currentState": current, "previousState": before})
    return {"instancesSet": changes}


def start_instances(fleet: Fleet, call: Call) -> Tree:
    """Start stopped instances."""

    def start(instance: Instance) -> None:
        fleet.start(instance, vcpus=vcpus_with(fleet, call.region, MACHINES[instance.instance_type]))

    return _changed_states(fleet, call, start)


def stop_instances(fleet: Fleet, call: Call) -> Tree:
    """Stop running instances."""
    if read(StopRequest, call.parameters).hibernate:
        raise AwsError("UnsupportedHibernationConfiguration", "The instance is not enabled for hibernation.")
    return _changed_states(fleet, call, fleet.stop)


def terminate_instances(fleet: Fleet, call: Call) -> Tree:
    """End instances for good."""
    return _changed_states(fleet, call, fleet.terminate)


def reboot_instances(fleet: Fleet, call: Call) -> Tree:
    """Restart the machines; their state stays `running`."""
    request = read(InstancesRequest, call.parameters)
    instances = named_instances(fleet, request.instance_ids, call.region)
    if request.dry_run:
        raise dry_run()
    for instance in instances:
        fleet.reboot(instance)
    return {"return": True}


def monitor_instances(fleet: Fleet, call: Call) -> Tree:
    """Switch one-minute metrics on."""
    return _monitored(fleet, call, True)


def unmonitor_instances(fleet: Fleet, call: Call) -> Tree:
    """Go back to five-minute metrics."""
    return _monitored(fleet, call, False)


def _monitored(fleet: Fleet, call: Call, detailed: bool) -> Tree:
    request = read(InstancesRequest, call.parameters)
    instances = named_instances(fleet, request.instance_ids, call.region)
    if request.dry_run:
        raise dry_run()
    for instance in instances:
        if instance.state is InstanceState.TERMINATED:
            raise instance_not_found([instance.instance_id])
        instance.detailed_monitoring = detailed
        fleet.changed(instance)
    # EC2 answers the way, not the end: a switch takes a moment.
    on_the_way = {"state": "pending" if detailed else "disabling"}
    return {"instancesSet": [{"instanceId": instance.instance_id, "monitoring": on_the_way} for instance in instances]}
