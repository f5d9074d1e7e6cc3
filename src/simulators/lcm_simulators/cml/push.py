"""The WebSockets of a controller: the event stream `/ws/ui` and raw consoles."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qs

import orjson
from starlette.types import Receive, Scope, Send

from lcm_simulators.cml.access import permissions
from lcm_simulators.cml.consoles.session import ConsoleSession
from lcm_simulators.cml.lab.statistics import system_stats
from lcm_simulators.cml.model import User

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller

CONSOLE_PATH = "/ws/dispatch/frontend/console"
STATS_SECONDS = 10.0


async def serve_websocket(controller: Controller, scope: Scope, receive: Receive, send: Send) -> None:
    """Handle one WebSocket connection."""
    if (await receive())["type"] != "websocket.connect":
        return
    if not controller.ready:
        await send({"type": "websocket.close", "code": 1013})
    elif scope["path"] == "/ws/ui":
        await send({"type": "websocket.accept"})
        await _events(controller, scope, receive, send)
    elif scope["path"] == CONSOLE_PATH:
        await _console(controller, scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 1008})


async def _events(controller: Controller, scope: Scope, receive: Receive, send: Send) -> None:
    user = await _authenticated(controller, receive)
    if user is None:
        await send({"type": "websocket.close", "code": 1008})
        return
    queue = controller.events.subscribe()
    lab_filter: list[str] = [""]
    reader = asyncio.create_task(_read_filters(receive, lab_filter))
    writer = asyncio.create_task(_write_events(controller, user, queue, lab_filter, send))
    try:
        await asyncio.wait({reader, writer}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        controller.events.unsubscribe(queue)
        for task in (reader, writer):
            task.cancel()
            with suppress(asyncio.CancelledError, OSError, RuntimeError):
                await task


async def _authenticated(controller: Controller, receive: Receive) -> User | None:
    """The first message of a client carries its token."""
    message = await receive()
    if message["type"] != "websocket.receive":
        return None
    body = _json_of(message.get("text") or message.get("bytes") or "")
    return controller.user_of(str(body.get("token", "")))


async def _read_filters(receive: Receive, lab_filter: list[str]) -> None:
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        body = _json_of(message.get("text") or message.get("bytes") or "")
        if "lab_filter" in body:
            lab_filter[0] = str(body["lab_filter"] or "")


async def _write_events(
    controller: Controller,
    user: User,
    queue: asyncio.Queue[dict[str, object] | None],
    lab_filter: list[str],
    send: Send,
) -> None:
    while True:
        try:
            frame = await asyncio.wait_for(queue.get(), STATS_SECONDS)
        except TimeoutError:
            frame = {"event_type": "system_stats", "data": system_stats(controller)}
        if frame is None:
            await send({"type": "websocket.close", "code": 1001})
            return
        if _wanted(controller, user, frame, lab_filter[0]):
            await send({"type": "websocket.send", "text": orjson.dumps(frame).decode()})


def _wanted(controller: Controller, user: User, frame: dict[str, object], lab_filter: str) -> bool:
    lab_id = str(frame.get("lab_id") or "")
    if not lab_id:
        return True
    if lab_filter and lab_filter != lab_id:
        return False
    lab = controller.labs.get(lab_id)
    return user.admin or lab is None or bool(permissions(controller, lab, user))


async def _console(controller: Controller, scope: Scope, receive: Receive, send: Send) -> None:
    key = parse_qs(scope["query_string"].decode("latin-1")).get("uuid", [""])[0]
    for lab in controller.labs.values():
        for node in lab.nodes.values():
            if key and key in node.console_keys:
                await send({"type": "websocket.accept"})
                session = ConsoleSession(controller, lab, node, node.console_keys.index(key))
                await _talk(session, receive, send)
                return
    await send({"type": "websocket.close", "code": 1008})


async def _talk(session: ConsoleSession, receive: Receive, send: Send) -> None:
    await send({"type": "websocket.send", "bytes": session.greeting().encode()})
    while (message := await receive())["type"] != "websocket.disconnect":
        data = message.get("bytes") or (message.get("text") or "").encode()
        output = session.feed(cast("bytes", data), echo=True)
        if output:
            await send({"type": "websocket.send", "bytes": output.encode()})


def _json_of(text: str | bytes) -> dict[str, object]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
