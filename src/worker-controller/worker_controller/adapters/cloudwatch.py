"""CloudWatch through boto3. Implements ``lcm_core.spi.cloudwatch.CloudWatch``."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from lcm_core.spi.cloudwatch import CloudWatchError, InstanceMetrics
from worker_controller.adapters.aws import AwsClients

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

QUERIES_PER_CALL = 500
"""The most queries one GetMetricData accepts (CloudWatch's limit)."""
NAMESPACE = "AWS/EC2"
_METRICS = {
    "CPUUtilization": "Average",
    "NetworkIn": "Sum",
    "NetworkOut": "Sum",
    "StatusCheckFailed": "Maximum",
}


@dataclass(slots=True)
class _Points:
    at: datetime
    values: dict[str, float] = field(default_factory=dict)


class BotoCloudWatch:
    """See ``lcm_core.spi.cloudwatch.CloudWatch``."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients

    async def latest(
        self, region: str, instance_ids: Sequence[str], *, until: datetime, window_seconds: int, period_seconds: int
    ) -> Mapping[str, InstanceMetrics]:
        """See ``CloudWatch``."""
        begin = until - timedelta(seconds=window_seconds)
        found: dict[str, _Points] = {}
        for chunk in _chunks(instance_ids, QUERIES_PER_CALL // len(_METRICS)):

            def call(client: "CloudWatchClient", ids: Sequence[str] = chunk) -> None:
                _read(client, ids, begin, until, period_seconds, found)

            try:
                await self._clients.with_cloudwatch(region, "GetMetricData", call)
            except (ClientError, BotoCoreError, ResponseParserError) as error:
                raise CloudWatchError(f"CloudWatch gave no metrics of {region}: {type(error).__name__}") from error
        return {instance_id: _metrics(points, period_seconds) for instance_id, points in found.items()}


def _chunks(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _queries(
    instance_ids: Sequence[str], period: int
) -> "tuple[list[MetricDataQueryTypeDef], dict[str, tuple[str, str]]]":
    queries: list[MetricDataQueryTypeDef] = []
    meaning: dict[str, tuple[str, str]] = {}
    for index, instance_id in enumerate(instance_ids):
        for metric, statistic in _METRICS.items():
            name = f"q{index}_{metric.lower()}"
            meaning[name] = (instance_id, metric)
            queries.append(
                {
                    "Id": name,
                    "MetricStat": {
                        "Metric": {
                            "Namespace": NAMESPACE,
                            "MetricName": metric,
                            "Dimensions": [{"Name": "InstanceId", "Value": instance_id}],
                        },
                        "Period": period,
                        "Stat": statistic,
                    },
                }
            )
    return queries, meaning


def _read(
    client: "CloudWatchClient",
    instance_ids: Sequence[str],
    begin: datetime,
    end: datetime,
    period: int,
    found: dict[str, _Points],
) -> None:
    """One batch, page by page."""
    queries, meaning = _queries(instance_ids, period)
    pages = client.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries, StartTime=begin, EndTime=end, ScanBy="TimestampDescending"
    )
    for page in pages:
        for result in page["MetricDataResults"]:
            instance_id, metric = meaning[result["Id"]]
            newest = max(zip(result["Timestamps"], result["Values"], strict=False), default=None)
            if newest is None:
                continue
            points = found.setdefault(instance_id, _Points(newest[0]))
            points.at = max(points.at, newest[0])
            points.values[metric] = newest[1]


def _metrics(points: _Points, period: int) -> InstanceMetrics:
    values = points.values
    failed = values.get("StatusCheckFailed")
    return InstanceMetrics(
        at=points.at,
        cpu_percent=values.get("CPUUtilization"),
        network_in=values["NetworkIn"] / period if "NetworkIn" in values else None,
        network_out=values["NetworkOut"] / period if "NetworkOut" in values else None,
        status_check_failed=None if failed is None else failed > 0,
    )
