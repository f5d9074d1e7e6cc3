"""What the delivery system does: reservations, the learner's moves, content."""

import hashlib
import hmac
import re
import time
from pathlib import Path
from uuid import uuid4

from lcm_simulators.common.cloudevents import EventSender
from lcm_simulators.common.documents import DocumentFolder
from lcm_simulators.common.objects import ObjectMissingError, ObjectReader
from lcm_simulators.lds.model import DeliverySession, Device, LdsState, Part, SessionRequest
from lcm_simulators.lds.settings import LdsSettings

S = LdsState
_MOVES: dict[str, tuple[frozenset[LdsState], LdsState, str]] = {
    "start": (frozenset({S.PRELAUNCH, S.PENDING, S.PAUSED}), S.RUNNING, "lds.session.started.v1"),
    "pause": (frozenset({S.RUNNING}), S.PAUSED, "lds.session.paused.v1"),
    "finish": (frozenset({S.RUNNING, S.PAUSED}), S.USER_FINISHED, "lds.session.ended.v1"),
}
"""The learner's buttons: from which states, to which, with which event."""


class LdsError(Exception):
    """A refused call: HTTP status, code and message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def bucket_of(form_qualified_name: str) -> str:
    """The bucket of a content form: its slug."""
    return re.sub(r"[^a-z0-9]+", "-", form_qualified_name.lower()).strip("-")


class DeliveryService:
    """All sessions of one deployment."""

    def __init__(self, settings: LdsSettings) -> None:
        data: Path = settings.data_dir
        self._settings = settings
        self.sessions: DocumentFolder[DeliverySession] = DocumentFolder(data / "sessions", DeliverySession)
        secret = settings.events_secret.get_secret_value()
        self.events = EventSender(data / "outbox", settings.events_url, secret, f"/lds/{settings.region}")
        self._objects = ObjectReader(settings.aws_endpoint)
        self._key = hashlib.sha256(settings.password.get_secret_value().encode() + b"launch").digest()

    def create(self, request: SessionRequest) -> DeliverySession:
        """Make a session, also when there is one of this auth_id already."""
        session_id = uuid4().hex
        parts = [
            Part(id=f"{session_id}-{number}", part=number, **part.model_dump())
            for number, part in enumerate(request.session_parts, start=1)
        ]
        session = DeliverySession(
            id=session_id,
            auth_id=request.auth_id,
            candidate_id=request.candidate_id,
            first_name=request.first_name,
            last_name=request.last_name,
            parts=parts,
        )
        self.sessions.put(session_id, session)
        return session

    def get(self, session_id: str) -> DeliverySession:
        """One session. Raises ``LdsError`` 404."""
        session = self.sessions.get(session_id)
        if session is None:
            raise LdsError(404, "session_not_found", f"There is no session {session_id}.")
        return session

    def find(self, auth_id: str) -> list[DeliverySession]:
        """Sessions of an auth_id, oldest first; all of them for an empty one."""
        found = [session for session in self.sessions.all() if not auth_id or session.auth_id == auth_id]
        return sorted(found, key=lambda session: session.created_at)

    def set_devices(self, session_id: str, number: int, devices: list[Device]) -> DeliverySession:
        """Replace the devices of a part; the session can then be launched."""
        session = self._open(session_id)
        labels = [device.device_label for device in devices]
        doubled = sorted({label for label in labels if labels.count(label) > 1})
        if doubled:
            raise LdsError(400, "device_label_not_unique", f"Device labels must be unique: {', '.join(doubled)}.")
        for part in session.parts:
            if part.part == number:
                part.devices = devices
                break
        else:
            raise LdsError(404, "part_not_found", f"Session {session_id} has no part {number}.")
        if session.state is S.PENDING:
            session.state = S.PRELAUNCH
        self.sessions.put(session.id, session)
        return session

    def release(self, session_id: str) -> DeliverySession:
        """Archive a session; again is no harm."""
        session = self.get(session_id)
        if session.state is not S.ARCHIVED:
            session.state = S.ARCHIVED
            for part in session.parts:
                part.devices = [device.model_copy(update={"password": ""}) for device in part.devices]
            self.sessions.put(session.id, session)
        return session

    def move(self, session: DeliverySession, action: str) -> DeliverySession:
        """The learner presses a button. Raises ``LdsError`` 409 when the state does not allow it."""
        allowed, target, event = _MOVES[action]
        if session.state is target:
            return session
        if session.state not in allowed:
            raise LdsError(409, "wrong_state", f"The lab is {session.state}: {action} is not possible now.")
        session.state = target
        self.sessions.put(session.id, session)
        data = {"auth_id": session.auth_id, "session_id": session.id, "part": 1, "reason": f"learner pressed {action}"}
        self.events.send(event, session.auth_id, data)
        return session

    def launch_url(self, session_id: str) -> str:
        """A signed link that lets its holder in for some hours."""
        session = self._open(session_id)
        if session.state is S.PENDING:
            raise LdsError(409, "no_devices", f"Session {session_id} has no devices yet.")
        expires = int(time.time() + self._settings.launch_hours * 3600)
        base = self._settings.public_url or f"http://{self._settings.host}:{self._settings.port}"
        return f"{base.rstrip('/')}/lab/{session_id}?expires={expires}&signature={self._sign(session_id, expires)}"

    def admit(self, session_id: str, expires: str, signature: str) -> DeliverySession:
        """The session behind a launch link. Raises ``LdsError`` 403 for a link that is not good."""
        genuine = expires.isdigit() and hmac.compare_digest(self._sign(session_id, int(expires)), signature)
        if not genuine or int(expires) < time.time():
            raise LdsError(403, "bad_link", "This link is not valid, or not any more. Ask for a new one.")
        return self.get(session_id)

    async def refresh(self, form_qualified_name: str) -> dict[str, object]:
        """Look for the newest content of a form. Raises ``LdsError`` 404 when there is none."""
        try:
            key, size = await self._objects.newest(bucket_of(form_qualified_name), "packages/")
        except ObjectMissingError as error:
            raise LdsError(404, "content_not_found", str(error)) from error
        return {"version": key.rpartition("/")[2].removesuffix(".zip"), "size": size}

    def _open(self, session_id: str) -> DeliverySession:
        session = self.get(session_id)
        if session.state is S.ARCHIVED:
            raise LdsError(409, "session_archived", f"Session {session_id} is archived.")
        return session

    def _sign(self, session_id: str, expires: int) -> str:
        return hmac.new(self._key, f"{session_id}.{expires}".encode(), hashlib.sha256).hexdigest()
