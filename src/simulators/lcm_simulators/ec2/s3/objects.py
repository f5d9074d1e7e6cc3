"""The stored objects of one bucket, and the buckets."""

import hashlib
import itertools
import json
import shutil
from bisect import bisect_left, insort
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, Field

_BUCKET_FILE = "bucket.json"


class ObjectInfo(BaseModel):
    """What is known of an object beside its content; `headers` are those given back when it is read."""

    key: str
    size: int
    etag: str
    modified: datetime
    headers: dict[str, str] = Field(default_factory=dict)
    checksums: dict[str, str] = Field(default_factory=dict)


class BucketInfo(BaseModel):
    """A bucket."""

    name: str
    region: str
    created: datetime


class Bucket:
    """One bucket: a folder with one file per object, a line of JSON and then the content."""

    def __init__(self, folder: Path, info: BucketInfo) -> None:
        self.info = info
        self._folder = folder
        self._objects: dict[str, ObjectInfo] = {}
        self._keys: list[str] = []
        for file in folder.glob("*/*.object"):
            with file.open("rb") as stored:
                found = ObjectInfo.model_validate_json(stored.readline())
            self._objects[found.key] = found
        self._keys = sorted(self._objects)

    def __len__(self) -> int:
        return len(self._objects)

    @property
    def folder(self) -> Path:
        """Where the bucket lies."""
        return self._folder

    def get(self, key: str) -> ObjectInfo | None:
        """An object's description."""
        return self._objects.get(key)

    def keys_from(self, first: str) -> Iterator[str]:
        """Keys at or behind a name in S3's order, that of their UTF-8 bytes, which is that of Python's text."""
        return itertools.islice(self._keys, bisect_left(self._keys, first), None)

    def read(self, key: str) -> bytes:
        """An object's content; `KeyError` when there is none."""
        info = self._objects[key]
        with self._file(key).open("rb") as stored:
            stored.readline()
            content = stored.read()
        if len(content) != info.size:
            raise OSError(f"the file of {key} holds {len(content)} bytes instead of {info.size}")
        return content

    def write(
        self, key: str, content: bytes, headers: dict[str, str], checksums: dict[str, str], etag: str = ""
    ) -> ObjectInfo:
        """Store an object, over an earlier one of the same key."""
        digest = etag or hashlib.md5(content, usedforsecurity=False).hexdigest()
        info = ObjectInfo(
            key=key, size=len(content), etag=digest, modified=datetime.now(UTC), headers=headers, checksums=checksums
        )
        file = self._file(key)
        file.parent.mkdir(exist_ok=True)
        part = file.with_suffix(".new")
        with part.open("wb") as stored:
            stored.write(info.model_dump_json().encode() + b"\n")
            stored.write(content)
        part.replace(file)
        if key not in self._objects:
            insort(self._keys, key)
        self._objects[key] = info
        return info

    def delete(self, key: str) -> None:
        """Remove an object if it is there."""
        if self._objects.pop(key, None) is not None:
            self._keys.remove(key)
            self._file(key).unlink(missing_ok=True)

    def _file(self, key: str) -> Path:
        digest = hashlib.sha256(key.encode()).hexdigest()
        return self._folder / digest[:2] / f"{digest}.object"


class Buckets:
    """All buckets, below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._buckets: dict[str, Bucket] = {}
        for file in sorted(folder.glob(f"*/{_BUCKET_FILE}")):
            info = BucketInfo.model_validate(json.loads(file.read_bytes()))
            self._buckets[info.name] = Bucket(file.parent, info)

    def __iter__(self) -> Iterator[Bucket]:
        return iter([self._buckets[name] for name in sorted(self._buckets)])

    def get(self, name: str) -> Bucket | None:
        """A bucket, or None."""
        return self._buckets.get(name)

    def create(self, name: str, region: str) -> Bucket:
        """Make a bucket; its name must be free and valid."""
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        info = BucketInfo(name=name, region=region, created=datetime.now(UTC))
        part = folder / f"{_BUCKET_FILE}.new"
        part.write_text(info.model_dump_json(), encoding="utf-8")
        part.replace(folder / _BUCKET_FILE)
        self._buckets[name] = Bucket(folder, info)
        return self._buckets[name]

    def delete(self, name: str) -> None:
        """Remove an empty bucket."""
        bucket = self._buckets.pop(name)
        (bucket.folder / _BUCKET_FILE).unlink()
        shutil.rmtree(bucket.folder)
