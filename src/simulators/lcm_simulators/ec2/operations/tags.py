"""CreateTags, DeleteTags and DescribeTags of instances."""

from pydantic import BaseModel, Field

from lcm_simulators.ec2.call import Call
from lcm_simulators.ec2.errors import AwsError, dry_run, instance_not_found, missing_parameter
from lcm_simulators.ec2.instances.fleet import Fleet
from lcm_simulators.ec2.instances.model import Instance
from lcm_simulators.ec2.operations.selection import PagedRequest, Request, filtered, page, read
from lcm_simulators.ec2.wire.query import Tree

MAX_TAGS = 50
_MAX_KEY, _MAX_VALUE = 128, 256


class Tag(BaseModel):
    """A tag; DeleteTags leaves the value out to mean any."""

    key: str = Field(alias="Key")
    value: str | None = Field(default=None, alias="Value")


class TagRequest(Request):
    """Parameters of CreateTags and DeleteTags."""

    resources: list[str] = Field(default_factory=list, alias="ResourceId")
    tags: list[Tag] = Field(default_factory=list, alias="Tag")


def checked_tags(tags: list[Tag]) -> dict[str, str]:
    """Tags as a mapping. Raises `AwsError` for what EC2 does not take."""
    found: dict[str, str] = {}
    for tag in tags:
        if tag.key in found:
            raise AwsError("InvalidParameterValue", f"Duplicate tag key '{tag.key}' specified.")
        if tag.key.lower().startswith("aws:"):
            raise AwsError("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
        if not 1 <= len(tag.key) <= _MAX_KEY:
            raise AwsError("InvalidParameterValue", f"A tag key has 1 to {_MAX_KEY} characters.")
        if len(tag.value or "") > _MAX_VALUE:
            raise AwsError("InvalidParameterValue", f"A tag value has at most {_MAX_VALUE} characters.")
        found[tag.key] = tag.value or ""
    if len(found) > MAX_TAGS:
        raise AwsError("TagLimitExceeded", f"More than {MAX_TAGS} tags specified")
    return found


def create_tags(fleet: Fleet, call: Call) -> Tree:
    """Set tags on instances, all or none."""
    request = read(TagRequest, call.parameters)
    instances = _instances(fleet, request, call.region)
    tags = checked_tags(request.tags)
    if not tags:
        raise missing_parameter("tagSet")
    for instance in instances:
        if len({**instance.tags, **tags}) > MAX_TAGS:
            raise AwsError("TagLimitExceeded", f"The maximum number of tags of a resource is {MAX_TAGS}.")
    if request.dry_run:
        raise dry_run()
    for instance in instances:
        instance.tags.update(tags)
        fleet.changed(instance)
    return {"return": True}


def delete_tags(fleet: Fleet, call: Call) -> Tree:
    """Remove tags: by key, by key and value, or all of them when none is named."""
    request = read(TagRequest, call.parameters)
    instances = _instances(fleet, request, call.region)
    if request.dry_run:
        raise dry_run()
    for instance in instances:
        if not request.tags:
            instance.tags.clear()
        for tag in request.tags:
            if tag.value is None or instance.tags.get(tag.key) == tag.value:
                instance.tags.pop(tag.key, None)
        fleet.changed(instance)
    return {"return": True}


def describe_tags(fleet: Fleet, call: Call) -> Tree:
    """The tags of all instances of the region, one entry each."""
    request = read(PagedRequest, call.parameters)
    entries = [
        {"resourceId": instance.instance_id, "resourceType": "instance", "key": key, "value": value}
        for instance in fleet.store.in_region(call.region)
        if fleet.visible(instance)
        for key, value in instance.tags.items()
    ]
    entries.sort(key=_identity)
    names = {"resource-id": "resourceId", "resource-type": "resourceType", "key": "key", "value": "value"}

    def attribute(entry: dict[str, str], name: str) -> list[str] | None:
        if name.startswith("tag:"):
            return [entry["value"]] if entry["key"] == name.removeprefix("tag:") else []
        return [entry[names[name]]] if name in names else None

    entries, token = page(filtered(entries, request.filters, attribute), request, _identity)
    return {"tagSet": list(entries), "nextToken": token}


def _identity(entry: dict[str, str]) -> str:
    return f"{entry['resourceId']} {entry['key']}"


def _instances(fleet: Fleet, request: TagRequest, region: str) -> list[Instance]:
    if not request.resources:
        raise missing_parameter("resourceIdSet")
    known = {instance.instance_id: instance for instance in fleet.store.in_region(region)}
    unknown = [resource for resource in request.resources if resource not in known]
    if unknown:
        raise instance_not_found(unknown)
    return [known[resource] for resource in request.resources]
