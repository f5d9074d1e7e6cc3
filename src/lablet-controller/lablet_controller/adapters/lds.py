"""The Lab Delivery System over REST with HTTP Basic."""

from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import quote

import httpx
from pydantic import Field, TypeAdapter

from lablet_controller.adapters.http import OutsideClient
from lablet_controller.adapters.wire import Answer, read
from lcm_core.spi.errors import OutsideNotFound
from lcm_core.spi.lds import LdsDevice, LdsReservation, LdsSession, LdsState

SYSTEM = "LDS"
SESSIONS = "/reservations/v3/lab_session"
REPOSITORY_TYPE = "minio"


class _Part(Answer):
    id: str
    part: int = 1


class _Session(Answer):
    id: str
    auth_id: str = ""
    state: LdsState = LdsState.EMPTY
    session_parts: list[_Part] = Field(default_factory=list)

    def info(self, auth_id: str) -> LdsSession:
        parts = sorted(self.session_parts, key=lambda part: part.part)
        return LdsSession(self.id, self.auth_id or auth_id, self.state, parts[0].id if parts else "")


class _Sessions(Answer):
    items: list[_Session] = Field(default_factory=list)


class _Launch(Answer):
    url: str


class _Folder(Answer):
    version: str | int = ""


_SESSION = TypeAdapter(_Session)
_SESSIONS = TypeAdapter(_Sessions)
_LAUNCH = TypeAdapter(_Launch)
_FOLDER = TypeAdapter(_Folder)


class HttpDeliverySystem:
    """Implements ``DeliverySystem``."""

    def __init__(self, url: str, username: str, password: str, *, timeout_seconds: float = 10.0) -> None:
        self._client = OutsideClient(
            SYSTEM, url, auth=httpx.BasicAuth(username, password), timeout_seconds=timeout_seconds, max_connections=32
        )

    async def close(self) -> None:
        """Close the pool."""
        await self._client.close()

    async def find(self, auth_id: str) -> Sequence[LdsSession]:
        """See ``DeliverySystem``."""
        answer = await self._client.json("GET", SESSIONS, params={"auth_id": auth_id})
        return [item.info(auth_id) for item in read(SYSTEM, _SESSIONS, answer).items]

    async def create(self, reservation: LdsReservation) -> LdsSession:
        """See ``DeliverySystem``."""
        body = {
            "origin": "lcm",
            "auth_id": reservation.auth_id,
            "auth_id_type": "lcm_session",
            "candidate_id": reservation.candidate_id,
            "location": reservation.region,
            "timezone_offset": 0,
            "first_name": reservation.first_name,
            "last_name": reservation.last_name,
            "rack_group": "lcm",
            "rack_number": 1,
            "scheduled_date": reservation.scheduled_date,
            "session_parts": [
                {
                    "repository_type": REPOSITORY_TYPE,
                    "form_qualified_name": reservation.form_qualified_name,
                    "variables": {},
                }
            ],
        }
        answer = await self._client.json("POST", SESSIONS, json_body=body)
        return read(SYSTEM, _SESSION, answer).info(reservation.auth_id)

    async def set_devices(self, session_id: str, part: int, devices: Sequence[LdsDevice]) -> None:
        """See ``DeliverySystem``."""
        body = [
            {
                "device_label": device.label,
                "protocol": device.protocol,
                "host": device.host,
                "port": device.port,
                "uri": device.uri,
                "username": device.username,
                "password": device.password,
            }
            for device in devices
        ]
        await self._client.call("PUT", f"{SESSIONS}/{session_id}/part/{part}/devices", json_body=body)

    async def launch_url(self, session_id: str) -> str:
        """See ``DeliverySystem``."""
        answer = await self._client.json("GET", f"{SESSIONS}/{session_id}/lablet_launch_url")
        return read(SYSTEM, _LAUNCH, answer).url

    async def release(self, session_id: str) -> None:
        """See ``DeliverySystem``."""
        with suppress(OutsideNotFound):
            await self._client.call("POST", f"{SESSIONS}/{session_id}/release", json_body={})

    async def refresh_content(self, form_qualified_name: str) -> str:
        """See ``DeliverySystem``."""
        path = f"/reservations/v3/lab_folder/{REPOSITORY_TYPE}/{quote(form_qualified_name, safe='')}"
        return str(read(SYSTEM, _FOLDER, await self._client.json("PUT", path, json_body={})).version)
