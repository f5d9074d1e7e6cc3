"""ASGI middleware that applies faults and writes the journal."""

import asyncio
import json
from collections.abc import Callable, MutableMapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lcm_simulators.common.faults import Fault, FaultBook, FaultKind
from lcm_simulators.common.journal import Journal

Identify = Callable[[Scope], tuple[str, str]]
EXEMPT = ("/admin", "/health")


class FaultAndJournalMiddleware:
    """Asks the fault book before each call and records the answer afterwards.

    `identify(scope)` names a call: (operation, key). Paths below `/admin` and `/health` are left alone.
    """

    def __init__(self, app: ASGIApp, *, journal: Journal, faults: FaultBook, identify: Identify) -> None:
        self._app = app
        self._journal = journal
        self._faults = faults
        self._identify = identify

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one call (HTTP only; other scopes pass through)."""
        path = scope.get("path", "")
        if scope["type"] != "http" or path.startswith(EXEMPT):
            await self._app(scope, receive, send)
            return
        operation, key = self._identify(scope)
        if self._faults.faults:
            # Struck once it is complete: whoever sees a fault used up knows that the call had arrived.
            arrived = await _arrived(receive)
            if arrived is None:
                return
            receive = arrived
        fault = self._faults.strike(operation, scope["method"], path, key)
        status, note = await self._answer(fault, scope, receive, send)
        self._journal.record(operation, scope["method"], path, status, key, note)

    async def _answer(self, fault: Fault | None, scope: Scope, receive: Receive, send: Send) -> tuple[int, str]:
        if fault is None:
            return await self._pass(scope, receive, send), ""
        note = f"fault:{fault.kind}"
        match fault.kind:
            case FaultKind.LATENCY:
                await asyncio.sleep(fault.seconds)
                return await self._pass(scope, receive, send), note
            case FaultKind.HANG:
                await asyncio.sleep(fault.seconds)
                await _drop(send)
                return 0, note
            case FaultKind.DROP_AFTER_SUCCESS:
                status = await self._pass(scope, receive, _discard)
                await _drop(send)
                return 0, f"{note} after {status}"
            case FaultKind.WRONG_ANSWER:
                await self._pass(scope, receive, _discard)
                return await _reply(send, fault.status or 200, fault.body), note
            case FaultKind.THROTTLE:
                retry = [(b"retry-after", str(max(1, round(fault.seconds))).encode())]
                refusal = fault.body if fault.body is not None else {"detail": "too many requests"}
                return await _reply(send, fault.status or 429, refusal, retry), note
            case FaultKind.STATUS:
                status = fault.status or 500
                failure = fault.body if fault.body is not None else {"code": status, "description": "injected fault"}
                return await _reply(send, status, failure), note

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> int:
        status = 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self._app(scope, receive, watch)
        return status


async def _arrived(receive: Receive) -> Receive | None:
    """Take the whole request; None when its caller left before it was complete.

    A call that is handled late has its effect even when its caller has left meanwhile.
    """
    messages = [await receive()]
    while messages[-1].get("more_body"):
        messages.append(await receive())
    if messages[-1]["type"] == "http.disconnect":
        return None

    async def replay() -> Message:
        return messages.pop(0) if messages else await receive()

    return replay


async def _discard(message: MutableMapping[str, Any]) -> None:
    """A send channel to nowhere."""


async def _drop(send: Send) -> None:
    """Break the connection: a head that promises more than ever comes makes the server close it."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000000")]})


async def _reply(send: Send, status: int, body: object, headers: list[tuple[bytes, bytes]] | None = None) -> int:
    payload = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    kind = b"text/plain" if isinstance(body, str) else b"application/json"
    head = [(b"content-type", kind), (b"content-length", str(len(payload)).encode()), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": payload})
    return status
