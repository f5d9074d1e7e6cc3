"""Delivery sessions as they are asked for, stored and shown."""

from datetime import UTC, datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, JsonValue


class LdsState(StrEnum):
    """State of a delivery session."""

    EMPTY = "EMPTY"
    """It has no part, so there is nothing to deliver."""
    PENDING = "PENDING"
    """Its devices are not known yet."""
    PRELAUNCH = "PRELAUNCH"
    """The learner may start."""
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    USER_FINISHED = "USER_FINISHED"
    """The learner has handed in, or the time was over."""
    ARCHIVED = "ARCHIVED"
    """Released by whoever reserved it."""


class LearnerAction(StrEnum):
    """What the learner's buttons do; ``start`` also goes on after a pause."""

    START = "start"
    PAUSE = "pause"
    FINISH = "finish"


class Protocol(StrEnum):
    """How a device is reached."""

    SERIAL = "serial"
    TELNET = "telnet"
    SSH = "ssh"
    VNC = "vnc"
    RDP = "rdp"
    HTTP = "http"
    HTTPS = "https"
    PAT = "pat"


class Device(BaseModel):
    """How the learner reaches one device."""

    model_config = ConfigDict(extra="forbid")

    device_label: str = Field(min_length=1, max_length=128)
    protocol: Protocol
    host: str = Field(min_length=1, max_length=255)
    port: int = Field(ge=1, le=65535)
    uri: str = Field(default="", max_length=500)
    username: str = Field(default="", max_length=128)
    password: str = Field(default="", max_length=256)


class PartRequest(BaseModel):
    """One part of a new session."""

    model_config = ConfigDict(extra="forbid")

    repository_type: str = Field(pattern="^minio$")
    form_qualified_name: str = Field(min_length=1, max_length=200)
    variables: dict[str, JsonValue] = Field(default_factory=dict)


class SessionRequest(BaseModel):
    """Body of a new session."""

    model_config = ConfigDict(extra="forbid")

    origin: str = Field(min_length=1, max_length=100)
    auth_id: str = Field(min_length=1, max_length=200)
    auth_id_type: str = Field(min_length=1, max_length=100)
    candidate_id: str = Field(min_length=1, max_length=200)
    location: str = Field(default="", max_length=100)
    timezone_offset: float = Field(default=0, ge=-14 * 60, le=14 * 60)
    first_name: str = Field(default="", max_length=200)
    last_name: str = Field(default="", max_length=200)
    rack_group: str = Field(default="", max_length=100)
    rack_number: int = 0
    scheduled_date: datetime
    session_parts: list[PartRequest] = Field(max_length=20)


class Part(BaseModel):
    """One part of a session; ``content_version`` is empty while none was found."""

    id: str
    part: int
    form_qualified_name: str
    variables: dict[str, JsonValue] = Field(default_factory=dict)
    content_version: str = ""
    devices: list[Device] = Field(default_factory=list)
    devices_known: bool = False


class DeliverySession(BaseModel):
    """One stored session."""

    id: str
    request: SessionRequest
    state: LdsState
    parts: list[Part]
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def auth_id(self) -> str:
        """The platform's own id of the session."""
        return self.request.auth_id

    @property
    def learner(self) -> str:
        """The learner's name."""
        return f"{self.request.first_name} {self.request.last_name}".strip() or self.request.candidate_id

    @property
    def devices(self) -> list[Device]:
        """Devices of all parts."""
        return [device for part in self.parts for device in part.devices]

    def view(self) -> dict[str, object]:
        """The session as the API shows it; credentials stay inside."""
        return {
            "id": self.id,
            "auth_id": self.auth_id,
            "candidate_id": self.request.candidate_id,
            "state": self.state,
            "session_parts": [
                {
                    "id": part.id,
                    "part": part.part,
                    "form_qualified_name": part.form_qualified_name,
                    "content_version": part.content_version,
                    "devices": [device.device_label for device in part.devices],
                }
                for part in self.parts
            ],
            "devices": [device.device_label for device in self.devices],
            "content_version": next((part.content_version for part in self.parts if part.content_version), ""),
            "scheduled_date": self.request.scheduled_date.isoformat(),
            "created_at": self.created_at.isoformat(),
            "started_at": self.started_at.isoformat() if self.started_at else None,
            "ended_at": self.ended_at.isoformat() if self.ended_at else None,
        }
