"""Lifecycle rules of a bucket: objects below a prefix are removed when they are so many days old."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from xml.etree.ElementTree import Element

from defusedxml import ElementTree

from lcm_simulators.ec2.call import Call
from lcm_simulators.ec2.errors import AwsError
from lcm_simulators.ec2.reply import Reply
from lcm_simulators.ec2.s3.objects import Bucket
from lcm_simulators.ec2.s3.payload import received

_FILE = "lifecycle.xml"
_EXPIRE_EVERY = timedelta(minutes=1)
"""S3 itself looks once a day."""


@dataclass(frozen=True, slots=True)
class Rule:
    """An enabled rule that expires objects."""

    prefix: str
    days: int


class Lifecycles:
    """The lifecycle configurations of all buckets, kept beside their objects as they were sent."""

    def __init__(self) -> None:
        self._looked: dict[str, datetime] = {}

    def put(self, call: Call, bucket: Bucket) -> Reply:
        """Replace the configuration. Raises `AwsError` for one that is none."""
        content, _ = received(call.headers, call.body)
        list(_rules(content))
        part = bucket.folder / f"{_FILE}.new"
        part.write_bytes(content)
        part.replace(bucket.folder / _FILE)
        self._looked.pop(bucket.info.name, None)
        return Reply(200)

    def get(self, call: Call, bucket: Bucket) -> Reply:
        """The configuration. Raises `AwsError` where there is none."""
        del call
        file = bucket.folder / _FILE
        if not file.exists():
            message = "The lifecycle configuration does not exist"
            raise AwsError("NoSuchLifecycleConfiguration", message, 404, bucket.info.name)
        return Reply(200, file.read_bytes(), {"Content-Type": "application/xml"})

    def delete(self, call: Call, bucket: Bucket) -> Reply:
        """Forget the configuration."""
        del call
        (bucket.folder / _FILE).unlink(missing_ok=True)
        return Reply(204)

    def expire(self, bucket: Bucket, now: datetime | None = None) -> None:
        """Remove what is old enough, looking once a minute at most."""
        instant = now or datetime.now(UTC)
        looked = self._looked.get(bucket.info.name)
        if looked is not None and instant - looked < _EXPIRE_EVERY:
            return
        self._looked[bucket.info.name] = instant
        file = bucket.folder / _FILE
        for rule in list(_rules(file.read_bytes())) if file.exists() else []:
            for key in list(bucket.keys_from(rule.prefix)):
                info = bucket.get(key)
                if not key.startswith(rule.prefix) or info is None:
                    break
                if instant - info.modified >= timedelta(days=rule.days):
                    bucket.delete(key)


def _rules(content: bytes) -> Iterator[Rule]:
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise AwsError("MalformedXML", "The XML you provided was not well-formed") from error
    rules = [each for each in root if _name(each) == "Rule"]
    if not rules:
        raise AwsError("MalformedXML", "A lifecycle configuration has at least one rule")
    for rule in rules:
        text = {_name(each): (each.text or "").strip() for each in rule.iter()}
        days = text.get("Days", "")
        if text.get("Status") == "Enabled" and days.isdigit():
            yield Rule(text.get("Prefix", ""), int(days))


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]
