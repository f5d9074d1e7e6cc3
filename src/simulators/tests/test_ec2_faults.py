"""The EC2 world misbehaving: every fault with launch, stop and terminate, and what else goes wrong in a cloud."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from ec2_world import Ec2World, ec2_world, error_code, wait_until

REGION = "us-east-1"
BROKEN = "broken connection"
UNREADABLE = "unreadable answer"
FINE = ""


@pytest.fixture(scope="module")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ec2World]:
    with ec2_world(tmp_path_factory.mktemp("ec2")) as world:
        yield world


@pytest.fixture
def world(shared_world: Ec2World) -> Iterator[Ec2World]:
    shared_world.behave()
    yield shared_world
    shared_world.behave()


def outcome(call: Callable[..., Any], **parameters: Any) -> str:
    """What the caller sees: an AWS code, a broken connection, an unreadable answer, or nothing special."""
    try:
        call(**parameters)
    except ClientError as error:
        return error_code(error)
    except ResponseParserError:
        return UNREADABLE
    except BotoCoreError:
        return BROKEN
    return FINE


@dataclass(frozen=True)
class Expectation:
    """A fault, what the caller sees of it, and whether the call did its work."""

    fault: dict[str, Any]
    seen: str
    done: bool


FAULTS = {
    "latency": Expectation({"kind": "latency", "seconds": 0.2}, FINE, True),
    "error": Expectation({"kind": "status"}, "InternalError", False),
    "unavailable": Expectation({"kind": "status", "status": 503}, "Unavailable", False),
    "expired token": Expectation(
        {"kind": "status", "status": 401, "body": {"code": "ExpiredToken", "message": "expired"}}, "ExpiredToken", False
    ),
    "throttle": Expectation({"kind": "throttle"}, "RequestLimitExceeded", False),
    "hang": Expectation({"kind": "hang", "seconds": 0.2}, BROKEN, False),
    "time-out after success": Expectation({"kind": "drop_after_success"}, BROKEN, True),
    "wrong answer": Expectation({"kind": "wrong_answer", "body": "<html>proxy"}, UNREADABLE, True),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_launch_leaves_one_instance_after_the_retry(world: Ec2World, name: str) -> None:
    expected, parameters = FAULTS[name], world.launch_parameters()
    token = parameters["ClientToken"]
    world.faults({"match": {"operation": "RunInstances", "key": token}, "count": 1, **expected.fault})
    assert outcome(world.ec2().run_instances, **parameters) == expected.seen
    assert len(launched(world, token)) == int(expected.done)
    again = world.ec2().run_instances(**parameters)["Instances"][0]["InstanceId"]
    assert launched(world, token) == [again]
    assert expected.fault["kind"] in world.journal("RunInstances", token)[0]["note"]


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize(
    ("operation", "state"), [("StopInstances", "stopping"), ("TerminateInstances", "shutting-down")]
)
def test_a_fault_of_stop_and_terminate_is_healed_by_the_retry(
    world: Ec2World, operation: str, state: str, name: str
) -> None:
    expected, instance_id = FAULTS[name], world.running()
    call = getattr(world.ec2(), "stop_instances" if operation == "StopInstances" else "terminate_instances")
    world.faults({"match": {"operation": operation, "key": instance_id}, "count": 1, **expected.fault})
    assert outcome(call, InstanceIds=[instance_id]) == expected.seen
    assert world.state(instance_id) == (state if expected.done else "running")
    assert outcome(call, InstanceIds=[instance_id]) == FINE
    assert world.state(instance_id) == state


def launched(world: Ec2World, token: str) -> list[str]:
    return [each["instance_id"] for each in world.admin("GET", "/instances") if each["client_token"] == token]


def test_a_shortage_refuses_launches_and_starts_of_its_type_and_region_only(world: Ec2World) -> None:
    stopped = world.running(InstanceType="m5.metal")
    world.ec2().stop_instances(InstanceIds=[stopped])
    world.reach(stopped, "stopped")
    world.conditions(shortages=[{"instance_type": "m5.metal", "region": REGION}])
    short = "InsufficientInstanceCapacity"
    assert outcome(world.ec2().run_instances, **world.launch_parameters(InstanceType="m5.metal")) == short
    assert outcome(world.ec2().start_instances, InstanceIds=[stopped]) == short
    assert world.state(stopped) == "stopped"
    assert outcome(world.ec2().run_instances, **world.launch_parameters(InstanceType="m5zn.metal")) == FINE
    elsewhere = world.launch_parameters("us-west-2", InstanceType="m5.metal")
    assert outcome(world.ec2("us-west-2").run_instances, **elsewhere) == FINE


def test_a_launch_of_several_takes_what_there_is_down_to_its_minimum(world: Ec2World) -> None:
    world.conditions(vcpu_limit=10_000)
    used = sum(48 for each in world.admin("GET", "/instances") if each["region"] == "eu-west-1")
    world.conditions(vcpu_limit=used + 100)
    ec2 = world.ec2("eu-west-1")
    answer = ec2.run_instances(**world.launch_parameters("eu-west-1", MinCount=1, MaxCount=3))
    assert len(answer["Instances"]) == 2
    assert outcome(ec2.run_instances, **world.launch_parameters("eu-west-1")) == "VcpuLimitExceeded"


def test_a_failed_launch_ends_terminated_with_its_reason(world: Ec2World) -> None:
    world.conditions(launch_failures=[{"count": 1, "code": "Client.VolumeLimitExceeded", "message": "no volumes left"}])
    doomed, fine = world.launch(), world.launch()
    assert world.instance(doomed)["State"]["Name"] == "pending"
    world.reach(doomed, "terminated")
    world.reach(fine, "running")
    assert world.instance(doomed)["StateReason"] == {"Code": "Client.VolumeLimitExceeded", "Message": "no volumes left"}


def test_a_new_instance_is_unknown_to_describe_calls_for_a_while(world: Ec2World) -> None:
    world.conditions(consistency_seconds=0.6)
    parameters = world.launch_parameters()
    instance_id = world.ec2().run_instances(**parameters)["Instances"][0]["InstanceId"]
    by_token: Any = [{"Name": "client-token", "Values": [parameters["ClientToken"]]}]
    assert outcome(world.ec2().describe_instances, InstanceIds=[instance_id]) == "InvalidInstanceID.NotFound"
    assert world.ec2().describe_instances(Filters=by_token)["Reservations"] == []
    assert world.ec2().run_instances(**parameters)["Instances"][0]["InstanceId"] == instance_id
    wait_until(lambda: bool(world.ec2().describe_instances(Filters=by_token)["Reservations"]), "the new instance")


def test_a_dying_host_ends_its_instance(world: Ec2World) -> None:
    instance_id = world.running()
    wait_until(lambda: world.cml.powered(instance_id), "CML to be on")
    world.admin("POST", f"/instances/{instance_id}/fail")
    described = world.instance(instance_id)
    assert (described["State"]["Name"], described["StateReason"]["Code"]) == ("terminated", "Server.InternalError")
    wait_until(lambda: world.cml.told_about(instance_id)[-1] == "DELETE", "CML to be destroyed")


def test_a_dying_host_may_leave_its_instance_stopped(world: Ec2World) -> None:
    instance_id = world.running()
    world.admin("POST", f"/instances/{instance_id}/fail", {"stops": True})
    assert world.instance(instance_id)["State"]["Name"] == "stopped"
    assert outcome(world.ec2().start_instances, InstanceIds=[instance_id]) == FINE


def test_an_impaired_system_fails_its_checks_and_takes_cml_away_until_it_heals(world: Ec2World) -> None:
    instance_id = world.running()
    world.pass_time(130)
    wait_until(lambda: world.cml.powered(instance_id), "CML to be on")
    world.admin("PUT", f"/instances/{instance_id}/impairment", {"impairment": "system"})
    status = world.ec2().describe_instance_status(InstanceIds=[instance_id])["InstanceStatuses"][0]
    assert (status["SystemStatus"]["Status"], status["InstanceStatus"]["Status"]) == ("impaired", "impaired")
    assert world.instance(instance_id)["State"]["Name"] == "running"
    wait_until(lambda: not world.cml.powered(instance_id), "CML to be away")
    world.admin("PUT", f"/instances/{instance_id}/impairment", {"impairment": None})
    wait_until(lambda: world.cml.powered(instance_id), "CML to be back")
    impaired: Any = [{"Name": "system-status.status", "Values": ["impaired"]}]
    assert world.ec2().describe_instance_status(Filters=impaired)["InstanceStatuses"] == []


def test_an_impaired_instance_fails_only_its_own_check_and_keeps_cml(world: Ec2World) -> None:
    instance_id = world.running()
    world.pass_time(130)
    world.admin("PUT", f"/instances/{instance_id}/impairment", {"impairment": "instance"})
    status = world.ec2().describe_instance_status(InstanceIds=[instance_id])["InstanceStatuses"][0]
    assert (status["SystemStatus"]["Status"], status["InstanceStatus"]["Status"]) == ("ok", "impaired")
    assert "POST off" not in world.cml.told_about(instance_id)


def test_each_region_and_kind_of_call_has_its_own_bucket_of_requests(world: Ec2World) -> None:
    empty, full = {"burst": 2, "rate": 0}, {"burst": 100, "rate": 0}
    world.conditions(throttle={"enabled": True, "read": empty, "run": full, "change": full})
    ec2 = world.ec2("us-east-2")
    seen = [outcome(ec2.describe_instances) for _ in range(3)]
    assert seen == [FINE, FINE, "RequestLimitExceeded"]
    assert outcome(world.ec2("us-west-2").describe_instances) == FINE
    assert outcome(ec2.stop_instances, InstanceIds=["i-00000000000000000"]) == "InvalidInstanceID.NotFound"


def test_a_bucket_fills_up_again(world: Ec2World) -> None:
    slow = {"burst": 1, "rate": 5}
    world.conditions(throttle={"enabled": True, "read": slow})
    ec2 = world.ec2("us-east-2")
    assert [outcome(ec2.describe_instances) for _ in range(2)] == [FINE, "RequestLimitExceeded"]
    wait_until(lambda: outcome(ec2.describe_instances) == FINE, "a new token")


def test_launches_are_limited_to_a_burst_of_1000_and_reads_to_100(world: Ec2World) -> None:
    world.conditions(throttle={"enabled": True})
    limits = world.admin("GET", "/world")["throttle"]
    assert (limits["run"], limits["read"]) == ({"burst": 1000, "rate": 2}, {"burst": 100, "rate": 20})
    seen = [outcome(world.ec2("ca-central-1").describe_instances) for _ in range(160)]
    assert seen[:100] == [FINE] * 100
    assert "RequestLimitExceeded" in seen


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/world", {"mood": 1}),
        ("/world", {"consistency_seconds": -1}),
        ("/instances/i-1/impairment", {"impairment": "x"}),
    ],
)
def test_the_admin_api_refuses_what_it_does_not_understand(world: Ec2World, path: str, body: object) -> None:
    with pytest.raises(Exception, match=r"422|404"):
        world.admin("PUT", path, body)


def test_other_services_throttle_in_their_own_words(world: Ec2World) -> None:
    world.faults(
        {"match": {"operation": "ListMetrics"}, "kind": "throttle"},
        {"match": {"operation": "ListBuckets"}, "kind": "throttle"},
    )
    assert outcome(world.cloudwatch().list_metrics, Namespace="AWS/EC2") == "Throttling"
    assert outcome(world.s3().list_buckets) == "SlowDown"
