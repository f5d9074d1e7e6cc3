"""CloudWatch over the wire: metrics that follow the load of the simulated CML."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError
from ec2_world import Ec2World, ec2_world, error_code, wait_until

from lcm_simulators.embedded.moto import MotoServer


@pytest.fixture(scope="module")
def shared_world(tmp_path_factory: pytest.TempPathFactory, moto_server: MotoServer) -> Iterator[Ec2World]:
    folder = tmp_path_factory.mktemp("ec2")
    with ec2_world(folder, LCM_SIM_BOOT_SCALE="0", LCM_MOTO_URL=moto_server.endpoint) as world:
        yield world


@pytest.fixture
def world(shared_world: Ec2World) -> Ec2World:
    shared_world.behave()
    return shared_world


def query(instance_id: str, metric: str, name: str = "q0", stat: str = "Average", period: int = 300) -> dict[str, Any]:
    dimensions = [{"Name": "InstanceId", "Value": instance_id}]
    wanted = {"Namespace": "AWS/EC2", "MetricName": metric, "Dimensions": dimensions}
    return {"Id": name, "MetricStat": {"Metric": wanted, "Period": period, "Stat": stat}}


def read(world: Ec2World, *queries: dict[str, Any], hours: float = 24, region: str = "us-east-1", **more: Any) -> Any:
    """The results of the last hours, up to now."""
    end = datetime.fromtimestamp(world.now(), UTC)
    return world.cloudwatch(region).get_metric_data(
        MetricDataQueries=queries,
        StartTime=end - timedelta(hours=hours),
        EndTime=end,
        **more,  # type: ignore[arg-type]
    )


def values(world: Ec2World, instance_id: str, metric: str, **changes: Any) -> list[float]:
    return list(read(world, query(instance_id, metric, **changes))["MetricDataResults"][0]["Values"])


def loaded(world: Ec2World, instance_id: str, **load: float) -> None:
    """Set what the CML simulator says an instance does; the next read takes a new sample."""
    wait_until(lambda: world.cml.powered(instance_id), "CML to be on")
    world.cml.loads[instance_id] = load


def test_metrics_show_the_load_of_cml(world: Ec2World) -> None:
    busy, idle = world.running(), world.running()
    loaded(world, busy, cpu_percent=70.0, network_in=600_000, network_out=300_000, running_nodes=20)
    loaded(world, idle, cpu_percent=2.0, network_in=6_000, network_out=3_000, running_nodes=0)
    world.pass_time(1200)
    assert values(world, busy, "CPUUtilization")[0] == pytest.approx(70.0, rel=0.04)
    assert values(world, idle, "CPUUtilization")[0] == pytest.approx(2.0, rel=0.04)
    assert values(world, busy, "NetworkIn", stat="Sum")[0] == pytest.approx(5 * 600_000, rel=0.04)
    assert values(world, busy, "NetworkOut", stat="Sum")[0] == pytest.approx(5 * 300_000, rel=0.04)
    assert values(world, busy, "DiskWriteBytes")[0] > values(world, idle, "DiskWriteBytes")[0] > 0


def test_points_come_every_five_minutes_or_every_minute_with_detailed_monitoring(world: Ec2World) -> None:
    basic, detailed = world.running(), world.running(Monitoring={"Enabled": True})
    world.pass_time(1500)
    for instance_id, step in ((basic, 300), (detailed, 60)):
        result = read(world, query(instance_id, "CPUUtilization", period=60))["MetricDataResults"][0]
        gaps = {
            int((a - b).total_seconds()) for a, b in zip(result["Timestamps"], result["Timestamps"][1:], strict=False)
        }
        assert gaps == {step}, instance_id
        assert all(instant.timestamp() % step == 0 for instant in result["Timestamps"])
    assert len(values(world, detailed, "CPUUtilization", period=300)) < len(
        values(world, detailed, "CPUUtilization", period=60)
    )


def test_an_instance_that_does_not_run_has_no_points(world: Ec2World) -> None:
    instance_id = world.running()
    world.pass_time(900)
    world.ec2().stop_instances(InstanceIds=[instance_id])
    world.reach(instance_id, "stopped")
    stopped_at = world.now()
    world.pass_time(1200)
    result = read(world, query(instance_id, "CPUUtilization"))["MetricDataResults"][0]
    assert result["Timestamps"]
    assert all(instant.timestamp() <= stopped_at for instant in result["Timestamps"])


def test_failed_status_checks_show(world: Ec2World) -> None:
    instance_id = world.running()
    world.pass_time(400)
    assert set(values(world, instance_id, "StatusCheckFailed", stat="Maximum", period=60)) == {0.0}
    world.admin("PUT", f"/instances/{instance_id}/impairment", {"impairment": "instance"})
    world.pass_time(70)
    checks = {
        metric: values(world, instance_id, metric, stat="Maximum", period=60)[0]
        for metric in ("StatusCheckFailed", "StatusCheckFailed_Instance", "StatusCheckFailed_System")
    }
    assert checks == {"StatusCheckFailed": 1.0, "StatusCheckFailed_Instance": 1.0, "StatusCheckFailed_System": 0.0}


def test_the_newest_value_comes_first_unless_asked_otherwise(world: Ec2World) -> None:
    instance_id = world.running()
    world.pass_time(1800)
    wanted = query(instance_id, "CPUUtilization")
    newest_first = read(world, wanted)["MetricDataResults"][0]["Timestamps"]
    oldest_first = read(world, wanted, ScanBy="TimestampAscending")["MetricDataResults"][0]["Timestamps"]
    assert len(newest_first) > 2
    assert newest_first == sorted(newest_first, reverse=True)
    assert oldest_first == sorted(newest_first)


def test_pages_of_points_add_up_to_the_whole(world: Ec2World) -> None:
    instance_id = world.running(Monitoring={"Enabled": True})
    world.pass_time(900)
    queries = [
        query(instance_id, metric, f"q{index}", period=60)
        for index, metric in enumerate(("CPUUtilization", "NetworkIn"))
    ]
    end = datetime.fromtimestamp(world.now(), UTC)
    window: Any = {"MetricDataQueries": queries, "StartTime": end - timedelta(hours=1), "EndTime": end}
    whole = {each["Id"]: each["Values"] for each in world.cloudwatch().get_metric_data(**window)["MetricDataResults"]}
    assert len(whole["q0"]) > 5
    paged: dict[str, list[float]] = {}
    pages = world.cloudwatch().get_paginator("get_metric_data").paginate(MaxDatapoints=5, **window)
    for page in pages:
        assert sum(len(result["Values"]) for result in page["MetricDataResults"]) <= 5
        for result in page["MetricDataResults"]:
            paged.setdefault(result["Id"], []).extend(result["Values"])
    assert paged == whole


def test_500_queries_are_answered_in_one_call_and_501_refused(world: Ec2World) -> None:
    instance_id = world.running()
    world.pass_time(700)
    queries = [query(instance_id, "CPUUtilization", f"q{index}") for index in range(501)]
    results = read(world, *queries[:500])["MetricDataResults"]
    assert len(results) == 500
    assert all(result["Values"] for result in results)
    assert refusal(world, *queries) == "ValidationError"


def refusal(world: Ec2World, *queries: dict[str, Any], **more: Any) -> str:
    with pytest.raises(ClientError) as refused:
        read(world, *queries, **more)
    return error_code(refused.value)


def test_queries_that_cannot_be_answered_are_refused(world: Ec2World) -> None:
    good = query("i-00000000000000000", "CPUUtilization")
    assert refusal(world, good, good) == "ValidationError"
    assert refusal(world, {**good, "Id": "Q"}) == "ValidationError"
    assert refusal(world, query("i-00000000000000000", "CPUUtilization", period=90)) == "ValidationError"
    assert refusal(world, good, hours=-1) == "ValidationError"


def test_unknown_and_foreign_instances_give_no_values(world: Ec2World) -> None:
    instance_id = world.running("us-west-2")
    world.pass_time(700)
    assert values(world, instance_id, "CPUUtilization") == []
    assert values(world, "i-00000000000000000", "CPUUtilization") == []
    assert read(world, query(instance_id, "CPUUtilization"), region="us-west-2")["MetricDataResults"][0]["Values"]


def test_statistics_and_the_list_of_metrics_tell_the_same(world: Ec2World) -> None:
    instance_id = world.running()
    loaded(world, instance_id, cpu_percent=40.0)
    world.pass_time(700)
    dimensions: Any = [{"Name": "InstanceId", "Value": instance_id}]
    end = datetime.fromtimestamp(world.now(), UTC)
    points = world.cloudwatch().get_metric_statistics(
        Namespace="AWS/EC2", MetricName="CPUUtilization", Dimensions=dimensions,
        StartTime=end - timedelta(hours=1), EndTime=end, Period=300, Statistics=["Average", "Maximum"],
    )["Datapoints"]  # fmt: skip
    assert points[-1]["Average"] == pytest.approx(40.0, rel=0.04)
    assert points[-1]["Maximum"] >= points[-1]["Average"]
    listed = world.cloudwatch().list_metrics(Namespace="AWS/EC2", Dimensions=dimensions)["Metrics"]
    assert {"CPUUtilization", "NetworkIn", "StatusCheckFailed"} <= {metric["MetricName"] for metric in listed}


def test_an_older_sdk_gets_its_metrics_in_the_query_protocol(world: Ec2World) -> None:
    instance_id = world.running()
    world.pass_time(700)
    now = world.now()
    form = {
        "Action": "GetMetricData", "Version": "2010-08-01",
        "StartTime": datetime.fromtimestamp(now - 3600, UTC).isoformat(),
        "EndTime": datetime.fromtimestamp(now, UTC).isoformat(),
        "MetricDataQueries.member.1.Id": "q0",
        "MetricDataQueries.member.1.MetricStat.Metric.Namespace": "AWS/EC2",
        "MetricDataQueries.member.1.MetricStat.Metric.MetricName": "CPUUtilization",
        "MetricDataQueries.member.1.MetricStat.Metric.Dimensions.member.1.Name": "InstanceId",
        "MetricDataQueries.member.1.MetricStat.Metric.Dimensions.member.1.Value": instance_id,
        "MetricDataQueries.member.1.MetricStat.Period": "300",
        "MetricDataQueries.member.1.MetricStat.Stat": "Average",
    }  # fmt: skip
    answer = httpx.post(world.url, data=form)
    assert answer.status_code == 200
    assert "<Id>q0</Id>" in answer.text
    assert "<Values><member>" in answer.text


def test_metrics_of_other_namespaces_are_kept_by_moto(world: Ec2World) -> None:
    cloudwatch = world.cloudwatch()
    instant = datetime.now(UTC).replace(second=0, microsecond=0)
    cloudwatch.put_metric_data(
        Namespace="Lablets", MetricData=[{"MetricName": "Sessions", "Value": 7.0, "Timestamp": instant}]
    )
    listed = cloudwatch.list_metrics(Namespace="Lablets")["Metrics"]
    assert [metric["MetricName"] for metric in listed] == ["Sessions"]
    wanted: Any = {"Metric": {"Namespace": "Lablets", "MetricName": "Sessions"}, "Period": 60, "Stat": "Sum"}
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=[{"Id": "mine", "MetricStat": wanted}],
        StartTime=instant - timedelta(minutes=5),
        EndTime=instant + timedelta(minutes=5),
    )
    assert answer["MetricDataResults"][0]["Values"] == [7.0]


def test_what_the_world_does_not_have_is_answered_by_moto(world: Ec2World, moto_server: MotoServer) -> None:
    ec2 = world.ec2()
    name = f"key-{datetime.now(UTC).timestamp()}"
    ec2.create_key_pair(KeyName=name)
    assert [pair["KeyName"] for pair in ec2.describe_key_pairs(KeyNames=[name])["KeyPairs"]] == [name]
    group = ec2.create_security_group(GroupName=name, Description="for a test")["GroupId"]
    ec2.create_tags(Resources=[group], Tags=[{"Key": "Name", "Value": "doors"}])
    assert ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["Tags"] == [
        {"Key": "Name", "Value": "doors"}
    ]
    assert world.ec2("us-west-2").describe_key_pairs()["KeyPairs"] == []
