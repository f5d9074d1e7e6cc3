"""What describe calls find: ids, filters, tags, pages, images, types and regions."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ec2_world import Ec2World, ec2_world, error_code


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ec2World]:
    with ec2_world(tmp_path_factory.mktemp("ec2"), LCM_SIM_BOOT_SCALE="0") as running:
        yield running


def refusal(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    return error_code(refused.value)


def found_by(world: Ec2World, region: str = "us-east-1", **filters: str) -> set[str]:
    wanted: Any = [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in filters.items()]
    return ids(world.ec2(region).describe_instances(Filters=wanted))


def ids(answer: Any) -> set[str]:
    return {each["InstanceId"] for reservation in answer["Reservations"] for each in reservation["Instances"]}


def tagged(**tags: str) -> list[dict[str, object]]:
    entries = [{"Key": key, "Value": value} for key, value in tags.items()]
    return [{"ResourceType": "instance", "Tags": entries}]


def test_filters_find_instances_by_what_they_are(world: Ec2World) -> None:
    big = world.running(InstanceType="m5.metal", TagSpecifications=tagged(team="blue", shift="night one"))
    small = world.running(InstanceType="t3.micro", TagSpecifications=tagged(team="red"))
    assert found_by(world, instance_type="m5.*") >= {big}
    assert small not in found_by(world, instance_type="m5.*")
    assert found_by(world, **{"tag:team": "red"}) == {small}
    assert found_by(world, **{"tag:shift": "night*"}) == {big}
    assert found_by(world, tag_key="shift") == {big}
    assert found_by(world, ip_address=world.instance(small)["PublicIpAddress"]) == {small}
    assert {big, small} <= found_by(world, instance_state_name="running")
    assert not {big, small} & found_by(world, instance_state_name="stopped")
    either: Any = [{"Name": "tag:team", "Values": ["red", "blue"]}, {"Name": "instance-type", "Values": ["t3.micro"]}]
    assert ids(world.ec2().describe_instances(Filters=either)) == {small}


def test_square_brackets_in_a_filter_are_meant_as_they_are(world: Ec2World) -> None:
    instance_id = world.launch(TagSpecifications=tagged(Name="lab [1]"))
    assert found_by(world, **{"tag:Name": "lab [1]"}) == {instance_id}


def test_an_unknown_filter_is_refused(world: Ec2World) -> None:
    world.launch()
    wanted: Any = [{"Name": "mood", "Values": ["good"]}]
    assert refusal(world.ec2().describe_instances, Filters=wanted) == "InvalidParameterValue"


def test_one_unknown_id_refuses_the_whole_call(world: Ec2World) -> None:
    known = world.launch()
    call = world.ec2().describe_instances
    assert refusal(call, InstanceIds=[known, "i-00000000000000000"]) == "InvalidInstanceID.NotFound"
    assert refusal(call, InstanceIds=["i-nonsense"]) == "InvalidInstanceID.Malformed"


def test_pages_hold_every_instance_once(world: Ec2World) -> None:
    created: set[str] = set()
    for _ in range(3):
        answer = world.ec2("eu-west-1").run_instances(**world.launch_parameters("eu-west-1", MinCount=4, MaxCount=4))
        created |= {each["InstanceId"] for each in answer["Instances"]}
    pages = world.ec2("eu-west-1").get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 5})
    sizes, seen = [], []
    for page in pages:
        sizes.append(len(ids(page)))
        seen += sorted(ids(page))
    assert sizes == [5, 5, 2]
    assert sorted(seen) == sorted(created)


@pytest.mark.parametrize("size", [4, 1001])
def test_a_page_has_5_to_1000_instances(world: Ec2World, size: int) -> None:
    assert refusal(world.ec2().describe_instances, MaxResults=size) == "InvalidParameterValue"
    assert world.ec2().describe_instances(MaxResults=1000)["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_ids_and_a_page_size_do_not_go_together(world: Ec2World) -> None:
    instance_id = world.launch()
    call = world.ec2().describe_instances
    assert refusal(call, InstanceIds=[instance_id], MaxResults=5) == "InvalidParameterCombination"


def test_a_thousand_ids_are_described_in_one_call(world: Ec2World) -> None:
    region = "ap-northeast-1"
    created: list[str] = []
    for _ in range(10):
        answer = world.ec2(region).run_instances(
            **world.launch_parameters(region, InstanceType="t3.micro", MinCount=100, MaxCount=100)
        )
        created += [each["InstanceId"] for each in answer["Instances"]]
    assert ids(world.ec2(region).describe_instances(InstanceIds=created)) == set(created)
    too_many = [*created, "i-00000000000000000"]
    assert refusal(world.ec2(region).describe_instances, InstanceIds=too_many) == "InvalidParameterValue"


def test_regions_know_nothing_of_each_other(world: Ec2World) -> None:
    instance_id = world.launch("us-west-2")
    assert refusal(world.ec2("us-east-2").describe_instances, InstanceIds=[instance_id]) == "InvalidInstanceID.NotFound"
    assert refusal(world.ec2("us-east-2").stop_instances, InstanceIds=[instance_id]) == "InvalidInstanceID.NotFound"
    assert instance_id not in found_by(world, "us-east-2")
    foreign = world.launch_parameters("us-east-2", ImageId=world.image(region="us-west-2"))
    assert refusal(world.ec2("us-east-2").run_instances, **foreign) == "InvalidAMIID.NotFound"


def test_tags_are_set_changed_and_removed(world: Ec2World) -> None:
    ec2, instance_id = world.ec2(), world.launch()
    ec2.create_tags(
        Resources=[instance_id], Tags=[{"Key": "Name", "Value": "one"}, {"Key": "lcm:need-id", "Value": "n1"}]
    )
    ec2.create_tags(Resources=[instance_id], Tags=[{"Key": "Name", "Value": "two"}])
    ec2.delete_tags(Resources=[instance_id], Tags=[{"Key": "lcm:need-id"}])
    tags = {tag["Key"]: tag["Value"] for tag in world.instance(instance_id)["Tags"]}
    assert (tags["Name"], "lcm:need-id" in tags) == ("two", False)
    wanted: Any = [{"Name": "resource-id", "Values": [instance_id]}, {"Name": "key", "Values": ["Name"]}]
    assert [tag["Value"] for tag in ec2.describe_tags(Filters=wanted)["Tags"]] == ["two"]


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ([{"Key": "aws:mine", "Value": ""}], "InvalidParameterValue"),
        ([{"Key": "k" * 129, "Value": ""}], "InvalidParameterValue"),
        ([{"Key": f"k{index}", "Value": ""} for index in range(51)], "TagLimitExceeded"),
    ],
)
def test_tags_that_ec2_does_not_take_are_refused(world: Ec2World, tags: Any, code: str) -> None:
    assert refusal(world.ec2().create_tags, Resources=[world.launch()], Tags=tags) == code


def test_the_newest_image_of_a_pattern_is_found_by_its_date_not_its_name(world: Ec2World) -> None:
    wanted: Any = [{"Name": "name", "Values": ["cml-2.9.1-*"]}, {"Name": "state", "Values": ["available"]}]
    images = world.ec2().describe_images(Filters=wanted)["Images"]
    assert len(images) == 3
    assert max(images, key=lambda image: image["CreationDate"])["Name"] == "cml-2.9.1-lablet-10"
    assert max(images, key=lambda image: image["Name"])["Name"] == "cml-2.9.1-lablet-9"


def test_regions_have_their_own_images(world: Ec2World) -> None:
    assert world.image(region="us-east-1") != world.image(region="us-west-2")
    assert refusal(world.ec2("us-west-2").describe_images, ImageIds=[world.image()]) == "InvalidAMIID.NotFound"
    wanted: Any = [{"Name": "name", "Values": ["cml-2.10*"]}]
    assert world.ec2("ap-southeast-1").describe_images(Filters=wanted)["Images"] == []


def test_an_image_that_is_still_made_cannot_be_launched(world: Ec2World) -> None:
    parameters = world.launch_parameters("eu-central-1", ImageId=world.image("cml-2.10.1-lablet-1", "eu-central-1"))
    assert refusal(world.ec2("eu-central-1").run_instances, **parameters) == "InvalidAMIID.Unavailable"


def test_machine_types_say_whether_they_are_metal_and_how_big(world: Ec2World) -> None:
    found = world.ec2().describe_instance_types(InstanceTypes=["m5zn.metal"])["InstanceTypes"][0]
    assert (found["BareMetal"], found["VCpuInfo"]["DefaultVCpus"], found["MemoryInfo"]["SizeInMiB"]) == (
        True,
        48,
        196608,
    )
    assert refusal(world.ec2().describe_instance_types, InstanceTypes=["none.such"]) == "InvalidInstanceType"


def test_regions_and_zones_are_listed(world: Ec2World) -> None:
    regions = {region["RegionName"] for region in world.ec2().describe_regions()["Regions"]}
    assert {"us-east-1", "eu-west-1"} <= regions
    zones = [zone["ZoneName"] for zone in world.ec2("eu-west-1").describe_availability_zones()["AvailabilityZones"]]
    assert zones == ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
