"""EC2 through boto3. Implements ``lcm_core.spi.ec2.Ec2``."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from lcm_core.spi.ec2 import (
    WORKER_TAG,
    CapacityShortage,
    Ec2Error,
    Ec2Refused,
    Ec2Throttled,
    Ec2Unavailable,
    Image,
    Instance,
    InstanceGone,
    InstanceState,
    LaunchRequest,
    LaunchTokenReused,
    WrongInstanceState,
)
from worker_controller.adapters.aws import AwsClients

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.literals import InstanceTypeType
    from mypy_boto3_ec2.type_defs import FilterTypeDef, InstanceTypeDef, RunInstancesRequestTypeDef, TagTypeDef

ResultT = TypeVar("ResultT")
PAGE = 1000
"""The most instances one describe answers with (EC2's limit)."""

_CAPACITY = (
    "InsufficientInstanceCapacity",
    "InsufficientHostCapacity",
    "InsufficientReservedInstanceCapacity",
    "VcpuLimitExceeded",
    "InstanceLimitExceeded",
    "MaxSpotInstanceCountExceeded",
    "Unsupported",
)
_THROTTLING = ("RequestLimitExceeded", "Throttling", "ThrottlingException", "RequestThrottled", "TooManyRequests")
_SERVER = ("InternalError", "InternalFailure", "Unavailable", "ServiceUnavailable", "RequestTimeout")


def error_of(error: ClientError | BotoCoreError | ResponseParserError, call: str) -> Ec2Error:
    """The failure in the platform's words, by EC2's error code."""
    if not isinstance(error, ClientError):
        return Ec2Unavailable(f"EC2 gave no answer to {call}: {type(error).__name__}")
    code = str(error.response.get("Error", {}).get("Code", ""))
    text = f"EC2 refused {call}: {code}: {error.response.get('Error', {}).get('Message', '')}"[:500]
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    kind: type[Ec2Error] = Ec2Refused
    if code in _THROTTLING or status == 429:
        kind = Ec2Throttled
    elif code in _CAPACITY:
        kind = CapacityShortage
    elif code in ("InvalidInstanceID.NotFound", "InvalidInstanceID"):
        kind = InstanceGone
    elif code == "IncorrectInstanceState":
        kind = WrongInstanceState
    elif code == "IdempotentParameterMismatch":
        kind = LaunchTokenReused
    elif code in _SERVER or status >= 500 or not code.strip():
        kind = Ec2Unavailable
    return kind(text, code)


class BotoEc2:
    """See ``lcm_core.spi.ec2.Ec2``."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients

    async def describe_ours(self, region: str) -> Sequence[Instance]:
        """See ``Ec2``."""
        return await self._describe(region, [{"Name": "tag-key", "Values": [WORKER_TAG]}])

    async def describe_all(self, region: str) -> Sequence[Instance]:
        """See ``Ec2``."""
        return await self._describe(region, [])

    async def describe_one(self, region: str, instance_id: str) -> Instance:
        """See ``Ec2``."""

        def call(client: "EC2Client") -> Instance:
            answer = client.describe_instances(InstanceIds=[instance_id])
            found = [each for reservation in answer["Reservations"] for each in reservation.get("Instances", [])]
            if not found:
                raise InstanceGone(f"EC2 does not know {instance_id} in {region}")
            return instance_of(found[0], region)

        return await self._call(region, "DescribeInstances", call)

    async def newest_image(self, region: str, pattern: str) -> Image | None:
        """See ``Ec2``; an image that is still being made cannot be launched and does not count."""

        def call(client: "EC2Client") -> Image | None:
            filters: list[FilterTypeDef] = [
                {"Name": "name", "Values": [pattern]},
                {"Name": "state", "Values": ["available"]},
            ]
            images = [
                Image(each["ImageId"], each.get("Name", ""), each.get("CreationDate", ""))
                for each in client.describe_images(Filters=filters)["Images"]
            ]
            return max(images, key=lambda image: (image.created_at, image.name), default=None)

        return await self._call(region, "DescribeImages", call)

    async def image_ids(self, region: str, patterns: Sequence[str]) -> Mapping[str, str]:
        """See ``Ec2``."""

        def call(client: "EC2Client") -> Mapping[str, str]:
            filters: list[FilterTypeDef] = [{"Name": "name", "Values": list(patterns)}]
            answer = client.describe_images(Filters=filters)
            return {each["ImageId"]: each.get("Name", "") for each in answer["Images"]}

        return await self._call(region, "DescribeImages", call) if patterns else {}

    async def launch(self, request: LaunchRequest) -> Instance:
        """See ``Ec2``."""

        def call(client: "EC2Client") -> Instance:
            parameters: RunInstancesRequestTypeDef = {
                "ImageId": request.image_id,
                "InstanceType": cast("InstanceTypeType", request.instance_type),
                "MinCount": 1,
                "MaxCount": 1,
                "ClientToken": request.client_token,
                "Monitoring": {"Enabled": request.detailed_monitoring},
                "TagSpecifications": [{"ResourceType": "instance", "Tags": tag_list(request.tags)}],
            }
            if request.nested_virtualization:
                parameters["CpuOptions"] = {"NestedVirtualization": "enabled"}
            answer = client.run_instances(**parameters)
            return instance_of(answer["Instances"][0], request.region)

        return await self._call(request.region, "RunInstances", call)

    async def start(self, region: str, instance_id: str) -> None:
        """See ``Ec2``."""
        await self._call(region, "StartInstances", lambda client: client.start_instances(InstanceIds=[instance_id]))

    async def stop(self, region: str, instance_id: str) -> None:
        """See ``Ec2``."""
        await self._call(region, "StopInstances", lambda client: client.stop_instances(InstanceIds=[instance_id]))

    async def terminate(self, region: str, instance_id: str) -> None:
        """See ``Ec2``."""
        await self._call(
            region, "TerminateInstances", lambda client: client.terminate_instances(InstanceIds=[instance_id])
        )

    async def tag(self, region: str, instance_id: str, tags: Mapping[str, str], remove: Sequence[str] = ()) -> None:
        """See ``Ec2``."""

        def call(client: "EC2Client") -> None:
            if tags:
                client.create_tags(Resources=[instance_id], Tags=tag_list(tags))
            if remove:
                client.delete_tags(Resources=[instance_id], Tags=[{"Key": name} for name in remove])

        await self._call(region, "CreateTags", call)

    async def set_detailed_monitoring(self, region: str, instance_id: str, enabled: bool) -> None:
        """See ``Ec2``."""

        def call(client: "EC2Client") -> None:
            if enabled:
                client.monitor_instances(InstanceIds=[instance_id])
            else:
                client.unmonitor_instances(InstanceIds=[instance_id])

        await self._call(region, "MonitorInstances", call)

    async def _describe(self, region: str, filters: "Sequence[FilterTypeDef]") -> Sequence[Instance]:
        def call(client: "EC2Client") -> Sequence[Instance]:
            pages = client.get_paginator("describe_instances").paginate(
                Filters=list(filters), PaginationConfig={"PageSize": PAGE}
            )
            return [
                instance_of(each, region)
                for page in pages
                for reservation in page["Reservations"]
                for each in reservation.get("Instances", [])
            ]

        return await self._call(region, "DescribeInstances", call)

    async def _call(self, region: str, name: str, call: "Callable[[EC2Client], ResultT]") -> ResultT:
        try:
            return await self._clients.with_ec2(region, name, call)
        except (ClientError, BotoCoreError, ResponseParserError) as error:
            raise error_of(error, name) from error


def tag_list(tags: Mapping[str, str]) -> "list[TagTypeDef]":
    """Tags in EC2's form."""
    return [{"Key": name, "Value": value} for name, value in tags.items()]


def instance_of(described: "InstanceTypeDef", region: str) -> Instance:
    """An instance in the platform's words."""
    return Instance(
        instance_id=described["InstanceId"],
        region=region,
        state=InstanceState(described["State"]["Name"]),
        instance_type=str(described.get("InstanceType", "")),
        image_id=described.get("ImageId", ""),
        private_ip=described.get("PrivateIpAddress", ""),
        public_ip=described.get("PublicIpAddress", ""),
        launched_at=described.get("LaunchTime"),
        state_reason=described.get("StateReason", {}).get("Message", ""),
        detailed_monitoring=described.get("Monitoring", {}).get("State", "") in ("enabled", "pending"),
        tags={tag["Key"]: tag["Value"] for tag in described.get("Tags", [])},
    )
