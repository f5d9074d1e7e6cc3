"""Which S3 action a request means."""

import re
from datetime import UTC, datetime, timedelta

from lcm_simulators.ec2.call import Call
from lcm_simulators.ec2.errors import AwsError

_VIRTUAL_HOST = re.compile(r"^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.(localhost|s3[.-].*|s3)(:\d+)?$")
_SERVICE = {"GET": "ListBuckets"}
_BUCKET = {"PUT": "CreateBucket", "HEAD": "HeadBucket", "DELETE": "DeleteBucket", "GET": "ListObjects"}
_OBJECT = {"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}
_LIFECYCLE = {
    "PUT": "PutBucketLifecycleConfiguration",
    "GET": "GetBucketLifecycleConfiguration",
    "DELETE": "DeleteBucketLifecycle",
}
_PARTS = {"PUT": "UploadPart", "POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload"}
_HARMLESS = {"list-type", "prefix", "delimiter", "max-keys", "marker", "continuation-token", "start-after"}
_HARMLESS |= {"encoding-type", "fetch-owner", "x-id", "location", "delete", "uploads", "uploadId", "partNumber"}
_HARMLESS |= {"lifecycle"}
_HARMLESS |= {"AWSAccessKeyId", "Signature", "Expires"}


def locate(call: Call) -> tuple[str, str]:
    """Bucket and key, from the path or a virtual host; either may be empty."""
    hosted = _VIRTUAL_HOST.match(call.headers.get("host", ""))
    path = call.path.removeprefix("/")
    if hosted is not None:
        return hosted.group(1), path
    bucket, _, key = path.partition("/")
    return bucket, key


def action_of(call: Call, bucket: str, key: str) -> str:
    """The action's name, NotImplemented when it is none of those that the store has."""
    query, method = call.query, call.method
    if any(name not in _HARMLESS and not name.lower().startswith(("x-amz-", "response-")) for name in query):
        return "NotImplemented"
    if not bucket:
        return _SERVICE.get(method, "NotImplemented")
    if not key:
        if method == "POST" and "delete" in query:
            return "DeleteObjects"
        if "lifecycle" in query:
            return _LIFECYCLE.get(method, "NotImplemented")
        if method == "GET" and "location" in query:
            return "GetBucketLocation"
        if method == "GET" and query.get("list-type") == "2":
            return "ListObjectsV2"
        return "NotImplemented" if "uploads" in query else _BUCKET.get(method, "NotImplemented")
    if method == "POST" and "uploads" in query:
        return "CreateMultipartUpload"
    if "uploadId" in query:
        return _PARTS.get(method, "NotImplemented")
    if method == "PUT" and "x-amz-copy-source" in call.headers:
        return "CopyObject"
    return _OBJECT.get(method, "NotImplemented")


def check_expiry(query: dict[str, str]) -> None:
    """Refuse a presigned address that is too old. Raises `AwsError`."""
    now = datetime.now(UTC)
    if "X-Amz-Expires" in query:
        try:
            signed = datetime.strptime(query.get("X-Amz-Date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            expires = signed + timedelta(seconds=int(query["X-Amz-Expires"]))
        except ValueError as error:
            raise AwsError("AuthorizationQueryParametersError", "The presigned address is malformed") from error
    elif "Signature" in query and query.get("Expires", "").isdigit():
        expires = datetime.fromtimestamp(int(query["Expires"]), UTC)
    else:
        return
    if now > expires:
        raise AwsError("AccessDenied", "Request has expired", 403)
