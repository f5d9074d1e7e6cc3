"""What describe calls share: ids, filters, pages."""

import base64
import fnmatch
import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lcm_simulators.ec2.errors import AwsError, invalid_value, missing_parameter
from lcm_simulators.ec2.wire.query import Tree

T = TypeVar("T")
M = TypeVar("M", bound="Request")
MAX_IDS = 1000
MAX_PAGE = 1000
_MAX_FILTER_VALUES = 200
_INSTANCE_ID = re.compile(r"^i-([0-9a-f]{8}|[0-9a-f]{17})$")


class Request(BaseModel):
    """Parameters of a call; those that the world does not know are ignored."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    dry_run: bool = Field(default=False, alias="DryRun")


class Filter(BaseModel):
    """One filter: any of its values must fit; `*` and `?` are wildcards."""

    name: str = Field(alias="Name")
    values: list[str] = Field(default_factory=list, alias="Value")


class PagedRequest(Request):
    """Parameters that every describe call has."""

    filters: list[Filter] = Field(default_factory=list, alias="Filter")
    max_results: int | None = Field(default=None, alias="MaxResults")
    next_token: str | None = Field(default=None, alias="NextToken")


class InstancesRequest(Request):
    """A call about instances by id."""

    instance_ids: list[str] = Field(default_factory=list, alias="InstanceId")


def read(model: type[M], parameters: Tree) -> M:
    """Check parameters. Raises `AwsError` that names the first wrong one."""
    try:
        return model.model_validate(parameters)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "missing":
            raise missing_parameter(name) from error
        raise invalid_value(name, first["input"], first["msg"]) from error


def check_instance_ids(instance_ids: Sequence[str]) -> None:
    """Refuse ids that cannot be any, and too many."""
    for instance_id in instance_ids:
        if not _INSTANCE_ID.match(instance_id):
            raise AwsError("InvalidInstanceID.Malformed", f'Invalid id: "{instance_id}"')
    if len(instance_ids) > MAX_IDS:
        raise invalid_value("InstanceId", f"{len(instance_ids)} ids", f"At most {MAX_IDS} are allowed.")


def filtered(items: list[T], filters: list[Filter], attribute: Callable[[T, str], list[str] | None]) -> list[T]:
    """The items that fit every filter; `attribute` gives an item's values, None for a filter that is not known."""
    for wanted in filters:
        if len(wanted.values) > _MAX_FILTER_VALUES:
            raise AwsError("FilterLimitExceeded", f"The maximum number of filter values is {_MAX_FILTER_VALUES}")
        patterns = [re.compile(_pattern(value)) for value in wanted.values]
        kept = []
        for item in items:
            values = attribute(item, wanted.name)
            if values is None:
                raise AwsError("InvalidParameterValue", f"The filter '{wanted.name}' is invalid")
            if any(pattern.match(value) for pattern in patterns for value in values):
                kept.append(item)
        items = kept
    return items


def _pattern(value: str) -> str:
    # In EC2's filters only * and ? are special.
    return fnmatch.translate(value.replace("[", "[[]"))


def tag_values(tags: dict[str, str], name: str) -> list[str] | None:
    """Values of the filters about tags; None for another filter."""
    if name.startswith("tag:"):
        key = name.removeprefix("tag:")
        return [tags[key]] if key in tags else []
    if name == "tag-key":
        return list(tags)
    return list(tags.values()) if name == "tag-value" else None


def page(
    items: list[T], request: PagedRequest, identity: Callable[[T], str], *, smallest: int = 5
) -> tuple[list[T], str | None]:
    """One page of items, which must be sorted by `identity`, and the token of the next page.

    The token names the last item of the page, so that items that come or go meanwhile move nothing.
    """
    limit = request.max_results
    if limit is not None and not smallest <= limit <= MAX_PAGE:
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({limit}) for parameter maxResults is invalid: {smallest} to {MAX_PAGE} are allowed.",
        )
    start = 0
    if request.next_token:
        last = _last_of(request.next_token)
        start = sum(1 for item in items if identity(item) <= last)
    end = len(items) if limit is None else start + limit
    token = base64.urlsafe_b64encode(identity(items[end - 1]).encode()).decode() if end < len(items) else None
    return items[start:end], token


def _last_of(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except ValueError as error:
        raise AwsError("InvalidNextToken", "The token of the next page cannot be read.") from error
