"""The ASGI application of one simulated controller."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from lcm_simulators.cml.api import ROUTER
from lcm_simulators.cml.push import serve_websocket
from lcm_simulators.cml.routing import Answer, ApiError, Call, Endpoint
from lcm_simulators.common import FaultAndJournalMiddleware

if TYPE_CHECKING:
    from lcm_simulators.cml.controller import Controller

PREFIX = "/api/v0/"
DOUBLED = "/api/v0//api/v0/"
MAX_BODY = 64 * 1024 * 1024
BAD_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1>nginx</body></html>"


def controller_app(controller: Controller) -> ASGIApp:
    """The application with the world's faults and journal around it; the fault key is the instance id."""

    def identify(scope: Scope) -> tuple[str, str]:
        try:
            endpoint, _ = ROUTER.find(scope["method"], api_path(scope["path"]))
        except ApiError:
            return "unknown", controller.instance_id
        return endpoint.name, controller.instance_id

    inner = ControllerApp(controller)
    return FaultAndJournalMiddleware(
        inner, journal=controller.world.journal, faults=controller.world.faults, identify=identify
    )


def api_path(path: str) -> str:
    """The part behind `/api/v0`; the vendor's client doubles the prefix of capture downloads."""
    if path.startswith(DOUBLED):
        return path[len(DOUBLED) :]
    if not path.startswith(PREFIX):
        raise ApiError(404, "Not Found")
    return path[len(PREFIX) :]


class ControllerApp:
    """Routes HTTP calls to handlers and WebSockets to the event stream."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection scope."""
        if scope["type"] == "websocket":
            await serve_websocket(self._controller, scope, receive, send)
            return
        if scope["type"] != "http":
            return
        if self._controller.phase in {"off", "connection_refused", "bad_gateway"}:
            await _send(send, 502, b"text/html", BAD_GATEWAY)
            return
        status, media_type, payload = await self._answer(scope, receive)
        await _send(send, status, media_type, payload)

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, bytes, bytes]:
        try:
            if scope["path"] == "/":
                return 200, b"text/html", b"<html><head><title>Cisco Modeling Labs</title></head></html>"
            endpoint, params = ROUTER.find(scope["method"], api_path(scope["path"]))
            call = Call(
                self._controller, scope["method"], scope["path"], params,
                dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
                {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]},
                await _read_body(receive),
            )  # fmt: skip
            self._admit(call, endpoint)
            result = endpoint.handler(call)
            if call.method != "GET":
                # What a client was told has happened survives a crash of the simulator.
                self._controller.world.store.flush()
            return _encode(result)
        except ApiError as error:
            body = orjson.dumps({"code": error.status, "description": error.description})
            return error.status, b"application/json", body

    def _admit(self, call: Call, endpoint: Endpoint) -> None:
        if not endpoint.public:
            scheme, _, token = call.headers.get("authorization", "").partition(" ")
            user = self._controller.user_of(token.strip()) if scheme.lower() == "bearer" else None
            if user is None:
                raise ApiError(401, "No authorization token provided or the token is invalid or expired.")
            call.user = user
        if not (endpoint.early or self._controller.ready):
            raise ApiError(503, "The controller is starting.")


def _encode(result: object) -> tuple[int, bytes, bytes]:
    if not isinstance(result, Answer):
        return 200, b"application/json", orjson.dumps(result, option=orjson.OPT_NON_STR_KEYS)
    if result.raw is not None:
        return result.status, result.media_type.encode(), result.raw
    if result.text is not None:
        return result.status, result.media_type.encode(), result.text.encode()
    if result.status == 204:
        return 204, b"", b""
    return result.status, result.media_type.encode(), orjson.dumps(result.body, option=orjson.OPT_NON_STR_KEYS)


async def _read_body(receive: Receive) -> bytes:
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ApiError(400, "The client went away.")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY:
            raise ApiError(413, "The request body is too large.")
        chunks.append(chunk)
        if not message.get("more_body"):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _send(send: Send, status: int, media_type: bytes, payload: bytes) -> None:
    headers = [(b"server", b"nginx")]
    if status != 204:
        headers += [(b"content-type", media_type), (b"content-length", str(len(payload)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": payload})
