"""The HTTP side of the delivery system."""

import asyncio
import base64
import binascii
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from lcm_simulators.common import FaultBook, Journal, SimulatedClock, install_admin
from lcm_simulators.lds.model import Device, SessionRequest
from lcm_simulators.lds.page import learner_page
from lcm_simulators.lds.service import DeliveryService, LdsError
from lcm_simulators.lds.settings import LdsSettings

BASE = "/reservations/v3"
_DEVICES = TypeAdapter(list[Device])


class _Endpoints:
    def __init__(self, settings: LdsSettings, service: DeliveryService) -> None:
        self._settings, self._service = settings, service

    def _authenticate(self, request: Request) -> None:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        try:
            user, _, password = base64.b64decode(value).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user, password = "", ""
        wanted = self._settings.password.get_secret_value()
        fits = hmac.compare_digest(user.encode(), self._settings.username.encode()) & hmac.compare_digest(
            password.encode(), wanted.encode()
        )
        if scheme.lower() != "basic" or not fits:
            raise LdsError(401, "unauthorized", "User name or password is wrong.")

    async def create_session(self, request: Request) -> Response:
        self._authenticate(request)
        session = self._service.create(SessionRequest.model_validate_json(await request.body()))
        return JSONResponse(session.view(), status_code=201)

    async def list_sessions(self, request: Request) -> Response:
        self._authenticate(request)
        found = self._service.find(request.query_params.get("auth_id", ""))
        return JSONResponse({"items": [session.view() for session in found]})

    async def get_session(self, request: Request) -> Response:
        self._authenticate(request)
        return JSONResponse(self._service.get(request.path_params["session_id"]).view())

    async def set_devices(self, request: Request) -> Response:
        self._authenticate(request)
        devices = _DEVICES.validate_json(await request.body())
        part, session_id = request.path_params["part"], request.path_params["session_id"]
        return JSONResponse(self._service.set_devices(session_id, part, devices).view())

    async def launch_url(self, request: Request) -> Response:
        self._authenticate(request)
        return JSONResponse({"url": self._service.launch_url(request.path_params["session_id"])})

    async def release(self, request: Request) -> Response:
        self._authenticate(request)
        if not await request.body() or "json" not in request.headers.get("content-type", ""):
            raise LdsError(415, "unsupported_media_type", "Send a JSON body, {} is enough.")
        return JSONResponse(self._service.release(request.path_params["session_id"]).view())

    async def refresh_content(self, request: Request) -> Response:
        self._authenticate(request)
        return JSONResponse(await self._service.refresh(request.path_params["form_qualified_name"]))

    async def show_page(self, request: Request) -> Response:
        query = request.query_params
        session = self._service.admit(
            request.path_params["session_id"], query.get("expires", ""), query.get("signature", "")
        )
        return HTMLResponse(learner_page(session, request.url.query))

    async def press_button(self, request: Request) -> Response:
        query = request.query_params
        session = self._service.admit(
            request.path_params["session_id"], query.get("expires", ""), query.get("signature", "")
        )
        action = request.path_params["action"]
        if action not in {"start", "pause", "finish"}:
            raise LdsError(404, "not_found", "There is no such button.")
        try:
            self._service.move(session, action)
        except LdsError as error:
            return HTMLResponse(learner_page(session, request.url.query, error.message), status_code=error.status)
        return RedirectResponse(f"/lab/{session.id}?{request.url.query}", status_code=303)


async def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, LdsError):
        if request.url.path.startswith("/lab/"):
            page = f"<!doctype html><html lang='en'><title>Lab</title><p role='alert'>{error.message}</p></html>"
            return HTMLResponse(page, status_code=error.status)
        headers = {"WWW-Authenticate": 'Basic realm="lds"'} if error.status == 401 else None
        return JSONResponse({"error": error.code, "message": error.message}, status_code=error.status, headers=headers)
    return JSONResponse({"error": "invalid_body", "message": str(error)}, status_code=400)


def create_app(settings: LdsSettings) -> Starlette:
    """The application. Raises ``ValueError`` for stored state that cannot be read."""
    service = DeliveryService(settings)
    points = _Endpoints(settings, service)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        sender = asyncio.create_task(service.events.run())
        yield
        sender.cancel()
        with suppress(asyncio.CancelledError):
            await sender

    one = f"{BASE}/lab_session/{{session_id}}"
    app = Starlette(
        routes=[
            Route(f"{BASE}/lab_session", points.create_session, methods=["POST"]),
            Route(f"{BASE}/lab_session", points.list_sessions, methods=["GET"]),
            Route(one, points.get_session, methods=["GET"]),
            Route(f"{one}/part/{{part:int}}/devices", points.set_devices, methods=["PUT"]),
            Route(f"{one}/lablet_launch_url", points.launch_url, methods=["GET"]),
            Route(f"{one}/release", points.release, methods=["POST"]),
            Route(f"{BASE}/lab_folder/minio/{{form_qualified_name}}", points.refresh_content, methods=["PUT"]),
            Route("/lab/{session_id}", points.show_page, methods=["GET"]),
            Route("/lab/{session_id}/{action}", points.press_button, methods=["POST"]),
        ],
        exception_handlers={LdsError: _refused, ValidationError: _refused},
        lifespan=lifespan,
    )
    app.state.service = service
    install_admin(
        app,
        simulator="lds",
        journal=Journal(),
        faults=FaultBook(),
        clock=SimulatedClock(settings.clock_factor),
    )
    return app
