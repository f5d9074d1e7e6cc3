"""The REST API of reservations, for callers with the user name and password of the deployment."""

import base64
import binascii
import hmac

from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lcm_simulators.common.rest import Refusal, json_body
from lcm_simulators.lds.launch import LaunchLinks
from lcm_simulators.lds.model import Device, SessionRequest
from lcm_simulators.lds.service import DeliveryService

BASE = "/reservations/v3"
_DEVICES = TypeAdapter(list[Device])


class ReservationApi:
    """The endpoints; their names are the operations that faults are matched by."""

    def __init__(self, service: DeliveryService, links: LaunchLinks, username: str, password: str) -> None:
        self._service, self._links = service, links
        self._credentials = f"{username}:{password}".encode()

    def routes(self) -> list[BaseRoute]:
        """The routes of the API."""
        one = f"{BASE}/lab_session/{{session_id}}"
        return [
            Route(f"{BASE}/lab_session", self.create_session, methods=["POST"]),
            Route(f"{BASE}/lab_session", self.list_sessions, methods=["GET"]),
            Route(one, self.get_session, methods=["GET"]),
            Route(f"{one}/part/{{part:int}}/devices", self.set_devices, methods=["PUT"]),
            Route(f"{one}/lablet_launch_url", self.launch_url, methods=["GET"]),
            Route(f"{one}/release", self.release, methods=["POST"]),
            Route(f"{BASE}/lab_folder/minio/{{form_qualified_name}}", self.refresh_content, methods=["PUT"]),
        ]

    async def create_session(self, request: Request) -> Response:
        """A new session, whatever exists already."""
        self._authenticate(request)
        session = self._service.create(SessionRequest.model_validate_json(await json_body(request)))
        return JSONResponse(session.view(), status_code=201)

    async def list_sessions(self, request: Request) -> Response:
        """Sessions of an ``auth_id``, or all."""
        self._authenticate(request)
        found = self._service.find(request.query_params.get("auth_id", ""))
        return JSONResponse({"items": [session.view() for session in found]})

    async def get_session(self, request: Request) -> Response:
        """One session."""
        self._authenticate(request)
        return JSONResponse(self._service.get(request.path_params["session_id"]).view())

    async def set_devices(self, request: Request) -> Response:
        """Replace the devices of a part."""
        self._authenticate(request)
        devices = _DEVICES.validate_json(await json_body(request))
        part, session_id = request.path_params["part"], request.path_params["session_id"]
        return JSONResponse(self._service.set_devices(session_id, part, devices).view())

    async def launch_url(self, request: Request) -> Response:
        """A fresh link for the learner."""
        self._authenticate(request)
        session = self._service.launchable(request.path_params["session_id"])
        return JSONResponse({"url": self._links.make(session.id)})

    async def release(self, request: Request) -> Response:
        """Archive a session; needs a body."""
        self._authenticate(request)
        await json_body(request)
        return JSONResponse(self._service.release(request.path_params["session_id"]).view())

    async def refresh_content(self, request: Request) -> Response:
        """Read the newest package of a form."""
        self._authenticate(request)
        folder = await self._service.refresh(request.path_params["form_qualified_name"])
        return JSONResponse(folder.model_dump(mode="json"))

    def _authenticate(self, request: Request) -> None:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        try:
            given = base64.b64decode(value, validate=True)
        except binascii.Error:
            given = b""
        if scheme.lower() != "basic" or not hmac.compare_digest(given, self._credentials):
            headers = {"WWW-Authenticate": 'Basic realm="lds", charset="UTF-8"'}
            raise Refusal(401, "unauthorized", "User name or password is missing or wrong.", headers)
