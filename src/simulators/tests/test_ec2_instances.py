"""Instances over the wire: launching, the states, describing, tags, images, regions."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ec2_world import Ec2World, ec2_world, error_code


@pytest.fixture(scope="module")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ec2World]:
    with ec2_world(tmp_path_factory.mktemp("ec2")) as world:
        yield world


@pytest.fixture
def world(shared_world: Ec2World) -> Ec2World:
    shared_world.behave()
    return shared_world


def refusal(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    return error_code(refused.value)


def test_an_instance_is_pending_until_its_boot_time_has_passed(world: Ec2World) -> None:
    instance_id = world.launch()
    assert world.instance(instance_id)["State"] == {"Code": 0, "Name": "pending"}
    world.reach(instance_id, "running")
    assert world.instance(instance_id)["State"] == {"Code": 16, "Name": "running"}


def test_stop_start_and_terminate_take_their_time_and_report_both_states(world: Ec2World) -> None:
    instance_id = world.running()
    ec2 = world.ec2()
    stopping = ec2.stop_instances(InstanceIds=[instance_id])["StoppingInstances"][0]
    assert (stopping["PreviousState"]["Name"], stopping["CurrentState"]["Name"]) == ("running", "stopping")
    assert world.instance(instance_id)["State"]["Name"] == "stopping"
    world.reach(instance_id, "stopped")
    stopped = world.instance(instance_id)
    assert "PublicIpAddress" not in stopped
    assert stopped["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    starting = ec2.start_instances(InstanceIds=[instance_id])["StartingInstances"][0]
    assert (starting["PreviousState"]["Name"], starting["CurrentState"]["Name"]) == ("stopped", "pending")
    world.reach(instance_id, "running")
    assert world.instance(instance_id)["LaunchTime"] > stopped["LaunchTime"]
    ending = ec2.terminate_instances(InstanceIds=[instance_id])["TerminatingInstances"][0]
    assert (ending["PreviousState"]["Name"], ending["CurrentState"]["Name"]) == ("running", "shutting-down")
    world.reach(instance_id, "terminated")
    assert world.instance(instance_id)["State"] == {"Code": 48, "Name": "terminated"}


def test_each_instance_has_a_loopback_address_of_its_own_and_says_where_cml_listens(world: Ec2World) -> None:
    first, second = (world.instance(world.launch()) for _ in range(2))
    assert first["PublicIpAddress"].startswith("127.")
    assert first["PublicIpAddress"] != second["PublicIpAddress"]
    for described in (first, second):
        tags = {tag["Key"]: tag["Value"] for tag in described["Tags"]}
        assert tags["lcm:endpoint"] == f"https://{described['PublicIpAddress']}:8443"


@pytest.mark.parametrize("call", ["start", "stop"])
def test_a_terminated_instance_cannot_be_started_or_stopped(world: Ec2World, call: str) -> None:
    instance_id = world.launch()
    ec2 = world.ec2()
    ec2.terminate_instances(InstanceIds=[instance_id])
    world.reach(instance_id, "terminated")
    assert refusal(getattr(ec2, f"{call}_instances"), InstanceIds=[instance_id]) == "IncorrectInstanceState"


def test_repeated_calls_change_nothing(world: Ec2World) -> None:
    instance_id = world.running()
    ec2 = world.ec2()
    assert ec2.start_instances(InstanceIds=[instance_id])["StartingInstances"][0]["CurrentState"]["Name"] == "running"
    ec2.stop_instances(InstanceIds=[instance_id])
    again = ec2.stop_instances(InstanceIds=[instance_id])["StoppingInstances"][0]
    assert again["PreviousState"] == again["CurrentState"] == {"Code": 64, "Name": "stopping"}
    ec2.terminate_instances(InstanceIds=[instance_id])
    world.reach(instance_id, "terminated")
    assert ec2.terminate_instances(InstanceIds=[instance_id])["TerminatingInstances"][0]["CurrentState"]["Code"] == 48


def test_an_instance_that_boots_cannot_be_stopped(world: Ec2World) -> None:
    assert refusal(world.ec2().stop_instances, InstanceIds=[world.launch()]) == "IncorrectInstanceState"


def test_a_terminated_instance_is_described_for_an_hour(world: Ec2World) -> None:
    instance_id = world.launch()
    world.ec2().terminate_instances(InstanceIds=[instance_id])
    world.reach(instance_id, "terminated")
    # Time flew until it was terminated, and on a busy machine it flies on for a while before anybody looks.
    world.pass_time(600)
    assert world.instance(instance_id)["State"]["Name"] == "terminated"
    world.pass_time(3400)
    assert refusal(world.ec2().describe_instances, InstanceIds=[instance_id]) == "InvalidInstanceID.NotFound"


def test_the_same_client_token_answers_the_same_instance(world: Ec2World) -> None:
    ec2, parameters = world.ec2(), world.launch_parameters()
    first = ec2.run_instances(**parameters)["Instances"][0]["InstanceId"]
    assert ec2.run_instances(**parameters)["Instances"][0]["InstanceId"] == first
    world.reach(first, "running")
    assert ec2.run_instances(**parameters)["Instances"][0]["State"]["Name"] == "running"
    ec2.terminate_instances(InstanceIds=[first])
    world.reach(first, "terminated")
    assert ec2.run_instances(**parameters)["Instances"][0]["State"]["Name"] == "terminated"
    found = ec2.describe_instances(Filters=[{"Name": "client-token", "Values": [parameters["ClientToken"]]}])
    assert len(found["Reservations"]) == 1
    notes = [entry["note"] for entry in world.journal("RunInstances", parameters["ClientToken"])]
    assert set(notes) == {f"token={parameters['ClientToken']} instances={first}"}


def test_a_client_token_with_other_parameters_is_refused_and_launches_nothing(world: Ec2World) -> None:
    ec2, parameters = world.ec2(), world.launch_parameters()
    ec2.run_instances(**parameters)
    parameters["InstanceType"] = "m5.metal"
    assert refusal(ec2.run_instances, **parameters) == "IdempotentParameterMismatch"
    found = ec2.describe_instances(Filters=[{"Name": "client-token", "Values": [parameters["ClientToken"]]}])
    assert [each["InstanceType"] for each in found["Reservations"][0]["Instances"]] == ["m5zn.metal"]


def test_client_tokens_of_two_regions_are_not_the_same(world: Ec2World) -> None:
    token = world.launch_parameters()["ClientToken"]
    assert world.launch("us-east-1", ClientToken=token) != world.launch("us-west-2", ClientToken=token)


@pytest.mark.parametrize("token", ["x" * 65, "größer"])
def test_a_client_token_is_at_most_64_ascii_characters(world: Ec2World, token: str) -> None:
    call = world.ec2().run_instances
    assert refusal(call, **world.launch_parameters(ClientToken=token)) == "InvalidParameterValue"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"ImageId": "ami-0123456789abcdef0"}, "InvalidAMIID.NotFound"),
        ({"ImageId": "cml-2.9.1"}, "InvalidAMIID.Malformed"),
        ({"InstanceType": "m5zn.gigantic"}, "InvalidParameterValue"),
        ({"InstanceType": "m5.large", "CpuOptions": {"NestedVirtualization": "enabled"}}, "Unsupported"),
        ({"MinCount": 2, "MaxCount": 1}, "InvalidParameterValue"),
        ({"Placement": {"AvailabilityZone": "us-east-1z"}}, "InvalidParameterValue"),
        ({"DryRun": True}, "DryRunOperation"),
    ],
)
def test_a_launch_that_cannot_be_is_refused(world: Ec2World, changes: dict[str, Any], code: str) -> None:
    parameters = world.launch_parameters(**changes)
    assert refusal(world.ec2().run_instances, **parameters) == code
    filters = [{"Name": "client-token", "Values": [parameters["ClientToken"]]}]
    assert world.ec2().describe_instances(Filters=filters)["Reservations"] == []  # type: ignore[arg-type]


def test_a_type_that_a_region_lacks_is_not_supported_there(world: Ec2World) -> None:
    parameters = world.launch_parameters("ca-central-1", InstanceType="m6i.metal")
    assert refusal(world.ec2("ca-central-1").run_instances, **parameters) == "Unsupported"


def test_one_call_launches_several_instances_of_one_reservation(world: Ec2World) -> None:
    answer = world.ec2().run_instances(**world.launch_parameters(MinCount=3, MaxCount=3))
    assert [each["AmiLaunchIndex"] for each in answer["Instances"]] == [0, 1, 2]
    assert len({each["PublicIpAddress"] for each in answer["Instances"]}) == 3
    filters = [{"Name": "reservation-id", "Values": [answer["ReservationId"]]}]
    found = world.ec2().describe_instances(Filters=filters)["Reservations"]  # type: ignore[arg-type]
    assert len(found) == 1
    assert len(found[0]["Instances"]) == 3


def test_a_protected_instance_is_not_terminated(world: Ec2World) -> None:
    instance_id, ec2 = world.launch(DisableApiTermination=True), world.ec2()
    assert refusal(ec2.terminate_instances, InstanceIds=[instance_id]) == "OperationNotPermitted"
    ec2.modify_instance_attribute(InstanceId=instance_id, DisableApiTermination={"Value": False})
    ec2.terminate_instances(InstanceIds=[instance_id])
    assert world.state(instance_id) == "shutting-down"


def test_the_type_of_a_stopped_instance_can_be_changed_that_of_a_running_one_not(world: Ec2World) -> None:
    instance_id, ec2 = world.running(), world.ec2()
    change: Any = {"InstanceId": instance_id, "InstanceType": {"Value": "m5.metal"}}
    assert refusal(ec2.modify_instance_attribute, **change) == "IncorrectInstanceState"
    ec2.stop_instances(InstanceIds=[instance_id])
    world.reach(instance_id, "stopped")
    ec2.modify_instance_attribute(**change)
    described = ec2.describe_instance_attribute(InstanceId=instance_id, Attribute="instanceType")
    assert described["InstanceType"]["Value"] == world.instance(instance_id)["InstanceType"] == "m5.metal"


def test_detailed_monitoring_is_switched_on_and_off(world: Ec2World) -> None:
    instance_id, ec2 = world.launch(Monitoring={"Enabled": True}), world.ec2()
    assert world.instance(instance_id)["Monitoring"]["State"] == "enabled"
    ec2.unmonitor_instances(InstanceIds=[instance_id])
    assert world.instance(instance_id)["Monitoring"]["State"] == "disabled"
    assert (
        ec2.monitor_instances(InstanceIds=[instance_id])["InstanceMonitorings"][0]["Monitoring"]["State"] == "pending"
    )
    assert world.instance(instance_id)["Monitoring"]["State"] == "enabled"


def test_status_checks_begin_initializing_and_then_pass(world: Ec2World) -> None:
    instance_id, ec2 = world.running(), world.ec2()
    world.ec2().start_instances(InstanceIds=[instance_id])
    world.pass_time(150)
    passed = ec2.describe_instance_status(InstanceIds=[instance_id])["InstanceStatuses"][0]
    assert (passed["SystemStatus"]["Status"], passed["InstanceStatus"]["Status"]) == ("ok", "ok")
    ec2.stop_instances(InstanceIds=[instance_id])
    assert ec2.describe_instance_status(InstanceIds=[instance_id])["InstanceStatuses"] == []
    everything = ec2.describe_instance_status(InstanceIds=[instance_id], IncludeAllInstances=True)
    assert everything["InstanceStatuses"][0]["SystemStatus"]["Status"] == "not-applicable"


def test_nested_virtualization_is_kept_where_the_type_has_it(world: Ec2World) -> None:
    instance_id = world.launch(InstanceType="m8i.4xlarge", CpuOptions={"NestedVirtualization": "enabled"})
    assert world.instance(instance_id)["CpuOptions"]["NestedVirtualization"] == "enabled"


def test_the_sdk_waiters_follow_an_instance_to_its_end(world: Ec2World) -> None:
    instance_id, ec2 = world.launch(), world.ec2()
    quick = {"Delay": 1, "MaxAttempts": 10}
    with world.fast():
        ec2.get_waiter("instance_running").wait(InstanceIds=[instance_id], WaiterConfig=quick)  # type: ignore[arg-type]
        ec2.get_waiter("instance_status_ok").wait(InstanceIds=[instance_id], WaiterConfig=quick)  # type: ignore[arg-type]
        ec2.terminate_instances(InstanceIds=[instance_id])
        ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance_id], WaiterConfig=quick)  # type: ignore[arg-type]
    assert world.state(instance_id) == "terminated"
