"""AWS clients in a bounded pool of threads: the SDK blocks, the event loop must not."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import boto3
from botocore.config import Config

from lcm_core.observability.tracing import client_span

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_ec2 import EC2Client

ResultT = TypeVar("ResultT")


class AwsClients:
    """EC2 and CloudWatch clients per region, and the threads that run their calls.

    Args:
        endpoint: base URL of all services; empty for AWS itself.
        threads: calls that run at once.
        timeout_seconds: limit of one call.
    """

    def __init__(self, *, endpoint: str = "", threads: int = 16, timeout_seconds: float = 20.0) -> None:
        self._endpoint = endpoint or None
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="aws")
        self._config = Config(
            connect_timeout=min(3.0, timeout_seconds),
            read_timeout=timeout_seconds,
            # The reconcile loop repeats with its own back-off; a hidden second try would double the time to an answer.
            retries={"total_max_attempts": 1, "mode": "standard"},
            max_pool_connections=threads,
            proxies={} if endpoint else None,
        )
        self._session = boto3.session.Session()
        self._lock = threading.Lock()
        self._ec2: dict[str, EC2Client] = {}
        self._cloudwatch: dict[str, CloudWatchClient] = {}

    async def with_ec2(self, region: str, name: str, call: "Callable[[EC2Client], ResultT]") -> ResultT:
        """Run a call, by its name in traces, against the region's EC2 in a thread."""
        return await self._run(f"{name} EC2", lambda: call(self._ec2_of(region)))

    async def with_cloudwatch(self, region: str, name: str, call: "Callable[[CloudWatchClient], ResultT]") -> ResultT:
        """Run a call, by its name in traces, against the region's CloudWatch in a thread."""
        return await self._run(f"{name} CloudWatch", lambda: call(self._cloudwatch_of(region)))

    async def _run(self, name: str, call: Callable[[], ResultT]) -> ResultT:
        # AWS takes no trace context; the headers written here go nowhere.
        with client_span(name, {}):
            return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    def close(self) -> None:
        """Let running calls end by themselves and start no more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _ec2_of(self, region: str) -> "EC2Client":
        with self._lock:  # making clients is not thread-safe
            if region not in self._ec2:
                self._ec2[region] = self._session.client(
                    "ec2", region_name=region, endpoint_url=self._endpoint, config=self._config
                )
            return self._ec2[region]

    def _cloudwatch_of(self, region: str) -> "CloudWatchClient":
        with self._lock:
            if region not in self._cloudwatch:
                self._cloudwatch[region] = self._session.client(
                    "cloudwatch", region_name=region, endpoint_url=self._endpoint, config=self._config
                )
            return self._cloudwatch[region]
