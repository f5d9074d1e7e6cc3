"""Building blocks of every wire model.

``View`` models are what the platform answers: unknown fields are ignored so that an older client survives a newer
server. ``RequestModel`` bodies are what it accepts: an unknown field is refused by name. All times are aware UTC.
"""

from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from lcm_core.domain.vocabulary import ConditionStatus


def _as_utc(value: datetime) -> datetime:
    """Aware UTC; a naive time is refused because nobody can tell what it means."""
    if value.tzinfo is None:
        raise ValueError("the time needs a zone, for example 2026-03-01T10:00:00Z")
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time is outside the years 1 to 9999 in UTC") from error


UtcTime = Annotated[datetime, AfterValidator(_as_utc)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,79}$")]
ReasonCode = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z0-9]{1,63}$")]
Sentence = Annotated[str, StringConstraints(max_length=2000)]
ShortText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class View(BaseModel):
    """A model the platform answers with, or keeps in a document."""

    # Answers carry every field, so their schemas say so.
    model_config = ConfigDict(extra="ignore", json_schema_serialization_defaults_required=True)


class RequestModel(BaseModel):
    """A body the platform accepts."""

    model_config = ConfigDict(extra="forbid")


RegionName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{2,39}$")]
"""Name of an AWS region, such as us-east-1."""


class Slot(RequestModel):
    """A half-open interval ``[start, end)`` of aware UTC times."""

    start: UtcTime
    end: UtcTime

    @model_validator(mode="after")
    def _ordered(self) -> "Slot":
        if self.end <= self.start:
            raise ValueError("end must be after start")
        return self


class Condition(View):
    """One observed fact about an aggregate, with why and since when."""

    type: str
    status: ConditionStatus
    reason: ReasonCode
    message: Sentence = ""
    since: UtcTime


class ConditionReport(RequestModel):
    """A condition as a controller reports it; the control plane keeps ``since`` while the status stays."""

    type: str
    status: ConditionStatus
    reason: ReasonCode
    message: Sentence = ""


class Resources(RequestModel):
    """Amounts of the four countable resources: whole cores, mebibytes, gibibytes and CML nodes."""

    cores: int = Field(default=0, ge=0)
    memory_mb: int = Field(default=0, ge=0)
    storage_gb: int = Field(default=0, ge=0)
    nodes: int = Field(default=0, ge=0)


class ResourceView(View):
    """The part that every aggregate document shares."""

    id: str
    version: int
    generation: int
    created_at: UtcTime
    updated_at: UtcTime
    created_by: str = ""


ItemT = TypeVar("ItemT")


class Page(View, Generic[ItemT]):
    """One page of a list; ``next_cursor`` is empty on the last one. ``total`` is bounded and may be absent."""

    items: list[ItemT]
    next_cursor: str = ""
    total: int | None = None


class FieldError(View):
    """Which field broke which rule."""

    field: str
    message: str


class Problem(View):
    """RFC 9457 problem document."""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    instance: str = ""
    code: str = ""
    errors: list[FieldError] = Field(default_factory=list)


class BulkItemResult(View):
    """Outcome of one item of a bulk call; ``status`` is the HTTP status the single call would have had."""

    id: str
    status: int
    code: str = ""
    detail: str = ""
    version: int | None = None


class BulkResult(View):
    """Outcome of a bulk call, one entry per item in the order asked."""

    items: list[BulkItemResult]


class Written(View):
    """Answer to an internal write: where the aggregate stands now (the consistency barrier waits for ``version``)."""

    id: str
    version: int
    generation: int
    phase: str
