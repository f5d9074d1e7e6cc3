"""Parameters of the metric calls."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

NAMESPACE = "AWS/EC2"


class _Request(BaseModel):
    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class Dimension(_Request):
    """A dimension of a metric."""

    name: str = Field(alias="Name")
    value: str | None = Field(default=None, alias="Value")


class MetricName(_Request):
    """Which metric."""

    namespace: str = Field(default=NAMESPACE, alias="Namespace")
    name: str = Field(alias="MetricName")
    dimensions: list[Dimension] = Field(default_factory=list, alias="Dimensions")

    @property
    def instance_id(self) -> str:
        """The instance that the metric is about, else empty."""
        return next((entry.value or "" for entry in self.dimensions if entry.name == "InstanceId"), "")


class MetricStat(_Request):
    """Which metric, in which form."""

    metric: MetricName = Field(alias="Metric")
    period: int = Field(alias="Period")
    stat: str = Field(alias="Stat")


class MetricQuery(_Request):
    """One query of GetMetricData."""

    id: str = Field(alias="Id")
    stat: MetricStat | None = Field(default=None, alias="MetricStat")
    expression: str | None = Field(default=None, alias="Expression")
    label: str | None = Field(default=None, alias="Label")
    returns: bool = Field(default=True, alias="ReturnData")


class DataRequest(_Request):
    """Parameters of GetMetricData."""

    queries: list[MetricQuery] = Field(alias="MetricDataQueries")
    start: datetime = Field(alias="StartTime")
    end: datetime = Field(alias="EndTime")
    order: str = Field(default="TimestampDescending", alias="ScanBy")
    max_points: int = Field(default=100_800, alias="MaxDatapoints", ge=1, le=100_800)
    next_token: str | None = Field(default=None, alias="NextToken")


class StatisticsRequest(_Request):
    """Parameters of GetMetricStatistics."""

    namespace: str = Field(alias="Namespace")
    name: str = Field(alias="MetricName")
    dimensions: list[Dimension] = Field(default_factory=list, alias="Dimensions")
    start: datetime = Field(alias="StartTime")
    end: datetime = Field(alias="EndTime")
    period: int = Field(alias="Period")
    statistics: list[str] = Field(default_factory=list, alias="Statistics")


class ListRequest(_Request):
    """Parameters of ListMetrics."""

    namespace: str | None = Field(default=None, alias="Namespace")
    name: str | None = Field(default=None, alias="MetricName")
    dimensions: list[Dimension] = Field(default_factory=list, alias="Dimensions")
    next_token: str | None = Field(default=None, alias="NextToken")
