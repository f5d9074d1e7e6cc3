"""Uploads in parts, as the SDK's transfer manager makes them for files above 8 MiB."""

import hashlib
import shutil
import uuid
from pathlib import Path

from defusedxml import ElementTree
from pydantic import BaseModel

from lcm_simulators.ec2.call import Call
from lcm_simulators.ec2.errors import AwsError
from lcm_simulators.ec2.reply import Reply
from lcm_simulators.ec2.s3.conditions import check_write
from lcm_simulators.ec2.s3.headers import kept_headers
from lcm_simulators.ec2.s3.listing import NAMESPACE
from lcm_simulators.ec2.s3.objects import Bucket
from lcm_simulators.ec2.s3.payload import CHECKSUM, received
from lcm_simulators.ec2.wire import xml

_START = "upload.json"
_MAX_PARTS = 10_000


class _Upload(BaseModel):
    bucket: str
    key: str
    headers: dict[str, str]


class Uploads:
    """Unfinished uploads, one folder each with a file per part."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self, call: Call, bucket: Bucket, key: str) -> Reply:
        """Begin an upload."""
        upload_id = uuid.uuid4().hex
        folder = self._folder / upload_id
        folder.mkdir(parents=True)
        upload = _Upload(bucket=bucket.info.name, key=key, headers=kept_headers(call.headers))
        (folder / _START).write_text(upload.model_dump_json(), encoding="utf-8")
        tree: dict[str, object] = {"Bucket": bucket.info.name, "Key": key, "UploadId": upload_id}
        return _document("InitiateMultipartUploadResult", tree)

    def take_part(self, call: Call, bucket: Bucket, key: str) -> Reply:
        """Keep one part, over an earlier one of the same number."""
        folder, _ = self._find(call, bucket, key)
        number = call.query.get("partNumber", "")
        if not number.isdigit() or not 1 <= int(number) <= _MAX_PARTS:
            raise AwsError("InvalidArgument", f"Part number must be an integer between 1 and {_MAX_PARTS}")
        content, checksums = received(call.headers, call.body)
        part = folder / f"{int(number):05d}.new"
        part.write_bytes(content)
        part.replace(part.with_suffix(".part"))
        sums = {CHECKSUM + name: value for name, value in checksums.items()}
        return Reply(200, headers={"ETag": f'"{_md5(content).hexdigest()}"', **sums})

    def complete(self, call: Call, bucket: Bucket, key: str) -> Reply:
        """Join the named parts into the object."""
        folder, upload = self._find(call, bucket, key)
        contents = [self._part(folder, number, tag) for number, tag in _named_parts(call.body)]
        check_write(call.headers, bucket.get(key))
        digest = _md5(b"".join(_md5(content).digest() for content in contents)).hexdigest()
        info = bucket.write(key, b"".join(contents), upload.headers, {}, f"{digest}-{len(contents)}")
        shutil.rmtree(folder)
        location = f"/{bucket.info.name}/{key}"
        tree: dict[str, object] = {
            "Location": location,
            "Bucket": bucket.info.name,
            "Key": key,
            "ETag": f'"{info.etag}"',
        }
        return _document("CompleteMultipartUploadResult", tree)

    def abort(self, call: Call, bucket: Bucket, key: str) -> Reply:
        """Drop an upload."""
        folder, _ = self._find(call, bucket, key)
        shutil.rmtree(folder)
        return Reply(204)

    def _find(self, call: Call, bucket: Bucket, key: str) -> tuple[Path, _Upload]:
        upload_id = call.query.get("uploadId", "")
        file = self._folder / upload_id / _START
        if upload_id.isalnum() and file.exists():
            upload = _Upload.model_validate_json(file.read_bytes())
            if (upload.bucket, upload.key) == (bucket.info.name, key):
                return file.parent, upload
        raise AwsError("NoSuchUpload", "The specified multipart upload does not exist.", 404, key)

    def _part(self, folder: Path, number: int, tag: str) -> bytes:
        file = folder / f"{number:05d}.part"
        content = file.read_bytes() if file.exists() else None
        if content is None or _md5(content).hexdigest() != tag:
            raise AwsError("InvalidPart", "One or more of the specified parts could not be found.")
        return content


def _named_parts(body: bytes) -> list[tuple[int, str]]:
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise AwsError("MalformedXML", "The XML you provided was not well-formed") from error
    found: list[tuple[int, str]] = []
    for part in root:
        values = {element.tag.rpartition("}")[2]: (element.text or "").strip() for element in part}
        if values.get("PartNumber", "").isdigit():
            found.append((int(values["PartNumber"]), values.get("ETag", "").strip('"')))
    if not found or found != sorted(found, key=lambda part: part[0]):
        raise AwsError("InvalidPartOrder", "The list of parts was not in ascending order.")
    return found


def _md5(content: bytes) -> "hashlib._Hash":
    return hashlib.md5(content, usedforsecurity=False)


def _document(root: str, tree: dict[str, object]) -> Reply:
    return Reply(200, xml.document(root, tree, namespace=NAMESPACE), {"Content-Type": "application/xml"})
