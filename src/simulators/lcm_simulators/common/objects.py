"""Reading objects of S3 without blocking the event loop."""

import asyncio
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

REGION = "us-east-1"


class ObjectMissingError(RuntimeError):
    """An object cannot be read; the message names it."""


class ObjectReader:
    """Reads objects through the AWS endpoint of the platform."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._client: Any = None

    def _s3(self) -> Any:
        if self._client is None:
            config = Config(
                s3={"addressing_style": "path"}, connect_timeout=3, read_timeout=10, retries={"max_attempts": 3}
            )
            self._client = boto3.client("s3", region_name=REGION, endpoint_url=self._endpoint or None, config=config)
        return self._client

    def _read(self, bucket: str, key: str) -> bytes:
        try:
            body: bytes = self._s3().get_object(Bucket=bucket, Key=key)["Body"].read()
        except (ClientError, BotoCoreError) as error:
            raise ObjectMissingError(f"s3://{bucket}/{key} cannot be read: {error}") from error
        return body

    def _newest(self, bucket: str, prefix: str) -> tuple[str, int]:
        try:
            found = self._s3().list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        except (ClientError, BotoCoreError) as error:
            raise ObjectMissingError(f"s3://{bucket}/{prefix} cannot be listed: {error}") from error
        if not found:
            raise ObjectMissingError(f"s3://{bucket}/{prefix} holds nothing")
        newest = max(found, key=lambda item: item["LastModified"])
        return str(newest["Key"]), int(newest["Size"])

    async def read(self, bucket: str, key: str) -> bytes:
        """The bytes of an object. Raises ``ObjectMissingError``."""
        return await asyncio.to_thread(self._read, bucket, key)

    async def newest(self, bucket: str, prefix: str) -> tuple[str, int]:
        """Key and size of the newest object below a prefix. Raises ``ObjectMissingError``."""
        return await asyncio.to_thread(self._newest, bucket, prefix)
