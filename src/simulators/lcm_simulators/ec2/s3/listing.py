"""ListObjects and ListObjectsV2: prefix, delimiter, pages."""

import base64
from dataclasses import dataclass, field
from urllib.parse import quote

from lcm_simulators.ec2.errors import AwsError
from lcm_simulators.ec2.s3.objects import Bucket, ObjectInfo
from lcm_simulators.ec2.wire import xml
from lcm_simulators.ec2.wire.query import Tree

MAX_KEYS = 1000


@dataclass(slots=True)
class Listing:
    """One page: objects, common prefixes, and the last name on it when there is more."""

    objects: list[ObjectInfo] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    last: str = ""
    truncated: bool = False


def list_page(bucket: Bucket, *, prefix: str, delimiter: str, after: str, limit: int) -> Listing:
    """The page behind the name `after`; keys with the delimiter behind the prefix are rolled up."""
    page = Listing()
    for key in bucket.keys_from(max(prefix, after)):
        info = bucket.get(key)
        if info is None or not key.startswith(prefix):
            break
        cut = key.find(delimiter, len(prefix)) if delimiter else -1
        name = key if cut < 0 else key[: cut + len(delimiter)]
        if name <= after or (cut >= 0 and name in page.prefixes[-1:]):
            continue
        if len(page.objects) + len(page.prefixes) >= limit:
            page.truncated = True
            return page
        page.last = name
        if cut < 0:
            page.objects.append(info)
        else:
            page.prefixes.append(name)
    return page


def listing_document(bucket: Bucket, query: dict[str, str]) -> bytes:
    """The answer to a listing of either version. Raises `AwsError`."""
    second = query.get("list-type") == "2"
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    asked = query.get("max-keys", str(MAX_KEYS))
    if not asked.isdigit():
        raise AwsError("InvalidArgument", "max-keys must be a number of at least 0")
    limit = min(int(asked), MAX_KEYS)
    after = _after(query) if second else query.get("marker", "")
    page = list_page(bucket, prefix=prefix, delimiter=delimiter, after=after, limit=limit) if limit else Listing()
    encoded = query.get("encoding-type") == "url"

    def text(name: str) -> str:
        return quote(name, safe="/") if encoded else name

    tree: Tree = {
        "Name": bucket.info.name,
        "Prefix": text(prefix),
        "Delimiter": text(delimiter) if delimiter else None,
        "MaxKeys": limit,
        "EncodingType": "url" if encoded else None,
        "IsTruncated": page.truncated,
        "Contents": [_entry(info, text(info.key)) for info in page.objects],
        "CommonPrefixes": [{"Prefix": text(name)} for name in page.prefixes],
    }
    if second:
        tree["KeyCount"] = len(page.objects) + len(page.prefixes)
        tree["ContinuationToken"] = query.get("continuation-token")
        tree["StartAfter"] = query.get("start-after")
        tree["NextContinuationToken"] = _token(page.last) if page.truncated else None
    else:
        tree["Marker"] = text(query.get("marker", ""))
        tree["NextMarker"] = text(page.last) if page.truncated and delimiter else None
    return xml.document("ListBucketResult", tree, namespace=NAMESPACE)


NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


def _entry(info: ObjectInfo, key: str) -> Tree:
    return {
        "Key": key,
        "LastModified": info.modified,
        "ETag": f'"{info.etag}"',
        "ChecksumAlgorithm": [name.upper() for name in info.checksums],
        "Size": info.size,
        "StorageClass": "STANDARD",
    }


def _token(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode()


def _after(query: dict[str, str]) -> str:
    token = query.get("continuation-token")
    if not token:
        return query.get("start-after", "")
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except ValueError as error:
        raise AwsError("InvalidArgument", "The continuation token provided is incorrect") from error
