"""GetMetricData, GetMetricStatistics and ListMetrics for AWS/EC2."""

import re
from datetime import datetime
from typing import TypeVar

from pydantic import ValidationError

from lcm_simulators.ec2.call import Call
from lcm_simulators.ec2.cloudwatch.load import LoadHistory
from lcm_simulators.ec2.cloudwatch.requests import (
    NAMESPACE,
    DataRequest,
    ListRequest,
    MetricName,
    MetricQuery,
    StatisticsRequest,
)
from lcm_simulators.ec2.cloudwatch.series import METRICS, STATISTICS, Point, aggregated, points
from lcm_simulators.ec2.errors import AwsError
from lcm_simulators.ec2.instances.fleet import Fleet
from lcm_simulators.ec2.wire.query import Tree

MAX_QUERIES = 500
LIST_PAGE = 500
MAX_STATISTICS_POINTS = 1440
_QUERY_ID = re.compile(r"^[a-z][a-zA-Z0-9_]*$")
R = TypeVar("R", DataRequest, StatisticsRequest, ListRequest)


class CloudWatch:
    """Metrics of the fleet."""

    def __init__(self, fleet: Fleet, history: LoadHistory) -> None:
        self._fleet = fleet
        self._history = history

    async def answer(self, call: Call) -> Tree | None:
        """Carry out a call; None when it is moto's."""
        if call.action == "GetMetricData":
            request = _read(DataRequest, call.parameters)
            if any(_is_ours(query) for query in request.queries):
                await self._history.refresh()
                return self._metric_data(request, call.region)
        elif call.action == "GetMetricStatistics":
            wanted = _read(StatisticsRequest, call.parameters)
            if wanted.namespace == NAMESPACE:
                await self._history.refresh()
                return self._metric_statistics(wanted, call.region)
        elif call.action == "ListMetrics":
            listing = _read(ListRequest, call.parameters)
            if listing.namespace == NAMESPACE:
                return self._metric_list(listing, call.region)
        return None

    def _metric_data(self, request: DataRequest, region: str) -> Tree:
        _check_data_request(request)
        skip = _offset(request.next_token)
        left, results, position, cut = request.max_points, [], 0, False
        for query in request.queries:
            if not query.returns or query.stat is None:
                continue
            series = self._series(query.stat.metric, query.stat.period, query.stat.stat, request, region)
            if request.order != "TimestampAscending":
                series.reverse()
            first = max(0, skip - position)
            position += len(series)
            shown = series[first : first + left]
            left -= len(shown)
            partial = first + len(shown) < len(series)
            cut = cut or partial
            if shown or first == 0:
                results.append(_result(query, shown, partial, self._fleet))
        token = str(skip + request.max_points) if cut else None
        return {"MetricDataResults": results, "Messages": [], "NextToken": token}

    def _metric_statistics(self, request: StatisticsRequest, region: str) -> Tree:
        _check_window(request.start, request.end, request.period)
        name = MetricName(namespace=request.namespace, name=request.name, dimensions=request.dimensions)
        span = (request.end - request.start).total_seconds()
        if span / request.period > MAX_STATISTICS_POINTS:
            raise AwsError(
                "InvalidParameterCombination", f"More than {MAX_STATISTICS_POINTS} datapoints are requested."
            )
        rows: dict[float, Tree] = {}
        unit = METRICS[request.name].unit if request.name in METRICS else "None"
        for statistic in request.statistics:
            for point in self._series(name, request.period, statistic, request, region):
                row = rows.setdefault(point.start, {"Timestamp": self._fleet.clock.instant(point.start), "Unit": unit})
                row[statistic] = point.value
        return {"Label": request.name, "Datapoints": list(rows.values())}

    def _series(
        self, metric: MetricName, period: int, statistic: str, window: DataRequest | StatisticsRequest, region: str
    ) -> list[Point]:
        if statistic not in STATISTICS:
            raise _invalid(f"The value {statistic} for parameter Stat is not supported.")
        instance = self._fleet.store.get(metric.instance_id)
        unknown = instance is None or instance.region != region or metric.name not in METRICS
        if instance is None or unknown or metric.namespace != NAMESPACE:
            return []
        instance_id = instance.instance_id
        found = points(
            instance,
            metric.name,
            lambda instant: self._history.at(instance_id, instant),
            (window.start.timestamp(), window.end.timestamp()),
            self._fleet.clock.time(),
        )
        return aggregated(found, period, statistic)

    def _metric_list(self, request: ListRequest, region: str) -> Tree:
        wanted = {entry.name: entry.value for entry in request.dimensions}
        names = [name for name in METRICS if request.name in (None, name)]
        found = [
            {"Namespace": NAMESPACE, "MetricName": name, "Dimensions": [{"Name": "InstanceId", "Value": instance_id}]}
            for instance_id in (instance.instance_id for instance in self._fleet.store.in_region(region))
            if set(wanted) <= {"InstanceId"} and wanted.get("InstanceId") in (None, instance_id)
            for name in names
        ]
        start = _offset(request.next_token)
        end = start + LIST_PAGE
        return {"Metrics": found[start:end], "NextToken": str(end) if end < len(found) else None}


def _offset(token: str | None) -> int:
    """The position that a token of this service stands for."""
    if token and not token.isdigit():
        raise AwsError("InvalidNextToken", "The token of the next page cannot be read.")
    return int(token) if token else 0


def _is_ours(query: MetricQuery) -> bool:
    return query.stat is not None and query.stat.metric.namespace == NAMESPACE


def _result(query: MetricQuery, shown: list[Point], partial: bool, fleet: Fleet) -> Tree:
    name = query.stat.metric.name if query.stat else ""
    return {
        "Id": query.id,
        "Label": query.label or name,
        "Timestamps": [fleet.clock.instant(point.start) for point in shown],
        "Values": [float(point.value) for point in shown],
        "StatusCode": "PartialData" if partial else "Complete",
    }


def _check_data_request(request: DataRequest) -> None:
    if len(request.queries) > MAX_QUERIES:
        raise _invalid(f"The collection MetricDataQueries must not have a size greater than {MAX_QUERIES}.")
    ids = [query.id for query in request.queries]
    if len(set(ids)) < len(ids):
        raise _invalid("The values for parameter id in MetricDataQueries are not unique.")
    for query in request.queries:
        if not _QUERY_ID.match(query.id):
            raise _invalid(f"The value {query.id} for parameter id must begin with a lower-case letter.")
        if query.expression is not None:
            raise _invalid(f"Error in expression '{query.id}': metric math is not supported by this endpoint.")
        if query.stat is None:
            raise _invalid("Either Expression or MetricStat must be given.")
        _check_window(request.start, request.end, query.stat.period)


def _check_window(start: datetime, end: datetime, period: int) -> None:
    if start >= end:
        raise _invalid("The parameter StartTime must be less than the parameter EndTime.")
    if period < 60 or period % 60:
        raise _invalid("The parameter Period must be a multiple of 60.")


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)


def _read(model: type[R], parameters: Tree) -> R:
    try:
        return model.model_validate(parameters)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise _invalid(f"The parameter {name} is invalid: {first['msg']}") from error
