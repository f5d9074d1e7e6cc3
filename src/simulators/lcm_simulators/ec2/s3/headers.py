"""Headers that belong to an object."""

from email.utils import format_datetime

from lcm_simulators.ec2.call import Call
from lcm_simulators.ec2.s3.objects import ObjectInfo
from lcm_simulators.ec2.s3.payload import CHECKSUM

_KEPT_HEADERS = (
    "content-type",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
)
_OVERRIDES = {f"response-{name}": name for name in _KEPT_HEADERS}


def kept_headers(headers: dict[str, str]) -> dict[str, str]:
    """The headers of an upload that come back with the object."""
    kept = {name: value for name, value in headers.items() if name in _KEPT_HEADERS or name.startswith("x-amz-meta-")}
    encodings = [part.strip() for part in kept.pop("content-encoding", "").split(",")]
    encodings = [part for part in encodings if part not in ("", "aws-chunked")]
    return {**kept, "content-encoding": ",".join(encodings)} if encodings else kept


def object_headers(call: Call, info: ObjectInfo, *, whole: bool) -> dict[str, str]:
    """The headers of an answer about an object; checksums only of the whole one, and when asked for."""
    headers = {"content-type": "binary/octet-stream", **info.headers}
    headers |= {name: call.query[asked] for asked, name in _OVERRIDES.items() if asked in call.query}
    headers |= {
        "ETag": f'"{info.etag}"',
        "Last-Modified": format_datetime(info.modified, usegmt=True),
        "Accept-Ranges": "bytes",
    }
    if whole and call.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
        headers |= {CHECKSUM + name: value for name, value in info.checksums.items()}
        headers["x-amz-checksum-type"] = "FULL_OBJECT"
    return headers
