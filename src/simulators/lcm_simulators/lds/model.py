"""Delivery sessions as they are stored and shown."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class LdsState(StrEnum):
    """State of a delivery session."""

    EMPTY = "EMPTY"
    PENDING = "PENDING"
    PRELAUNCH = "PRELAUNCH"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    USER_FINISHED = "USER_FINISHED"
    ARCHIVED = "ARCHIVED"


class Device(BaseModel):
    """How the learner reaches one device."""

    model_config = ConfigDict(extra="forbid")

    device_label: str = Field(min_length=1, max_length=128)
    protocol: str = Field(min_length=1, max_length=20)
    host: str = ""
    port: int = Field(default=0, ge=0, le=65535)
    uri: str = ""
    username: str = ""
    password: str = ""


class PartRequest(BaseModel):
    """One part of a new session."""

    model_config = ConfigDict(extra="ignore")

    repository_type: str = Field(min_length=1)
    form_qualified_name: str = Field(min_length=1)
    variables: dict[str, Any] = Field(default_factory=dict)


class SessionRequest(BaseModel):
    """Body of a new session."""

    model_config = ConfigDict(extra="ignore")

    origin: str = ""
    auth_id: str = Field(min_length=1, max_length=200)
    auth_id_type: str = ""
    candidate_id: str = ""
    location: str = ""
    timezone_offset: float | str = 0
    first_name: str = ""
    last_name: str = ""
    rack_group: str = ""
    rack_number: int | str = 0
    scheduled_date: str = ""
    session_parts: list[PartRequest] = Field(min_length=1, max_length=20)


class Part(PartRequest):
    """One part of a session."""

    id: str
    part: int
    devices: list[Device] = Field(default_factory=list)


class DeliverySession(BaseModel):
    """One stored session."""

    id: str
    auth_id: str
    candidate_id: str = ""
    first_name: str = ""
    last_name: str = ""
    state: LdsState = LdsState.PENDING
    parts: list[Part]
    content_version: str = ""
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC))

    def view(self) -> dict[str, object]:
        """The session as the API shows it; credentials stay inside."""
        return {
            "id": self.id,
            "auth_id": self.auth_id,
            "state": self.state,
            "session_parts": [
                {"id": part.id, "part": part.part, "form_qualified_name": part.form_qualified_name}
                for part in self.parts
            ],
            "devices": [device.device_label for part in self.parts for device in part.devices],
            "content_version": self.content_version,
        }
