"""What the world does not answer itself, moto does."""

import contextlib

import httpx

from lcm_simulators.ec2.call import Call
from lcm_simulators.ec2.errors import AwsError
from lcm_simulators.ec2.reply import Reply

_LIMIT_SECONDS = 30.0
_WARM_UP = {"Action": "DescribeImages", "Version": "2016-11-15", "Owner.1": "self"}
_WARM_UP_SCOPE = "AWS4-HMAC-SHA256 Credential=testing/20260101/us-east-1/ec2/aws4_request"
_HOP_HEADERS = {"host", "connection", "content-length", "transfer-encoding", "expect"}
_ANSWER_HEADERS = ("content-type", "smithy-protocol", "x-amzn-requestid", "x-amzn-query-error")


class Moto:
    """Passes calls on, unchanged, signature and all: moto reads the region from it."""

    def __init__(self, url: str) -> None:
        self._client = httpx.AsyncClient(base_url=url, timeout=_LIMIT_SECONDS, trust_env=False) if url else None

    async def answer(self, call: Call, target: str) -> Reply:
        """moto's answer to a call; `target` is its path with the query. Raises `AwsError` when moto does not answer."""
        if self._client is None:
            raise AwsError("InvalidAction", f"The action {call.action} is not valid for this endpoint.")
        headers = {name: value for name, value in call.headers.items() if name not in _HOP_HEADERS}
        try:
            answer = await self._client.request(call.method, target, headers=headers, content=call.body)
        except httpx.HTTPError as error:
            raise AwsError("ServiceUnavailable", f"moto does not answer: {error!r}", 503) from error
        kept = {name: answer.headers[name] for name in _ANSWER_HEADERS if name in answer.headers}
        return Reply(answer.status_code, answer.content, kept)

    async def warm_up(self) -> None:
        """Let moto load its tables, which makes its first EC2 call take seconds. Nothing is lost when it is away."""
        if self._client is not None:
            with contextlib.suppress(httpx.HTTPError):
                await self._client.post("/", data=_WARM_UP, headers={"authorization": _WARM_UP_SCOPE})

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
