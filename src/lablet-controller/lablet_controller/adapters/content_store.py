"""S3 through boto3, in a bounded pool of threads."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lcm_core.controller.leadership import current_context
from lcm_core.spi.content_store import StoredObject
from lcm_core.spi.errors import OutsideError, OutsideNotFound, OutsideRefused, OutsideUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

T = TypeVar("T")
SYSTEM = "S3"
_MISSING = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound"})
_MINE_ALREADY = frozenset({"BucketAlreadyOwnedByYou", "BucketAlreadyExists"})
_PASSING = frozenset({"SlowDown", "RequestTimeout", "ServiceUnavailable", "InternalError", "Throttling"})
RULE = "lcm-"
"""How the lifecycle rules begin that are the platform's own."""
BUCKET_MEMORY_SECONDS = 60.0
"""A bucket that was seen is not asked for again so long; a lost one is made again after that."""


class S3ContentStore:
    """Implements ``ContentStore``.

    Args:
        endpoint: base URL of an S3 API, empty for AWS.
        region: where buckets are made.
        threads: calls that run at once.
        timeout_seconds: limit of one call.
    """

    def __init__(self, endpoint: str, *, region: str, threads: int = 16, timeout_seconds: float = 20.0) -> None:
        self._region = region
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="s3")
        config = Config(
            connect_timeout=3,
            read_timeout=timeout_seconds,
            retries={"max_attempts": 3, "mode": "standard"},
            max_pool_connections=threads,
            s3={"addressing_style": "path"},
        )
        self._s3: S3Client = boto3.client("s3", region_name=region, endpoint_url=endpoint or None, config=config)
        self._buckets: dict[str, float] = {}
        self._expiring: set[tuple[str, str, int]] = set()

    async def close(self) -> None:
        """End the threads."""
        await asyncio.to_thread(self._pool.shutdown)

    async def ensure_bucket(self, bucket: str) -> None:
        """See ``ContentStore``."""
        if time.monotonic() - self._buckets.get(bucket, -BUCKET_MEMORY_SECONDS) < BUCKET_MEMORY_SECONDS:
            return
        try:
            await self._run(lambda: self._s3.head_bucket(Bucket=bucket))
        except OutsideNotFound:
            _require_leadership()
            await self._run(lambda: self._create(bucket))
        self._buckets[bucket] = time.monotonic()

    def _create(self, bucket: str) -> None:
        try:
            if self._region == "us-east-1":  # the one region that refuses to be named here
                self._s3.create_bucket(Bucket=bucket)
            else:
                place = {"LocationConstraint": self._region}
                self._s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)  # type: ignore[arg-type]
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in _MINE_ALREADY:
                raise

    async def expire(self, bucket: str, prefix: str, days: int) -> None:
        """See ``ContentStore``; a rule that this process has seen or made is not looked for again."""
        if (bucket, prefix, days) in self._expiring:
            return
        _require_leadership()
        await self._run(lambda: self._keep_rule(bucket, prefix, days))
        self._expiring.add((bucket, prefix, days))

    def _keep_rule(self, bucket: str, prefix: str, days: int) -> None:
        name = f"{RULE}{prefix.strip('/')}"
        wanted = {"ID": name, "Status": "Enabled", "Filter": {"Prefix": prefix}, "Expiration": {"Days": days}}
        rules = list(self._rules(bucket))
        if wanted not in rules:
            others = [rule for rule in rules if rule.get("ID") != name]
            self._s3.put_bucket_lifecycle_configuration(
                Bucket=bucket,
                LifecycleConfiguration={"Rules": [*others, wanted]},  # type: ignore[list-item]
            )

    def _rules(self, bucket: str) -> Sequence[Mapping[str, object]]:
        try:
            return self._s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "NoSuchLifecycleConfiguration":
                return []
            raise

    async def put(self, bucket: str, key: str, content: bytes, content_type: str) -> None:
        """See ``ContentStore``."""
        _require_leadership()
        await self._run(lambda: self._s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type))

    async def get(self, bucket: str, key: str, limit_bytes: int) -> bytes:
        """See ``ContentStore``."""

        def read() -> bytes:
            body = self._s3.get_object(Bucket=bucket, Key=key)["Body"]
            content = body.read(limit_bytes + 1)
            body.close()
            return content

        content = await self._run(read)
        if len(content) > limit_bytes:
            raise OutsideRefused(SYSTEM, f"s3://{bucket}/{key} is larger than {limit_bytes} bytes")
        return content

    async def exists(self, bucket: str, key: str) -> bool:
        """See ``ContentStore``."""
        try:
            await self._run(lambda: self._s3.head_object(Bucket=bucket, Key=key))
        except OutsideNotFound:
            return False
        return True

    async def list(self, bucket: str, prefix: str, limit: int) -> Sequence[StoredObject]:
        """See ``ContentStore``."""

        def read() -> list[StoredObject]:
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
            return [
                StoredObject(each["Key"], each["ETag"].strip('"'), each["Size"], each["LastModified"])
                for page in pages
                for each in page.get("Contents", [])
            ]

        try:
            found = await self._run(read)
        except OutsideNotFound:
            return []
        return sorted(found, key=lambda each: (each.modified, each.key), reverse=True)[:limit]

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except ClientError as error:
            raise _outside(error) from error
        except BotoCoreError as error:
            raise OutsideUnavailable(SYSTEM, f"cannot be reached: {error}") from error


def _require_leadership() -> None:
    context = current_context()
    if context is not None:
        context.leadership.require()


def _outside(error: ClientError) -> OutsideError:
    answer = error.response
    code = answer.get("Error", {}).get("Code", "")
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    message = f"answered {error.operation_name} with {code}: {answer.get('Error', {}).get('Message', '')}"
    if code in _MISSING or status == 404:
        return OutsideNotFound(SYSTEM, message)
    if code in _PASSING or status >= 500 or status == 429:
        return OutsideUnavailable(SYSTEM, message)
    return OutsideRefused(SYSTEM, message)
