"""The S3 actions."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

from defusedxml import ElementTree

from lcm_simulators.ec2.call import Call
from lcm_simulators.ec2.errors import AwsError
from lcm_simulators.ec2.reply import Reply
from lcm_simulators.ec2.s3.conditions import NotModified, byte_range, check_read, check_write
from lcm_simulators.ec2.s3.headers import kept_headers, object_headers
from lcm_simulators.ec2.s3.lifecycle import Lifecycles
from lcm_simulators.ec2.s3.listing import NAMESPACE, listing_document
from lcm_simulators.ec2.s3.objects import Bucket, Buckets
from lcm_simulators.ec2.s3.payload import CHECKSUM, received
from lcm_simulators.ec2.s3.routing import check_expiry
from lcm_simulators.ec2.s3.uploads import Uploads
from lcm_simulators.ec2.wire import xml

_BUCKET_NAME = re.compile(r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
_ADDRESS = re.compile(r"^\d+\.\d+\.\d+\.\d+$")
_RESERVED = ("admin", "health")
"""Paths of the admin API, which a bucket of that name would hide behind."""
_MAX_KEY_BYTES = 1024


class S3:
    """Answers the calls of one account; `call.action` names the action."""

    def __init__(self, folder: Path) -> None:
        self._buckets = Buckets(folder / "buckets")
        self._uploads = Uploads(folder / "uploads")
        self._lifecycles = Lifecycles()
        self._bucket_actions: dict[str, Callable[[Call, Bucket], Reply]] = {
            "HeadBucket": self._head_bucket,
            "DeleteBucket": self._delete_bucket,
            "GetBucketLocation": self._bucket_location,
            "ListObjects": self._list_objects,
            "ListObjectsV2": self._list_objects,
            "DeleteObjects": self._delete_objects,
            "PutBucketLifecycleConfiguration": self._lifecycles.put,
            "GetBucketLifecycleConfiguration": self._lifecycles.get,
            "DeleteBucketLifecycle": self._lifecycles.delete,
        }
        self._object_actions: dict[str, Callable[[Call, Bucket, str], Reply]] = {
            "PutObject": self._put_object,
            "CopyObject": self._copy_object,
            "GetObject": self._get_object,
            "HeadObject": self._head_object,
            "DeleteObject": self._delete_object,
            "CreateMultipartUpload": self._uploads.create,
            "UploadPart": self._uploads.take_part,
            "CompleteMultipartUpload": self._uploads.complete,
            "AbortMultipartUpload": self._uploads.abort,
        }

    def answer(self, call: Call, bucket_name: str, key: str) -> Reply:
        """Carry out a call. Raises `AwsError`."""
        check_expiry(call.query)
        if call.action == "ListBuckets":
            return self._list_buckets()
        if call.action == "CreateBucket":
            return self._create_bucket(call, bucket_name)
        if call.action not in self._bucket_actions and call.action not in self._object_actions:
            raise AwsError("NotImplemented", "The S3 of this world does not have this function.", 501)
        bucket = self._buckets.get(bucket_name)
        if bucket is None:
            raise AwsError("NoSuchBucket", "The specified bucket does not exist", 404, bucket_name)
        self._lifecycles.expire(bucket)
        if call.action in self._bucket_actions:
            return self._bucket_actions[call.action](call, bucket)
        if len(key.encode()) > _MAX_KEY_BYTES:
            raise AwsError("KeyTooLongError", "Your key is too long", 400, key)
        try:
            return self._object_actions[call.action](call, bucket, key)
        except NotModified:
            return Reply(304)

    def _list_buckets(self) -> Reply:
        entries = [{"Name": bucket.info.name, "CreationDate": bucket.info.created} for bucket in self._buckets]
        owner = {"ID": "lcm", "DisplayName": "lcm"}
        tree = {"Owner": owner, "Buckets": {"Bucket": entries}}
        return _document("ListAllMyBucketsResult", tree)

    def _create_bucket(self, call: Call, name: str) -> Reply:
        if not _BUCKET_NAME.match(name) or ".." in name or _ADDRESS.match(name):
            raise AwsError("InvalidBucketName", "The specified bucket is not valid.", 400, name)
        if name in _RESERVED:
            raise AwsError("BucketAlreadyExists", "The requested bucket name is not available.", 409, name)
        if self._buckets.get(name) is not None:
            if call.region == "us-east-1":
                return Reply(200, headers={"Location": f"/{name}"})
            raise AwsError("BucketAlreadyOwnedByYou", "You already own the bucket.", 409, name)
        self._buckets.create(name, call.region)
        return Reply(200, headers={"Location": f"/{name}"})

    def _head_bucket(self, call: Call, bucket: Bucket) -> Reply:
        return Reply(200, headers={"x-amz-bucket-region": bucket.info.region})

    def _delete_bucket(self, call: Call, bucket: Bucket) -> Reply:
        if len(bucket):
            raise AwsError("BucketNotEmpty", "The bucket you tried to delete is not empty", 409, bucket.info.name)
        self._buckets.delete(bucket.info.name)
        return Reply(204)

    def _bucket_location(self, call: Call, bucket: Bucket) -> Reply:
        region = "" if bucket.info.region == "us-east-1" else bucket.info.region
        body = f'<LocationConstraint xmlns="{NAMESPACE}">{region}</LocationConstraint>'
        return Reply(200, body.encode(), {"Content-Type": "application/xml"})

    def _list_objects(self, call: Call, bucket: Bucket) -> Reply:
        return Reply(200, listing_document(bucket, call.query), {"Content-Type": "application/xml"})

    def _delete_objects(self, call: Call, bucket: Bucket) -> Reply:
        content, _ = received(call.headers, call.body)
        try:
            root = ElementTree.fromstring(content)
        except ElementTree.ParseError as error:
            raise AwsError("MalformedXML", "The XML you provided was not well-formed") from error
        keys = [element.text or "" for element in root.iter() if element.tag.rpartition("}")[2] == "Key"]
        for key in keys:
            bucket.delete(key)
        return _document("DeleteResult", {"Deleted": [{"Key": key} for key in keys]})

    def _put_object(self, call: Call, bucket: Bucket, key: str) -> Reply:
        content, checksums = received(call.headers, call.body)
        check_write(call.headers, bucket.get(key))
        info = bucket.write(key, content, kept_headers(call.headers), checksums)
        sums = {CHECKSUM + name: value for name, value in checksums.items()}
        return Reply(200, headers={"ETag": f'"{info.etag}"', "x-amz-checksum-type": "FULL_OBJECT", **sums})

    def _copy_object(self, call: Call, bucket: Bucket, key: str) -> Reply:
        source_bucket, _, source_key = unquote(call.headers["x-amz-copy-source"]).lstrip("/").partition("/")
        origin = self._buckets.get(source_bucket)
        info = origin.get(source_key) if origin is not None else None
        if origin is None or info is None:
            raise _no_such_key(source_key)
        replaced = call.headers.get("x-amz-metadata-directive") == "REPLACE"
        headers = kept_headers(call.headers) if replaced else info.headers
        copy = bucket.write(key, origin.read(source_key), headers, info.checksums)
        return _document("CopyObjectResult", {"LastModified": copy.modified, "ETag": f'"{copy.etag}"'})

    def _get_object(self, call: Call, bucket: Bucket, key: str) -> Reply:
        info = bucket.get(key)
        if info is None:
            raise _no_such_key(key)
        check_read(call.headers, info)
        part = byte_range(call.headers.get("range", ""), info.size)
        content, headers = bucket.read(key), object_headers(call, info, whole=part is None)
        if part is None:
            return Reply(200, content, headers)
        headers["Content-Range"] = f"bytes {part[0]}-{part[1] - 1}/{info.size}"
        return Reply(206, content[part[0] : part[1]], headers)

    def _head_object(self, call: Call, bucket: Bucket, key: str) -> Reply:
        info = bucket.get(key)
        if info is None:
            raise _no_such_key(key)
        check_read(call.headers, info)
        return Reply(200, headers={**object_headers(call, info, whole=True), "Content-Length": str(info.size)})

    def _delete_object(self, call: Call, bucket: Bucket, key: str) -> Reply:
        bucket.delete(key)
        return Reply(204)


def _no_such_key(key: str) -> AwsError:
    return AwsError("NoSuchKey", "The specified key does not exist.", 404, key)


def _document(root: str, tree: dict[str, object]) -> Reply:
    return Reply(200, xml.document(root, tree, namespace=NAMESPACE), {"Content-Type": "application/xml"})
