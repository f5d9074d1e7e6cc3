"""Reading objects of S3 without blocking the event loop."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

REGION = "us-east-1"
_MISSING = frozenset({"NoSuchKey", "NoSuchBucket", "404", "NotFound", "AccessDenied", "403", "InvalidBucketName"})


class ObjectMissingError(RuntimeError):
    """There is no such object, or it may not be read; the message names it. Asking again is of no use."""


class ObjectStoreError(RuntimeError):
    """The object store does not answer as it should; later it may."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a listing says of one object."""

    key: str
    size: int
    changed: datetime


class ObjectReader:
    """Reads objects through the AWS endpoint of the platform; the client is made at the first call."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._client: Any = None
        self._making = asyncio.Lock()

    async def read(self, bucket: str, key: str, limit: int) -> bytes:
        """The bytes of an object of at most ``limit`` bytes. Raises ``ObjectMissingError``, ``ObjectStoreError``."""
        return await asyncio.to_thread(_read, await self._s3(), bucket, key, limit)

    async def list(self, bucket: str, prefix: str) -> list[ObjectInfo]:
        """Every object below a prefix. Raises ``ObjectMissingError`` (no such bucket) and ``ObjectStoreError``."""
        return await asyncio.to_thread(_list, await self._s3(), bucket, prefix)

    async def _s3(self) -> Any:
        async with self._making:
            if self._client is None:
                self._client = await asyncio.to_thread(_client, self._endpoint)
        return self._client


def _client(endpoint: str) -> Any:
    # The SDK takes longer to load than everything else of a simulator, and most are asked something else first.
    import boto3
    from botocore.config import Config

    config = Config(
        s3={"addressing_style": "path"},
        connect_timeout=3,
        read_timeout=10,
        retries={"max_attempts": 2, "mode": "standard"},
        max_pool_connections=16,
    )
    return boto3.client("s3", region_name=REGION, endpoint_url=endpoint or None, config=config)


def _read(client: Any, bucket: str, key: str, limit: int) -> bytes:
    where = f"s3://{bucket}/{key}"
    try:
        answer = client.get_object(Bucket=bucket, Key=key)
        size = int(answer["ContentLength"])
        if size > limit:
            answer["Body"].close()
            raise ObjectMissingError(f"{where} has {size} bytes, more than the {limit} that are read")
        content: bytes = answer["Body"].read()
    except (ClientError, BotoCoreError) as error:
        raise _explained(where, error) from error
    return content


def _list(client: Any, bucket: str, prefix: str) -> list[ObjectInfo]:
    try:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [
            ObjectInfo(item["Key"], int(item["Size"]), item["LastModified"])
            for page in pages
            for item in page.get("Contents", [])
        ]
    except (ClientError, BotoCoreError) as error:
        raise _explained(f"s3://{bucket}/{prefix}", error) from error


def _explained(where: str, error: ClientError | BotoCoreError) -> ObjectMissingError | ObjectStoreError:
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _MISSING:
            return ObjectMissingError(f"{where} cannot be read: {code}")
    return ObjectStoreError(f"{where} cannot be read now: {error}")
