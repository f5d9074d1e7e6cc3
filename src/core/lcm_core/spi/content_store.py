"""Object storage for content packages and evidence."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object without its bytes; ``etag`` changes with them."""

    key: str
    etag: str
    size: int
    modified: datetime


class ContentStore(Protocol):
    """Objects by bucket and key. Methods raise ``OutsideError`` subclasses."""

    async def ensure_bucket(self, bucket: str) -> None:
        """Make the bucket unless it exists."""

    async def expire(self, bucket: str, prefix: str, days: int) -> None:
        """Have the storage remove objects below a prefix once they are so many days old; other rules stay."""

    async def put(self, bucket: str, key: str, content: bytes, content_type: str) -> None:
        """Write an object; writing the same content again is harmless."""

    async def get(self, bucket: str, key: str, limit_bytes: int) -> bytes:
        """Read an object of at most so many bytes. Raises ``OutsideNotFound``, ``OutsideRefused`` for a larger one."""

    async def exists(self, bucket: str, key: str) -> bool:
        """Whether an object is there."""

    async def list(self, bucket: str, prefix: str, limit: int) -> Sequence[StoredObject]:
        """The newest objects directly under a prefix, newest first; none for a bucket that does not exist."""
