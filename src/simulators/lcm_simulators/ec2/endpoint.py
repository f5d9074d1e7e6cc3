"""The one endpoint of EC2, CloudWatch and S3: reads a call, lets faults strike, answers it, writes the journal."""

import asyncio
import json

from starlette.types import Receive, Scope, Send

from lcm_simulators.common.faults import Fault, FaultKind
from lcm_simulators.ec2.answers import answered, refused
from lcm_simulators.ec2.call import Call, Protocol, read_call
from lcm_simulators.ec2.errors import AwsError
from lcm_simulators.ec2.faulty import fault_error
from lcm_simulators.ec2.operations import answers
from lcm_simulators.ec2.reply import Reply
from lcm_simulators.ec2.s3.routing import action_of, locate
from lcm_simulators.ec2.world import Ec2World

MAX_BODY = 128 * 1024 * 1024


class BodyTooLarge(Exception):
    """More than `MAX_BODY` bytes were sent."""


class AwsEndpoint:
    """An ASGI application."""

    def __init__(self, world: Ec2World) -> None:
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one call."""
        try:
            call = read_call(scope, await _body(receive))
        except AwsError as error:
            unread = Call("", "", Protocol.QUERY, scope["method"], scope["path"], {}, {}, b"")
            await _reply(send, refused(unread, error), unread)
            return
        except BodyTooLarge:
            await send({"type": "http.response.start", "status": 413, "headers": [(b"connection", b"close")]})
            await send({"type": "http.response.body", "body": b""})
            return
        bucket, key = "", ""
        if call.service == "s3" and not call.action:
            bucket, key = locate(call)
            call.action, call.key = action_of(call, bucket, key), f"{bucket}/{key}" if key else bucket
        fault = self._world.faults.strike(call.action, call.method, call.path, call.key)
        status, note = await self._with_fault(fault, call, scope, send, bucket, key)
        told = " ".join(part for part in (note, call.note) if part)
        self._world.journal.record(call.action, call.method, call.path, status, call.key, told)

    async def _with_fault(
        self, fault: Fault | None, call: Call, scope: Scope, send: Send, bucket: str, key: str
    ) -> tuple[int, str]:
        """Send the answer that the fault leaves; status 0 is a broken connection."""
        if fault is None:
            return await _reply(send, await self._answer(call, scope, bucket, key), call), ""
        note = f"fault:{fault.kind}"
        match fault.kind:
            case FaultKind.LATENCY:
                await asyncio.sleep(fault.seconds)
                return await _reply(send, await self._answer(call, scope, bucket, key), call), note
            case FaultKind.HANG:
                await asyncio.sleep(fault.seconds)
                await _drop(send)
                return 0, note
            case FaultKind.DROP_AFTER_SUCCESS:
                status = (await self._answer(call, scope, bucket, key)).status
                await _drop(send)
                return 0, f"{note} after {status}"
            case FaultKind.WRONG_ANSWER:
                await self._answer(call, scope, bucket, key)
                body = fault.body if isinstance(fault.body, str) else json.dumps(fault.body)
                return await _reply(send, Reply(fault.status or 200, body.encode()), call), note
            case FaultKind.THROTTLE | FaultKind.STATUS:
                return await _reply(send, refused(call, fault_error(fault, call)), call), note

    async def _answer(self, call: Call, scope: Scope, bucket: str, key: str) -> Reply:
        try:
            return await self._carried_out(call, scope, bucket, key)
        except AwsError as error:
            return refused(call, error)

    async def _carried_out(self, call: Call, scope: Scope, bucket: str, key: str) -> Reply:
        world = self._world
        if call.service == "s3":
            return world.s3.answer(call, bucket, key)
        if call.service == "ec2":
            world.throttle.admit(call.action, call.region)
            operation = answers(call)
            if operation is not None:
                return answered(call, operation(world.fleet, call))
        elif call.service == "monitoring":
            tree = await world.cloudwatch.answer(call)
            if tree is not None:
                return answered(call, tree)
        target = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
        query = scope["query_string"].decode("latin-1")
        return await world.moto.answer(call, f"{target}?{query}" if query else target)


async def _body(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise AwsError("RequestTimeout", "The connection was closed before the body had arrived.")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY:
            raise BodyTooLarge
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks)


async def _reply(send: Send, reply: Reply, call: Call) -> int:
    headers = {"x-amzn-requestid": call.request_id, "x-amz-request-id": call.request_id, **reply.headers}
    body = b"" if call.method == "HEAD" else reply.body
    if reply.status not in (204, 304) and not any(name.lower() == "content-length" for name in headers):
        headers["Content-Length"] = str(len(body))
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
    return reply.status


async def _drop(send: Send) -> None:
    """Break the connection before any byte of an answer, as a time-out on the way does.

    The AWS SDK would take half an answer for a whole one that it cannot read. ASGI has no way to do this, so the
    connection of the server's own `send` is taken; behind another server, half an answer must do.
    """
    abort = getattr(getattr(getattr(send, "__self__", None), "transport", None), "abort", None)
    if callable(abort):
        abort()
        await asyncio.sleep(0)  # the server notices the loss
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000000")]})
