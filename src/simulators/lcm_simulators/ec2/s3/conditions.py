"""Conditional requests and byte ranges."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from lcm_simulators.ec2.errors import AwsError
from lcm_simulators.ec2.s3.objects import ObjectInfo

_RANGE = re.compile(r"^bytes=(\d*)-(\d*)$")


class NotModified(Exception):
    """The reader has the object already."""


def check_write(headers: Mapping[str, str], current: ObjectInfo | None) -> None:
    """Refuse a write whose condition does not hold. Raises `AwsError`."""
    if headers.get("if-none-match") == "*" and current is not None:
        raise _failed("If-None-Match")
    wanted = headers.get("if-match")
    if wanted is not None:
        if current is None:
            raise AwsError("NoSuchKey", "The specified key does not exist.", 404)
        if not _matches(wanted, current):
            raise _failed("If-Match")


def check_read(headers: Mapping[str, str], current: ObjectInfo) -> None:
    """Refuse a read whose condition does not hold. Raises `AwsError` or `NotModified`."""
    if "if-match" in headers and not _matches(headers["if-match"], current):
        raise _failed("If-Match")
    since = _instant(headers.get("if-unmodified-since", ""))
    if since is not None and "if-match" not in headers and current.modified.replace(microsecond=0) > since:
        raise _failed("If-Unmodified-Since")
    if "if-none-match" in headers:
        if _matches(headers["if-none-match"], current):
            raise NotModified
        return
    since = _instant(headers.get("if-modified-since", ""))
    if since is not None and current.modified.replace(microsecond=0) <= since:
        raise NotModified


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """Start and end (behind the last byte) of a range; None when the whole is meant. Raises `AwsError`."""
    found = _RANGE.match(header)
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    start = int(first) if first else max(0, size - int(last))
    end = size if not first or not last else min(size, int(last) + 1)
    if start >= size or end <= start:
        raise AwsError("InvalidRange", "The requested range is not satisfiable", 416)
    return start, end


def _matches(header: str, current: ObjectInfo) -> bool:
    tags = {tag.strip().strip('"') for tag in header.split(",")}
    return "*" in tags or current.etag in tags


def _instant(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except ValueError:
        return None


def _failed(condition: str) -> AwsError:
    return AwsError("PreconditionFailed", f"The pre-condition {condition} you specified did not hold", 412)
